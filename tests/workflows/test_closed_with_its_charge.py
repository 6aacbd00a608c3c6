"""A month that is paid is closed by the attempt that charged it; whatever happens in between, it closes once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.notices import NoticeActivities
from activities.payments import PaymentActivities
from billing.commands import Halt
from billing.errors import LedgerUnavailable, OutcomeConflict
from billing.invoices.commands import CloseAccount
from billing.invoices.month import Month
from billing.invoices.stages import Charging, Stage
from billing.mails.mail import CustomerMailKind, MessageStatus
from billing.payments.payment import Charged
from billing.period import Period
from bootstrap import (
    connect_alerts,
    connect_customer_mails,
    connect_digest_trigger,
    connect_sheet_comparer,
)
from bootstrap_texts import connect_customer_messages
from clients.collection_commands import CollectionSignals
from services import clock
from services.bills import Bills
from services.cashier import Cashier
from tests.bed import OCTOBER, Bed
from tests.unit.months import charging
from tests.workflows.brakes import pull
from tests.workflows.charging import ANN, CONFIRM, attempts


class Killed(BaseException):
    """The process is gone: nothing that it would have done next is done."""


async def announced(bed: Bed) -> Month:
    """A month that is charged now; no workflow has to be waited for."""
    customer = await bed.customer("acme")
    return charging(10000, payment_method=customer.payment_method)


async def charge(bed: Bed, month: Month, close: Callable[[Month], Awaitable[None]] | None = None) -> Charged:
    """One attempt of the activity, whose close is ``close``, or the real one."""

    async def attempt() -> Charged:
        clock.begin()
        closing = close or notices(bed).close_month
        return await PaymentActivities(Cashier(bed.adapters.payments, bed.ledger), bed.ledger, closing).charge_card(
            month
        )

    return await ActivityEnvironment().run(attempt)


def notices(bed: Bed) -> NoticeActivities:
    letters = connect_customer_mails(bed.settings, bed.adapters)
    alerts = connect_alerts(bed.settings, bed.adapters, connect_digest_trigger(bed.settings, bed.client))
    bills = Bills(
        connect_customer_messages(bed.settings, bed.adapters, alerts), bed.ledger, CollectionSignals(bed.client)
    )
    return NoticeActivities(letters, alerts, bed.ledger, connect_sheet_comparer(bed.settings, bed.adapters), bills)


async def sent(bed: Bed) -> list[tuple[CustomerMailKind, MessageStatus]]:
    rows = await bed.ledger.messages("acme", Period(OCTOBER))
    return [(row.kind, row.status) for row in rows if row.kind is not CustomerMailKind.NOTICE]


@pytest.mark.parametrize("dies", ["before the outcome is on record", "before the receipt", "after the receipt"])
async def test_killed_in_the_middle_the_next_attempt_finds_what_was_done_and_closes_once(bed: Bed, dies: str) -> None:
    month = await announced(bed)

    async def closes_until(asked: Month) -> None:
        if dies == "before the receipt":
            await bed.ledger.record(asked, clock.now())
        if dies == "after the receipt":
            await notices(bed).close_month(asked)
        raise Killed

    with pytest.raises(Killed):
        await charge(bed, month, closes_until)
    again = await charge(bed, month)
    assert again.closed
    assert attempts(bed) == ["succeeded"]
    assert await sent(bed) == [(CustomerMailKind.RECEIPT, MessageStatus.SENT)]
    assert len(bed.mails("acme@example.com")) == 1
    recorded = await bed.recorded("acme", OCTOBER)
    assert recorded.closed
    assert (recorded.outcome, recorded.closed.charge) == (Stage.PAID, again.result)
    assert recorded == month.charged(again.result)
    assert await bed.ledger.month("acme", Period("2026-11")) == recorded.next_month()


async def test_an_outcome_that_is_not_of_this_charge_is_another_ones(bed: Bed) -> None:
    month = await announced(bed)
    await charge(bed, month)
    with pytest.raises(OutcomeConflict):
        await charge(bed, month.evolve(charging=Charging(since=month.charge_at.replace(year=2027))))


async def test_an_attempt_that_was_given_up_meanwhile_charges_but_does_not_close_over_what_came_later(bed: Bed) -> None:
    month = await announced(bed)
    later = month.delayed("SalesUnavailable", "no answer in time")
    await bed.stripe_fault(path=CONFIRM, kind="slow", seconds=1, executed=True)
    slow = asyncio.create_task(charge(bed, month))
    async with asyncio.timeout(60):
        while not attempts(bed):
            await asyncio.sleep(0.02)
    await bed.ledger.record(later, later.charge_at)
    assert not (await slow).closed
    assert await bed.ledger.month("acme", Period(OCTOBER)) == later
    assert (await charge(bed, later)).closed
    assert attempts(bed) == ["succeeded"]


async def test_a_ledger_that_fails_at_the_close_does_not_lose_the_answer(bed: Bed) -> None:
    month = await announced(bed)

    async def fails(asked: Month) -> None:
        raise LedgerUnavailable("no disk")

    answer = await charge(bed, month, fails)
    assert (answer.status, answer.closed) == ("succeeded", False)


async def test_a_mail_server_that_is_down_at_the_close_is_waited_for_and_the_receipt_leaves_once(bed: Bed) -> None:
    await bed.monitored()
    await bed.announced()
    await bed.mail_faults({"action": "defer", "recipient": "acme@example.com", "times": 3})
    assert (await bed.closed()).outcome is Stage.PAID
    assert await sent(bed) == [(CustomerMailKind.RECEIPT, MessageStatus.SENT)]
    assert len(bed.mails("acme@example.com")) == 2
    assert bed.charged() == [(OCTOBER, 10000)]


async def test_what_is_said_during_the_charge_counts_and_is_on_record_when_the_month_is_closed_with_it(
    bed: Bed,
) -> None:
    async with _charging(bed):
        halted = await bed.command("acme", Halt(**ANN))
        assert "has begun" in halted.result
        assert (await bed.command("acme", CloseAccount(**ANN))).accepted
    farewell = await bed.handle("acme").result()
    assert farewell.last_period == OCTOBER
    closed = await bed.recorded("acme", OCTOBER)
    assert (closed.outcome, closed.leaving) == (Stage.PAID, farewell.reason)
    decisions = await bed.ledger.decisions("acme", Period(OCTOBER))
    assert [(each.command, each.accepted) for each in decisions] == [("halt", False), ("close_account", True)]
    assert await bed.ledger.closed_reason("acme") == farewell.reason
    assert await bed.ledger.month("acme", Period("2026-11")) is None
    assert await sent(bed) == [(CustomerMailKind.RECEIPT, MessageStatus.SENT)]


async def test_the_brake_pulled_between_charge_and_close_takes_no_receipt_away(bed: Bed) -> None:
    async with _charging(bed):
        await pull(bed)
    assert (await bed.until("acme", lambda month: month.period == "2026-11")).outcome is None
    assert (await bed.recorded("acme", OCTOBER)).outcome is Stage.PAID
    assert await sent(bed) == [(CustomerMailKind.RECEIPT, MessageStatus.SENT)]


@asynccontextmanager
async def _charging(bed: Bed) -> AsyncIterator[None]:
    """The money has moved at the processor, whose answer takes a second or two; afterwards it has come."""
    await bed.monitored()
    month = await bed.announced()
    await bed.stripe_fault(path=CONFIRM, kind="slow", seconds=1.5, executed=True)
    skipping: Any = asyncio.create_task(bed.skip_to("acme", month.charge_at))
    async with asyncio.timeout(60):
        while not attempts(bed):
            await asyncio.sleep(0.02)
    yield
    await skipping
