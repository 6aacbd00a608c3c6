"""What a rehearsal tells of months that waited for a person."""

from typing import Any

import pytest

from billing.commands import CommandResult
from clients import month_commands
from sandbox.rehearsal import reviewers
from sandbox.rehearsal.reviewers import MonthWatch
from sandbox.rehearsal.script import Script
from tests.stops import text_of
from tests.unit.months import HOUR, PERIOD, drafted

HALT: dict[str, Any] = {"customer": "acme", "do": "halt", "by": "ann", "reason": "ask them"}


class _Handle:
    def __init__(self) -> None:
        self.done: list[str] = []

    async def execute_update(self, name: str, *_: object, **__: object) -> CommandResult:
        self.done.append(name)
        return CommandResult(accepted=True, result="done", stage="", period=PERIOD)

    async def terminate(self, _: str) -> None:
        self.done.append("terminate")


@pytest.mark.parametrize(
    ("otherwise", "done", "did"),
    [("skip", "skip", "skipped"), ("wait", "terminate", "left waiting; later months are not rehearsed")],
)
async def test_what_is_left_to_the_script_and_not_done_by_it_is_told(
    monkeypatch: pytest.MonkeyPatch, otherwise: str, done: str, did: str
) -> None:
    handle = _Handle()
    for module in (month_commands, reviewers):
        monkeypatch.setattr(module, "handle_for", lambda *_: handle)
    say = [HALT | {"when": "draft + 6h"}, HALT | {"do": "edit", "remove": ["row-2"], "when": "draft + 80h"}]
    watching = MonthWatch(Script.model_validate({"otherwise": {"stopped": otherwise}, "say": say}), PERIOD)
    watching.client = object()  # type: ignore[assignment]
    month = drafted(1000, unreadable=True)
    for hours in (6, 30, 90):
        await watching.is_alerted(month, month.import_at + hours * HOUR)
    assert handle.done == [done]
    (need,) = watching.needs
    assert need.at == month.import_at + 6 * HOUR
    assert (need.why, need.did) == (text_of(month.stopped), f"left to the script; then {did}")


async def test_a_month_that_waits_for_two_things_tells_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(month_commands, "handle_for", lambda *_: _Handle())
    watching = MonthWatch(Script(), PERIOD)
    watching.client = object()  # type: ignore[assignment]
    first = drafted(1000, unreadable=True)
    await watching.is_alerted(first, first.import_at)
    second = drafted(1000, terms={"review_mode": "approve"})
    await watching.is_alerted(second, second.notice_at)
    (need,) = watching.needs
    assert need.why == f"{text_of(first.stopped)}; then {text_of(second.waits_for(second.notice_at))}"
    assert need.did == "skipped; then approved"
