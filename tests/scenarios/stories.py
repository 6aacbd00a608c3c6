"""What happens to a customer, month after month, for the judge to look at: each function is one story."""

import asyncio
from datetime import timedelta
from typing import Any

from billing.collections.collection import Collection
from billing.collections.commands import WriteOff
from billing.commands import Command, Halt
from billing.customers.customer import ReviewMode, Terms
from billing.customers.schedule import Schedule
from billing.invoices.commands import Edit
from billing.invoices.invoice import ChangeLine
from billing.period import Period
from sandbox.judge.expected import LATE
from tests.bed import Bed

ANN: dict[str, Any] = {"by": "ann", "reason": "review"}
SEPTEMBER, PERIOD = Period("2026-09"), Period("2026-10")


async def an_uneventful_month(bed: Bed) -> None:
    await bed.monitored()
    await bed.announced()
    await bed.closed()


async def the_answer_to_the_charge_is_lost(bed: Bed) -> None:
    await bed.stripe_fault(path="/confirm$", kind="drop_after")
    await an_uneventful_month(bed)


async def the_sheet_changes_for_a_while(bed: Bed) -> None:
    await bed.monitored()
    await bed.announced()
    bed.sales(PERIOD, ("acme@example.com", "250", "Sale 1"))
    await bed.closed()
    bed.sales(PERIOD, ("acme@example.com", "100", "Sale 1"))


async def the_charge_is_planned_for_the_day_after_the_notice(bed: Bed) -> None:
    await bed.monitored(terms=Terms(schedule=Schedule(charge_days=1)))
    await bed.announced()
    await bed.closed()


async def the_sheet_is_down_for_a_moment(bed: Bed) -> None:
    await bed.sheets_fault(path="/values/", kind="status", status=503, times=2)  # one would not agree with the next
    await bed.monitored()
    await bed.closed("acme", PERIOD)


async def a_reviewer_halts_and_leaves(bed: Bed) -> None:
    await bed.monitored()
    month = await bed.announced()
    assert (await bed.command("acme", Halt(**ANN))).accepted
    await bed.skip_to("acme", month.charge_at)
    await bed.until("acme", lambda month: month.alerts > 0 or month.period != PERIOD)


async def nobody_approves(bed: Bed) -> None:
    month = await bed.monitored(terms=Terms(review_mode=ReviewMode.APPROVE))
    await bed.skip_to("acme", month.notice_at)
    month = await bed.until("acme", lambda month: month.alerts > 0 or month.announced)
    if month.announced:
        await bed.closed()


async def a_reviewer_edits(bed: Bed) -> None:
    await bed.monitored()
    change = ChangeLine(line_id="row-2", amount_minor=9000)
    assert (await bed.command("acme", Edit(**ANN, period=PERIOD, version=1, changes=(change,)))).accepted
    await bed.announced()
    await bed.closed()


async def a_reviewer_edits_after_the_notice(bed: Bed) -> None:
    await bed.monitored()
    await bed.announced()
    change = ChangeLine(line_id="row-2", amount_minor=9000)
    assert (await bed.command("acme", Edit(**ANN, period=PERIOD, version=1, changes=(change,)))).accepted
    await bed.until("acme", lambda month: month.announced)
    await bed.closed()


async def the_card_is_declined(bed: Bed) -> None:
    await bed.monitored(card="pm_card_chargeCustomerFail")
    await bed.announced()
    await bed.closed()


async def what_is_owed_is_written_off(bed: Bed) -> None:
    await the_card_is_declined(bed)
    await say_of_what_is_owed(bed, WriteOff(**ANN))


async def the_customer_is_reminded(bed: Bed) -> None:
    await the_card_is_declined(bed)
    await at_rest(bed)
    await bed.skip_collection(timedelta(days=4))
    await at_rest(bed)


async def nobody_may_try_what_is_owed(bed: Bed) -> None:
    await the_card_is_declined(bed)
    await say_of_what_is_owed(bed, Halt(**ANN))
    for days in (4, 2):
        await bed.skip_collection(timedelta(days=days))
        await at_rest(bed)


async def say_of_what_is_owed(bed: Bed, command: Command) -> None:
    await at_rest(bed)
    assert (await bed.tell(command, period=PERIOD)).accepted
    await at_rest(bed)


async def at_rest(bed: Bed) -> None:
    """Until the collection is settled and has said so, or waits for what is yet to come; and the ledger knows."""

    def rests(found: Collection) -> bool:
        return found.outcome is not None or found.due(found.alerted_at or found.since).step is None

    while True:
        found = await bed.collects(rests)
        known = await bed.ledger.collection("acme", PERIOD)
        if found.outcome is not None:
            await bed.collection_handle().result()
            return
        if known is not None and known.revision == found.revision:
            return
        await asyncio.sleep(0.02)


async def a_small_amount_is_carried_forward(bed: Bed) -> None:
    await bed.monitored(sales=("0.30",), period=SEPTEMBER)
    bed.sales(PERIOD, ("acme@example.com", "10", "Hosting"))
    await bed.closed()
    await bed.drafted("acme", PERIOD)
    await bed.announced()
    await bed.closed()


async def a_sale_comes_late(bed: Bed) -> None:
    """After the draft of September, which is charged without it; reviewers are told, and October has it."""
    await bed.monitored(period=SEPTEMBER)
    bed.sales(SEPTEMBER, ("acme@example.com", "100", "Sale 1"), ("acme@example.com", "1234.50", LATE))
    bed.sales(PERIOD, ("acme@example.com", "10", "Hosting"))
    await bed.announced()
    await bed.closed("acme", SEPTEMBER)
    await bed.drafted("acme", PERIOD)
    await bed.announced()
    await bed.closed()


async def the_reply_to_the_receipt_is_lost(bed: Bed) -> None:
    await bed.monitored()
    await bed.announced()
    await bed.mail_faults({"action": "drop_reply", "recipient": "acme@example.com"})
    await bed.closed()
