"""How the months of a rehearsal pass, without a Temporal server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from billing.errors import BillingError
from billing.invoices.month import Month
from billing.period import Period
from sandbox.rehearsal import run
from sandbox.rehearsal.book import Book, BookEntry, span
from sandbox.rehearsal.reality import RealSettings
from sandbox.rehearsal.reviewers import MonthWatch
from sandbox.rehearsal.script import Script
from sandbox.rehearsal.sheets import Worksheets
from tests.unit.months import DAY, HOUR, PERIOD, opened

BEGAN = datetime.now(UTC)
Planned = Callable[[dict[str, Any], datetime], tuple[list[Period], list[tuple[Period, datetime, str]]]]
HALT = {"customer": "acme", "do": "halt", "by": "ann", "reason": "ask them"}


def _book(first: Period, months: int) -> Book:
    last = first
    for _ in range(months - 1):
        last = last.next()
    entry = BookEntry(Month.open(opened().customer, first))
    return Book("a test", [entry], tuple(span(first, last)), Worksheets({}, {}, []), {}, RealSettings("", "", "."))


class _Chain:
    """A chain that ends a month in every ``days``, on a clock that begins now; it is its own client and timeline."""

    def __init__(self, book: Book, days: int) -> None:
        self.watching = MonthWatch(Script(), book.periods[-1])
        self._months = iter(book.periods)
        self._month = timedelta(days=days)
        self._now, self._ends_at = BEGAN, BEGAN + self._month

    async def start_workflow(self, *_: Any, **__: Any) -> "_Chain":
        return self

    async def reach(self, _: object, instant: datetime) -> datetime:
        self._now = max(self._now, instant)
        while self._now >= self._ends_at and (period := next(self._months, None)):
            self.watching.is_closed(Month.open(opened().customer, period))
            self._ends_at += self._month
        return self._now


async def _closed(monkeypatch: pytest.MonkeyPatch, book: Book, days: int) -> tuple[int, timedelta]:
    """How many months have ended when the rehearsal has, and how long that took on the chain's clock."""
    chain = _Chain(book, days)
    monkeypatch.setattr(run, "Timeline", lambda _: chain)
    world = SimpleNamespace(client=chain, ledger=SimpleNamespace(debts=_nothing))
    await run._Run(book, Script(), world, chain.watching, lambda _: None).everybody()  # type: ignore[arg-type]
    return len(chain.watching.closed), await chain.reach(None, BEGAN) - BEGAN


async def _nothing(**_: Any) -> list[object]:
    return []


@pytest.mark.parametrize("months", [1, 3, 24])
async def test_months_that_ended_long_ago_are_passed_from_now_on(monkeypatch: pytest.MonkeyPatch, months: int) -> None:
    closed, took = await _closed(monkeypatch, _book(Period("2020-01"), months), days=7)
    assert closed == months
    assert took <= months * 7 * DAY + DAY  # nor longer than it takes


async def test_a_chain_that_stands_still_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    closed, took = await _closed(monkeypatch, _book(Period("2020-01"), 24), days=10_000)
    assert closed == 0
    assert took < 100 * DAY


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> Planned:
    """The months in which a command will be sent; and those in which not, when that was seen, and why."""

    def plan(command: dict[str, Any], began: datetime) -> tuple[list[Period], list[tuple[Period, datetime, str]]]:
        book, script = _book(PERIOD, 2), Script.model_validate({"say": [HALT | command]})
        monkeypatch.setattr(run, "Timeline", lambda _: None)
        acting = run._Run(book, script, SimpleNamespace(client=None), MonthWatch(script, PERIOD), lambda _: None)  # type: ignore[arg-type]
        periods = [period for _, period, _ in acting._planned(book.entries[0], began)]
        assert not any(outcome.accepted for outcome in acting.commands)
        return periods, [(outcome.period, outcome.at, outcome.result) for outcome in acting.commands]

    return plan


def test_a_command_whose_time_is_over_is_not_sent_and_says_so(planned: Planned) -> None:
    began = opened().import_at + 7 * HOUR
    over = ("2026-10", began, "its time was over when the rehearsal began")
    assert planned({"when": "draft + 6h"}, began) == (["2026-11"], [over])
    assert planned({"when": "draft + 6h"}, began - DAY) == (["2026-10", "2026-11"], [])


@pytest.mark.parametrize(("period", "why"), [("2026-08", "its time was over"), ("2027-03", "2027-03 is not rehearsed")])
def test_a_command_to_a_month_that_is_not_rehearsed_says_so(period: str, why: str, planned: Planned) -> None:
    periods, unsent = planned({"period": period}, opened().import_at)
    assert periods == []
    assert [(month, result.startswith(why)) for month, _, result in unsent] == [(period, True)]


async def test_what_ends_a_rehearsal_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Failing:
        def __init__(self, *_: object) -> None:
            self.commands: list[object] = []

        async def everybody(self) -> None:
            async def fail(error: Exception) -> None:
                raise error

            async with asyncio.TaskGroup() as group:
                group.create_task(fail(RuntimeError("a consequence")))
                group.create_task(fail(BillingError("the ledger cannot be reached")))

    @asynccontextmanager
    async def world(*_: object) -> AsyncIterator[SimpleNamespace]:
        yield SimpleNamespace(client=None)

    monkeypatch.setattr(run, "_Run", Failing)
    monkeypatch.setattr(run, "private_world", world)
    with pytest.raises(BillingError, match="the ledger cannot be reached"):
        await run.rehearse(_book(PERIOD, 1), Script(), tmp_path, lambda _: None)
