"""How the months of a rehearsal pass, without a Temporal server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from billing.errors import BillingError
from billing.month import Month
from billing.period import Period
from sandbox.rehearsal import run
from sandbox.rehearsal.book import Book, Entry, Looks, span
from sandbox.rehearsal.script import Script
from sandbox.rehearsal.sheets import Worksheets
from tests.unit.months import PERIOD, opened


def _book(first: Period, months: int) -> Book:
    last = first
    for _ in range(months - 1):
        last = last.next()
    entry = Entry(Month.open(opened().customer, first))
    return Book("a test", [entry], tuple(span(first, last)), Worksheets({}, {}, []), {}, Looks("", "", "."))


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
