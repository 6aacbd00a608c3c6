"""Every path of a month that is recorded: each function walks one, until the month is closed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from billing.commands import Command, Halt, Resume
from billing.customers.customer import ReviewMode, Terms
from billing.invoices.commands import Approve, CloseAccount, Edit, Skip
from billing.invoices.invoice import ChangeLine
from billing.invoices.month import Month
from billing.period import Period
from tests.bed import Bed

ANN: dict[str, Any] = {"by": "ann", "reason": "recorded for the replay test"}
OCTOBER: dict[str, Any] = {**ANN, "period": Period("2026-10")}


async def paid(bed: Bed) -> None:
    await bed.monitored()
    await bed.closed()


async def closed_after_its_charge(bed: Bed) -> None:
    await bed.monitored()
    await bed.announced()
    await bed.mail_faults({"action": "defer", "recipient": "acme@example.com", "times": 2})
    await bed.closed()


async def told_during_the_charge(bed: Bed) -> None:
    await bed.monitored()
    month = await bed.announced()
    await bed.stripe_fault(path="/confirm$", kind="slow", seconds=1.5, executed=True)
    skipping = asyncio.create_task(bed.skip_to("acme", month.charge_at))
    await bed.until("acme", lambda month: month.charging is not None)
    await _say(bed, CloseAccount(**ANN))
    await skipping
    await bed.handle("acme").result()


async def nothing_due(bed: Bed) -> None:
    await bed.monitored(sales=())
    await bed.closed()


async def declined(bed: Bed) -> None:
    await bed.monitored(card="pm_card_chargeCustomerFail")
    await bed.closed()


async def skipped(bed: Bed) -> None:
    await bed.monitored()
    await _say(bed, Skip(**ANN))
    await bed.until("acme", lambda month: month.period == "2026-11")


async def halted_and_resumed(bed: Bed) -> None:
    await bed.monitored()
    await bed.handle("acme").signal("halt", {"by": "ann"})
    await bed.until("acme", lambda month: month.halt is not None)
    await bed.skip("acme", timedelta(days=3))
    await _say(bed, Resume(**ANN))
    await bed.closed()


async def halt_told_in_time(bed: Bed) -> None:
    month = await bed.monitored()
    await _say(bed, Halt(**ANN))
    await bed.skip_to("acme", month.notice_at - timedelta(hours=12))
    await bed.until("acme", lambda month: month.alerts == 2)
    await _say(bed, Resume(**ANN))
    await bed.closed()


async def edited_in_the_last_call(bed: Bed) -> None:
    await bed.monitored(sales=("100", "'12,50"))
    await _say(bed, Edit(**OCTOBER, version=1, changes=(ChangeLine(line_id="row-3", amount_minor=1250),)))
    await bed.announced()
    await _say(bed, Edit(**OCTOBER, version=2, changes=(ChangeLine(line_id="row-3", amount_minor=1200),)))
    await bed.until("acme", lambda month: month.notices == 2 and month.announced)
    await bed.closed()


async def approved(bed: Bed) -> None:
    month = await bed.monitored(terms=Terms(review_mode=ReviewMode.APPROVE))
    await bed.skip_to("acme", month.notice_at)
    await bed.until("acme", lambda month: month.alerts == 1)
    assert month.invoice is not None
    await _say(bed, Approve(**ANN, digest=month.invoice.digest))
    await bed.closed()


async def sales_awaited(bed: Bed) -> None:
    customer = await bed.customer("acme")
    await bed.start(customer, "2026-10")
    await bed.skip("acme", timedelta(minutes=5))
    await bed.until("acme", lambda month: month.alerts == 1)
    bed.sales("2026-10", (customer.mailbox, "10", "Hosting"))
    await bed.skip("acme", timedelta(hours=1))
    await bed.closed()


async def processor_down(bed: Bed) -> None:
    await bed.monitored()
    month = await bed.announced()
    await bed.stripe_fault(path="/v1/payment_intents", method="*", kind="status", status=503, times=None)
    await bed.skip_to("acme", month.charge_at)
    await bed.skip("acme", timedelta(minutes=5))
    await bed.until("acme", lambda month: month.alerts == 1)
    await bed.stripe_clear_faults()
    await bed.skip("acme", timedelta(hours=1))
    await bed.until("acme", lambda month: month.period == "2026-11")


async def cancellation_requested(bed: Bed) -> None:
    await bed.monitored()
    await bed.handle("acme").cancel()
    await bed.until("acme", lambda month: month.halt is not None)
    await _say(bed, Resume(**ANN))
    await bed.closed()


async def billed(bed: Bed) -> None:
    await bed.monitored(payment_method={"kind": "bill"})
    await bed.closed()


async def billed_after_a_halt(bed: Bed) -> None:
    month = await bed.monitored(payment_method={"kind": "bill"})
    await _say(bed, Halt(**ANN))
    await bed.skip_to("acme", month.notice_at)
    await _say(bed, Resume(**ANN))
    await bed.closed()


async def account_closed(bed: Bed) -> None:
    await bed.monitored()
    await _say(bed, CloseAccount(**ANN))
    month = await bed.announced()
    await bed.skip_to("acme", month.charge_at)
    await bed.handle("acme").result()


async def continued_in_its_middle(bed: Bed) -> None:
    await bed.monitored()
    first_run = (await bed.handle("acme").describe()).run_id
    for _ in range(60):
        await _say(bed, Halt(**ANN))
        await _say(bed, Resume(**ANN))
    async with asyncio.timeout(20):
        while (await bed.handle("acme").describe()).run_id == first_run:
            await asyncio.sleep(0.05)


async def charge_given_up(bed: Bed) -> None:
    await bed.monitored()
    month = await bed.announced()
    await bed.stripe_fault(path="/v1/payment_intents$", method="GET", kind="status", status=401, times=None)
    await bed.skip_to("acme", month.charge_at)
    await bed.until("acme", lambda month: bool(month.failure))
    await bed.stripe_clear_faults()
    await _say(bed, Skip(**OCTOBER))
    await bed.until("acme", lambda month: month.period == "2026-11")


async def declined_and_collected(bed: Bed) -> None:
    await overdue(bed)


async def overdue(bed: Bed, behaviour: str = "decline:insufficient_funds") -> Month:
    month = await bed.monitored()
    await bed.behaves(month.customer, behaviour)
    closed = await bed.closed()
    await bed.collects(lambda found: True)
    return closed


async def _say(bed: Bed, command: Command) -> None:
    answer = await bed.command("acme", command)
    assert answer.accepted, answer.result


MONTHS: tuple[Callable[[Bed], Awaitable[None]], ...] = (
    paid,
    closed_after_its_charge,
    told_during_the_charge,
    nothing_due,
    declined,
    skipped,
    halted_and_resumed,
    halt_told_in_time,
    edited_in_the_last_call,
    approved,
    sales_awaited,
    processor_down,
    cancellation_requested,
    billed,
    billed_after_a_halt,
    account_closed,
    continued_in_its_middle,
    charge_given_up,
    declined_and_collected,
)
