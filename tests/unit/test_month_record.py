"""A page that waits for the answer to a command shows the month after that command, even while Temporal is silent."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from temporalio.client import Client

from billing.errors import TemporalUnavailable
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from console.reviewers.invoice import month_record
from console.reviewers.invoice.month_record import MonthRecordLedger, MonthRecords
from tests.unit.months import command, decided, drafted

NOW = datetime(2026, 11, 2, tzinfo=UTC)


class OneMonth:
    """A ledger with one month."""

    def __init__(self, month: Month) -> None:
        self.kept = month

    async def month(self, *_: object) -> Month:
        return self.kept

    async def decisions(self, *_: object) -> list[Any]:
        return list(self.kept.decisions)

    async def collection(self, *_: object) -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        async def nothing(*_: object, **__: object) -> list[Any]:
            return []

        return nothing


async def test_an_answer_is_shown_with_its_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    before = drafted(10000)
    skipped, decision = decided(before, command("skip").evolve(command_id="c-1"), NOW, "console")
    ledger = OneMonth(before)

    async def records_meanwhile(*_: object) -> None:
        ledger.kept = skipped
        raise TemporalUnavailable("no answer")

    monkeypatch.setattr(month_record, "described", records_meanwhile)
    records = MonthRecords(cast(Client, None), cast(MonthRecordLedger, ledger), "")
    record = await records.open("acme", before.period, "c-1")
    assert record is not None
    assert record.answer_to("c-1") == decision
    assert record.month.outcome is Stage.SKIPPED
