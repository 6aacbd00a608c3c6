"""The workflow of a service order: what time does by itself. All else is done in the ledger, without it."""

from datetime import timedelta

from sqlalchemy import delete

from adapters.sql.schema.months import invoices
from billing.events.event import Destination
from billing.invoices.month import Month
from billing.period import Period
from clients.month_starter import MonthStarter
from orders.service.service_order import ServiceStage
from sandbox.timeline import OVERSHOOT, until
from tests.bed import PATIENCE_SECONDS, Bed, now
from tests.ordering import cancel
from tests.service_ordering import YES, done, payment, task_of
from tests.service_workflow import at_step, begun, handle


async def month_begins(bed: Bed, period: Period) -> None:
    """It is the customer's first one; it follows from the outbox."""

    async def look() -> Month | None:
        return await bed.ledger.month("dana", period)

    await until(look, PATIENCE_SECONDS)
    assert await bed.ledger.month("dana", period.previous()) is None


async def test_a_subscriber_is_connected_and_their_months_begin(bed: Bed) -> None:
    bed.started.append("dana")
    await begun(bed)
    await at_step(bed, "feasibility")
    await done(bed.ledger, possible=YES, at=now())
    await bed.ledger.book(payment(), now())
    await at_step(bed, "install")
    await done(bed.ledger, at=now())
    ended = await handle(bed).result()
    assert (ended.standing.outcome, ended.stage) == ("connected", ServiceStage.COMPLETED)
    shown = {pair.key.name: pair.value for pair in (await handle(bed).describe()).typed_search_attributes}
    assert (shown["BillingStage"], shown["BillingCustomer"]) == ("Completed", "dana")
    await month_begins(bed, Period.at(now(), "Asia/Almaty"))


async def test_months_begin_with_the_one_of_the_step_also_if_our_clock_is_behind(bed: Bed) -> None:
    bed.started.append("dana")
    await begun(bed)
    ahead = now() + timedelta(days=40)
    await done(bed.ledger, possible=YES, at=ahead)
    await bed.ledger.book(payment(), ahead)
    await done(bed.ledger, at=ahead)
    await month_begins(bed, Period.at(ahead, "Asia/Almaty"))


async def test_who_was_killed_between_the_start_and_its_record_is_made_good_by_the_repeat(bed: Bed) -> None:
    bed.started.append("dana")
    await begun(bed)
    await done(bed.ledger, possible=YES, at=now())
    await bed.ledger.book(payment(), now())
    await done(bed.ledger, at=now())
    period = Period.at(now(), "Asia/Almaty")
    await month_begins(bed, period)

    def forget() -> None:
        with bed.ledger._writing("forget a month") as connection:
            connection.execute(delete(invoices).where(invoices.c.customer_id == "dana"))

    await bed.ledger.run(forget)
    events = [event async for page in bed.ledger.outgoing_events() for event in page]
    (event,) = [each for each in events if each.destination is Destination.BILLING]
    await MonthStarter(bed.client, bed.ledger, bed.adapters.payments).send(event)
    await month_begins(bed, period)


async def test_a_fee_that_nobody_pays_ends_by_itself(bed: Bed) -> None:
    await begun(bed)
    await done(bed.ledger, possible=YES, at=now())
    standing = (await at_step(bed, "fee")).standing
    assert standing.ends_at is not None
    await bed.timeline.reach(handle(bed), standing.ends_at + OVERSHOOT)
    assert (await handle(bed).result()).standing.outcome == "refused"


async def test_a_late_task_is_told_and_escalates_and_a_cancellation_ends_it(bed: Bed) -> None:
    await begun(bed)
    await done(bed.ledger, possible=YES, at=now())
    await bed.ledger.book(payment(), now())
    standing = (await at_step(bed, "install")).standing
    assert standing.due_at is not None
    await bed.timeline.reach(handle(bed), standing.due_at + OVERSHOOT)

    async def escalated() -> bool | None:
        return (await task_of(bed.ledger)).department == "operator" or None

    await until(escalated, PATIENCE_SECONDS)
    await bed.timeline.reach(handle(bed), standing.due_at + timedelta(days=1) + OVERSHOOT)

    async def reminded() -> bool | None:
        return len([alert for alert in await bed.ledger.alerts() if alert.order_number == "77"]) == 2 or None

    await until(reminded, PATIENCE_SECONDS)
    await bed.ledger.change_service_order("77", cancel(), now())
    assert (await handle(bed).result()).stage is ServiceStage.CANCELLED
