"""``close --now`` skips the month that was looked at, and no draft that has come in between."""

from typing import Any

import pytest

from billing.invoices.month import Month
from billing.period import Period
from cli.customers import close_account as closing
from cli.terminal.options import CommandOptions
from tests.unit.months import drafted, opened

NO_DRAFT = {"version": 0, "digest": ""}


@pytest.mark.parametrize("month", [opened(), drafted()], ids=["no draft", "an empty draft"])
async def test_what_is_skipped_is_what_was_looked_at(monkeypatch: pytest.MonkeyPatch, month: Month) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    async def look(*_: object) -> Month:
        return month

    async def ask(options: CommandOptions, name: str, period: Period, fields: dict[str, Any]) -> dict[str, Any]:
        asked.append((name, fields))
        return {"accepted": True, "period": period, "result": "done"}

    monkeypatch.setattr(closing, "load_settings", lambda: None)
    monkeypatch.setattr(closing, "_month_without_dues", look)
    monkeypatch.setattr(closing, "ask", ask)
    await closing.close(CommandOptions("acme", "ann", "left"), now=True)
    seen = {"version": 1, "digest": month.invoice.digest} if month.invoice else NO_DRAFT
    assert asked == [("close_account", {}), ("skip", seen)]
