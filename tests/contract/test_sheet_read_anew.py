"""Which state of the sheet is billed: one for all of an import, another for who is late or has mended a row."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from billing.commands import Resume
from billing.errors import SalesUnavailable
from sandbox.stand_ins.sheets_api import sheets_app
from tests.contract.ledger_fixtures import OCTOBER
from tests.contract.sheet_office import HOUR, Office, office, opened, people
from tests.unit.months import decided

__all__ = ["office"]  # fixture


async def test_all_of_one_import_are_billed_from_one_state_of_the_sheet(office: Office) -> None:
    """And what is typed meanwhile is found before the charge."""
    first, second = opened(people(2))
    office.sells(OCTOBER, [first.customer, second.customer])
    worker = await office.worker()
    office.now = first.import_at + timedelta(seconds=1)
    months = [await worker.collect(first)]
    office.sells(OCTOBER, [first.customer, second.customer], (first.customer, "7"), (second.customer, "8"))
    office.now = first.import_at + HOUR
    months.append(await worker.collect(second))
    digests = {month.invoice.sales.digest for month in months if month.invoice and month.invoice.sales}
    assert len(digests) == 1
    office.now = months[0].notice_at + timedelta(seconds=1)
    assert [await worker.finds(month) for month in months] == [1, 1]
    assert await office.requests() == 2 + 2


async def test_who_comes_late_is_billed_from_what_the_sheet_says_by_then(office: Office) -> None:
    months = opened(people(15))
    everybody = [month.customer for month in months]
    office.sells(OCTOBER, everybody)
    worker = await office.worker()
    office.now = months[0].import_at + timedelta(seconds=1)
    await worker.collect(months[0])
    office.sells(OCTOBER, everybody, *((customer, "7") for customer in everybody))
    for number, month in enumerate(months[1:]):
        office.now = month.import_at + timedelta(days=3, seconds=2 * number)
        drafted = await worker.collect(month)
        assert drafted.invoice is not None
        assert drafted.invoice.total_minor == 1700
    assert await office.requests() == 2 + 2 + 1, "of those who follow each other within seconds, one for all"


async def test_what_a_person_has_mended_is_read_anew(office: Office) -> None:
    """The reading that others were billed from in that hour does not serve after an outage, nor after a resume."""
    worker, (first, second, third) = await office.worker(), opened(people(3))
    everybody = [first.customer, second.customer, third.customer]
    office.sells(OCTOBER, everybody)
    office.now = first.import_at + timedelta(seconds=1)
    await worker.collect(first)
    office.sells(OCTOBER, everybody, (second.customer, "7"))
    office.now += timedelta(minutes=10)
    mended = await worker.collect(second.delayed("SalesUnavailable", "worksheet '2026-10' no longer has any rows"))
    assert mended.invoice is not None
    assert mended.invoice.total_minor == 1700
    office.sells(OCTOBER, everybody, (third.customer, "7"))
    office.now += timedelta(seconds=10)
    resume = Resume(by="ann", reason="summed up")
    resumed, decision = decided(third.failed("more than 2000 rows"), resume, office.now, "update")
    assert decision.accepted
    mended = await worker.collect(resumed)
    assert mended.invoice is not None
    assert mended.invoice.total_minor == 1700


async def test_a_worksheet_that_is_being_typed_in_is_read_again(office: Office, serve: Any, tmp_path: Path) -> None:
    (month,) = opened(people(1))
    office.sells(OCTOBER, [], (month.customer, "1"))
    inner, edits = sheets_app(tmp_path), ["1", "TRUE"]  # equal to Python, and not to a customer

    async def typed(scope: Any, receive: Any, send: Any) -> None:
        await inner(scope, receive, send)
        if edits and scope["type"] == "http":
            office.sells(OCTOBER, [], (month.customer, edits.pop()))

    office.url = await serve(typed)
    office.now = month.import_at + timedelta(seconds=1)
    worker = await office.worker()
    with pytest.raises(SalesUnavailable, match="'2026-10' is being edited; it will be read again"):
        await worker.collect(month)
    office.now += timedelta(seconds=1)
    drafted = await worker.collect(month)
    assert drafted.invoice is not None
    assert drafted.invoice.total_minor == 100


async def test_a_clock_that_is_elsewhere_in_time_has_readings_of_its_own(office: Office) -> None:
    """As in a rehearsal, where each customer's time is skipped by itself."""
    worker, (first, second) = await office.worker(), opened(people(2))
    office.sells(OCTOBER, [first.customer])
    office.now = first.import_at + timedelta(days=400)
    await worker.collect(first)
    office.sells(OCTOBER, [second.customer])
    office.now = second.import_at + timedelta(seconds=1)
    drafted = await worker.collect(second)
    assert drafted.invoice is not None
    assert drafted.invoice.total_minor == 1000


async def test_a_person_always_sees_the_sheet_as_it_is(office: Office) -> None:
    worker, (month,) = await office.worker(), opened(people(1))
    office.sells(OCTOBER, [month.customer])
    office.now = month.import_at + timedelta(seconds=1)
    drafted = await worker.collect(month)
    office.sells(OCTOBER, [month.customer], (month.customer, "7"))
    office.now += timedelta(seconds=1)
    looks = [worker.comparing.compare(drafted, office.now) for _ in range(5)]
    assert all(compared and len(compared.changes) == 1 for compared in await asyncio.gather(*looks))
    assert await office.requests() == 2 + 2
