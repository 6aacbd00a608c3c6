"""How the months of a rehearsal pass, without a Temporal server."""

import asyncio
from collections.abc import AsyncIterator
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
from sandbox.rehearsal.book import Book, BookEntry, MailSettings, span
from sandbox.rehearsal.reviewers import MonthWatch
from sandbox.rehearsal.script import Script
from sandbox.rehearsal.sheets import Worksheets
from tests.unit.months import DAY, HOUR, PERIOD, opened

BEGAN = datetime.now(UTC)
HALT = {"customer": "acme", "do": "halt", "by": "ann", "reason": "ask them"}


def _book(first: Period, months: int) -> Book:
    last = first
    for _ in range(months - 1):
        last = last.next()
    entry = BookEntry(Month.open(opened().customer, first))
    return Book("a test", [entry], tuple(span(first, last)), Worksheets({}, {}, []), {}, MailSettings("", "", "."))


class _Chain:
    """A chain that ends a month in every ``days``, on a clock that begins now; it is its own skipper and handle."""

    def __init__(self, book: Book, days: int) -> None:
        self.client = self
        self.watching = MonthWatch(Script(), book.periods[-1])
        self._months = iter(book.periods)
        self._month = timedelta(days=days)
        self._now, self._ends_at = BEGAN, BEGAN + self._month

    async def start_workflow(self, *_: Any, **__: Any) -> "_Chain":
        return self

    async def get_current_time(self, _: object) -> datetime:
        return self._now

    async def fast_forward(self, _: object, duration: timedelta) -> bool:
        self._now += duration
        while self._now >= self._ends_at and (period := next(self._months, None)):
            self.watching.is_closed(Month.open(opened().customer, period))
            self._ends_at += self._month
        return True

    async def describe(self) -> SimpleNamespace:
        return SimpleNamespace(close_time=None)


async def _closed(monkeypatch: pytest.MonkeyPatch, book: Book, days: int) -> tuple[int, timedelta]:
    """How many months have ended when the rehearsal has, and how long that took on the chain's clock."""
    chain = _Chain(book, days)
    monkeypatch.setattr(run, "TimeSkipper", lambda *_, **__: chain)
    world = SimpleNamespace(client=chain, ledger=SimpleNamespace(collections=_nothing))
    await run._Run(book, Script(), world, chain.watching, lambda _: None).everybody()  # type: ignore[arg-type]
    return len(chain.watching.closed), await chain.get_current_time(None) - BEGAN


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


def _planned(script: dict[str, Any], began: datetime) -> tuple[list[str], list[tuple[str, datetime, str]]]:
    """What will be said, by month; and what will not, when that was seen, and why."""
    book, said = _book(PERIOD, 2), Script.model_validate({"say": [HALT | script]})
    own = SimpleNamespace(_book=book, _script=said, heard=[])
    planned = run._Run._planned(own, book.entries[0], began)  # type: ignore[arg-type]
    assert not any(each.accepted for each in own.heard)
    return [period for _, period, _ in planned], [(each.period, each.at, each.result) for each in own.heard]


def test_words_whose_time_is_over_are_not_said_and_told_so() -> None:
    began = opened().import_at + 7 * HOUR
    over = ("2026-10", began, "its time was over when the rehearsal began")
    assert _planned({"when": "draft + 6h"}, began) == (["2026-11"], [over])
    assert _planned({"when": "draft + 6h"}, began - DAY) == (["2026-10", "2026-11"], [])


@pytest.mark.parametrize(("period", "why"), [("2026-08", "its time was over"), ("2027-03", "2027-03 is not rehearsed")])
def test_words_on_a_month_that_is_not_rehearsed_are_told_so(period: str, why: str) -> None:
    said, unsaid = _planned({"period": period}, opened().import_at)
    assert said == []
    assert [(where, result.startswith(why)) for where, _, result in unsaid] == [(period, True)]


async def test_what_ends_a_rehearsal_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Failing:
        def __init__(self, *_: object) -> None:
            self.heard: list[object] = []

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
