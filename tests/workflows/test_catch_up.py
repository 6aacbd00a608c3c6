"""Outages over whole windows, of one month and of two: what was missed is billed in order, with window and notice."""

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from billing.completeness.report import CompletenessReport, FindingKind
from billing.completeness.snapshots import DataSource
from billing.customers.customer import Terms
from billing.customers.schedule import Schedule
from billing.invoices.commands import Delivered
from billing.invoices.invoice import Invoice
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.period import Period
from billing.sales.sales import lines_for
from bootstrap import SANDBOX_NAMESPACE, connect_completeness
from sandbox.stack.temporal_server import TemporalServer, temporal_server
from tests.bed import Bed, now, prepared_bed
from worker import create_worker
from workflows.visibility import SEARCH_ATTRIBUTES

pytestmark = pytest.mark.turns(2)

DAY = timedelta(days=1)
AUGUST, SEPTEMBER, OCTOBER = "2026-08", "2026-09", "2026-10"
CURRENT = Period.at(now(), "Europe/Paris")


def sell(bed: Bed, *periods: str) -> None:
    for number, period in enumerate(periods, start=1):
        bed.sales(period, ("acme@example.com", f"{number}00", f"Hosting {period}"))


async def caught_up(bed: Bed, *periods: str) -> list[Month]:
    """Lets the months pass; checks what was promised for each of them, and that they came one after the other."""
    months = []
    for period in periods:
        if (await bed.month("acme")).period == period:
            await bed.drafted("acme", period)
            await bed.closed("acme", period)
        month = await bed.recorded("acme", period)
        assert month.outcome is Stage.PAID
        months.append(month)
    for month in months:
        assert month.invoice is not None
        assert month.notice is not None
        assert month.notice.delivered_at is not None
        assert month.notice.delivered_at - month.invoice.imported_at >= month.customer.terms.min_window
        assert month.notice.charge_at - month.notice.delivered_at >= month.customer.terms.min_notice
        assert month.closed is not None
        assert month.closed.at >= month.notice.charge_at
    for earlier, later in pairwise(months):
        assert earlier.closed is not None
        assert later.invoice is not None
        assert earlier.closed.at <= later.invoice.imported_at
    assert bed.charged() == [(period, 10000 * number) for number, period in enumerate(periods, start=1)]
    return months


async def looked_at(bed: Bed, period: str) -> CompletenessReport:
    return await connect_completeness(bed.settings, bed.adapters, bed.client).look(Period(period))


async def late_by(bed: Bed, period: str) -> timedelta:
    """By how much coverage says that the customer was charged late."""
    (late,) = (await looked_at(bed, period)).late
    assert (late.customer_id, late.open) == ("acme", False)
    return timedelta(seconds=late.seconds)


async def test_a_customer_started_in_november_with_august_is_billed_for_each_month_in_order(bed: Bed) -> None:
    sell(bed, AUGUST, SEPTEMBER, OCTOBER)
    await bed.start(await bed.customer("acme"), AUGUST)
    months = await caught_up(bed, AUGUST, SEPTEMBER, OCTOBER)
    for month in months:
        assert (await looked_at(bed, month.period)).late == (), "nobody is late whose months were begun when over"


# -- the worker or the server is down: the clock of a workflow that is not served cannot be moved, so these begin in
# the past, as the server would have kept them


async def kept_since(bed: Bed, month: Month, at: datetime) -> None:
    """The workflow as the server has it whose last worker died at ``at``, and what the ledger had by then."""
    bed.started.append(month.customer.customer_id)
    opened = Month.open(month.customer, month.period)
    await bed.ledger.record(opened, opened.import_at - DAY)
    await bed.ledger.record(month, at)
    await bed.restart_by_hand(month)


@contextlib.asynccontextmanager
async def unserved(server: TemporalServer, folder: Path) -> AsyncIterator[Bed]:
    async with prepared_bed(server, folder, with_worker=False) as bed:
        yield bed


async def phases(bed: Bed, period: str) -> dict[str, tuple[Month, datetime]]:
    """The customer's month before its collection, in its window, and in the last call; and when that was."""
    opened = Month.open(await bed.customer("acme"), Period(period))
    snapshot = await bed.adapters.sales.read(Period(period))
    lines, _ = lines_for(opened.customer, Period(period), snapshot)
    invoice = Invoice(currency="eur", imported_at=opened.import_at, lines=lines)
    drafted = opened.drafted(invoice)
    told = drafted.announcing(drafted.notice_at).delivered(Delivered(at=drafted.notice_at))
    return {
        "scheduled": (opened, opened.import_at - DAY),
        "monitored": (drafted, opened.import_at),
        "announced": (told, drafted.notice_at),
    }


@pytest.mark.parametrize("phase", ["scheduled", "monitored", "announced"])
@pytest.mark.parametrize("periods", [(OCTOBER,), (SEPTEMBER, OCTOBER)], ids=["a window", "two months"])
async def test_when_workers_were_down_over_whole_windows_the_months_are_billed_in_order(
    server: TemporalServer, tmp_path: Path, phase: str, periods: tuple[str, ...]
) -> None:
    async with unserved(server, tmp_path) as bed:
        sell(bed, *periods)
        await kept_since(bed, *(await phases(bed, periods[0]))[phase])
        found = await looked_at(bed, periods[0])
        assert found.kinds == {FindingKind.OVERDUE: 1}
        assert found.late[0].open
        async with create_worker(bed.client, bed.settings, bed.adapters):
            await caught_up(bed, *periods)
        for period in periods:
            assert await late_by(bed, period) > DAY
        assert (await looked_at(bed, periods[0])).covered


@pytest.mark.parametrize("periods", [(OCTOBER,), (SEPTEMBER, OCTOBER)], ids=["a window", "two months"])
async def test_when_the_server_was_down_over_whole_windows_the_months_are_billed_in_order(
    tmp_path: Path, periods: tuple[str, ...]
) -> None:
    async with (
        temporal_server(
            log=tmp_path / "server.log",
            namespace=SANDBOX_NAMESPACE,
            search_attributes=SEARCH_ATTRIBUTES,
            db_file=tmp_path / "temporal.db",
        ) as own,
        unserved(own, tmp_path) as bed,
    ):
        sell(bed, *periods)
        await kept_since(bed, *(await phases(bed, periods[0]))["scheduled"])
        own.child.kill()
        down = await connect_completeness(bed.settings, bed.adapters, bed.client).look(Period(periods[0]))
        assert not down.covered
        assert DataSource.TEMPORAL in down.unseen
        await own.child.start()
        async with create_worker(bed.client, bed.settings, bed.adapters):
            await caught_up(bed, *periods)
        assert await late_by(bed, periods[0]) > DAY


# -- a service is down: time passes, and everything is tried again and again


BRISK = Terms(
    schedule=Schedule(notice_days=0, notice_time=time(10), charge_days=0, charge_time=time(14)),
    min_window_hours=2,
    min_notice_hours=2,
)
"""A window of twelve hours: what is down is asked every quarter of an hour, and each time takes a while here."""


async def stands(bed: Bed, stage: Stage, instant: datetime) -> None:
    """The month is in this stage at ``instant``, people have been told, and coverage does not call it covered."""
    await bed.skip_to("acme", instant)
    month = await bed.until("acme", lambda month: bool(month.outage) and month.alerts > 0)
    assert month.stage(instant) is stage
    assert not (await looked_at(bed, month.period)).covered


@pytest.mark.parametrize("periods", [(CURRENT,), (SEPTEMBER, OCTOBER)], ids=["a window", "two months"])
async def test_when_the_sheet_was_down_over_whole_windows_nobody_is_billed_zero_and_all_is_billed_later(
    bed: Bed, periods: tuple[str, ...]
) -> None:
    await bed.start(await bed.customer("acme", terms=BRISK), periods[0])
    month = await bed.month("acme")
    await stands(bed, Stage.AWAITING_SALES, max(now(), month.charge_at) + DAY)
    assert bed.mails("acme@example.com") == []
    sell(bed, *periods)
    await bed.skip("acme", timedelta(hours=1))
    await caught_up(bed, *periods)
    if CURRENT in periods:
        assert await late_by(bed, CURRENT) > DAY
    else:
        for period in periods:
            assert (await looked_at(bed, period)).late == (), "they were begun when they were over"


@pytest.mark.parametrize("periods", [(CURRENT,), (SEPTEMBER, OCTOBER)], ids=["a window", "two months"])
async def test_when_stripe_was_down_over_whole_windows_everything_is_charged_once_later(
    bed: Bed, periods: tuple[str, ...]
) -> None:
    sell(bed, *periods)
    await bed.start(await bed.customer("acme", terms=BRISK), periods[0])
    await bed.skip_to("acme", (await bed.month("acme")).import_at)
    await bed.drafted("acme", periods[0])
    month = await bed.announced()
    await bed.stripe_fault(path="/v1/payment_intents", method="*", kind="status", status=503, times=None)
    await bed.skip_to("acme", month.charge_at)
    await stands(bed, Stage.UNRESOLVED, month.charge_at + DAY)
    assert bed.charged() == []
    await bed.stripe_clear_faults()
    await bed.skip("acme", timedelta(hours=1))
    await bed.until("acme", lambda month: month.period > periods[0])
    await caught_up(bed, *periods)
    assert await late_by(bed, periods[0]) > DAY
