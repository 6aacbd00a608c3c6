"""Records a closed history of every path of a month, or of those named, for the replay test: ``make histories``.

The first release freezes them. From then on a history that no longer replays means that months in flight would break: a
change inside a month goes behind ``workflow.patched``, and the old histories stay.
"""

import asyncio
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from billing.collections.commands import Promised, WriteOff
from billing.commands import Command, Halt, Resume
from billing.customers.customer import ReviewMode, Terms
from billing.customers.ladder import parse_ladder
from billing.invoices.commands import Approve, CloseAccount, Edit, Skip
from billing.invoices.invoice import ChangeLine
from billing.invoices.month import Month
from billing.keys import collection_id, digest_workflow_id, order_workflow_id, workflow_id
from billing.period import Period
from bootstrap import SANDBOX_NAMESPACE
from clients.collection_commands import pay, replace_card
from orders.fulfilment import REMINDER, REST_REMINDER
from orders.order import OrderStage, ReleaseKind
from sandbox.stack.temporal_server import temporal_server
from sandbox.timeline import OVERSHOOT
from tests.bed import SOON_MINUTES, Bed, now, prepared_bed
from tests.debts import only, transferred
from tests.ordering import cancel, halt, payment, request
from tests.service_ordering import YES, done
from tests.service_ordering import payment as service_payment
from tests.service_workflow import at_step, begun
from workflows.visibility import SEARCH_ATTRIBUTES

HISTORIES = Path(__file__).parent / "histories"
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
    await _overdue(bed)


async def collected_on_schedule(bed: Bed) -> None:
    month = await _overdue(bed)
    await bed.skip_collection(timedelta(days=3, minutes=1))
    await bed.collects(lambda found: found.reminders == 1)
    await bed.behaves(month.customer, "succeed")
    await bed.skip_collection(timedelta(days=2))
    await bed.collection_handle().result()


async def collected_by_the_customer(bed: Bed) -> None:
    await _overdue(bed, "authentication_required")
    paying = await pay(bed.client, "acme", Period("2026-10"), "https://billing.example/back")
    await bed.at_the_bank(paying.redirect_url, "complete")
    await bed.collection_handle().signal("look_up", {"by": "Stripe", "reason": "a webhook"})
    await bed.collection_handle().result()


async def collected_by_another_card(bed: Bed) -> None:
    month = await _overdue(bed)
    await bed.tell(Halt(**ANN))
    await bed.tell(Resume(**ANN))
    card = await bed.another_card(month.customer)
    await replace_card(bed.client, bed.ledger, "acme", card, "ann", "recorded for the replay test")
    await bed.collection_handle().result()


async def collected_by_transfer(bed: Bed) -> None:
    await _overdue(bed)
    await transferred(bed, 4000, "bank 1")
    await bed.collects(lambda found: only(found).outstanding_minor == 6000)
    await transferred(bed, 6000, "bank 2")
    await bed.collection_handle().result()


async def bill_collected(bed: Bed) -> None:
    await bed.monitored(payment_method={"kind": "bill"})
    await bed.closed()
    await bed.collects(lambda found: True)
    await bed.skip_collection(timedelta(days=3, minutes=1))
    await bed.collects(lambda found: found.reminders == 1)
    await transferred(bed, 4000, "bank 1")
    await bed.collects(lambda found: only(found).outstanding_minor == 6000)
    await transferred(bed, 6000, "bank 2")
    await bed.collection_handle().result()


async def bill_suspended(bed: Bed) -> None:
    ladder = parse_ladder("-3 remind, 2 warn, 5 suspend, 30 disconnect")
    await bed.monitored(payment_method={"kind": "bill"}, terms=Terms(ladder=ladder))
    await bed.closed()
    await bed.collects(lambda found: True)
    await bed.skip_collection(timedelta(days=4))
    warned = await bed.collects(lambda found: found.reminders == 2)
    await bed.tell(Promised(**ANN, until=(warned.since + timedelta(days=8)).date()))
    await bed.skip_collection(timedelta(days=10))
    await bed.collects(lambda found: any(entry.what == "promise broken" for entry in found.entries))
    await bed.skip_collection(timedelta(days=40))
    await bed.collects(lambda found: found.contacts == len(ladder))
    await transferred(bed, 10_000, "bank 1")
    await bed.collection_handle().result()


async def written_off(bed: Bed) -> None:
    await _overdue(bed, "decline:stolen_card")
    await bed.skip_collection(timedelta(days=22))
    await bed.collects(lambda found: found.alerts == 1)
    await bed.tell(WriteOff(**ANN))
    await bed.collection_handle().result()


async def reviewers_told(bed: Bed) -> None:
    await bed.mail_faults({"action": "defer", "times": 1})
    await bed.monitored(sales=("100", "'12,50"))
    await bed.digests()
    await bed.client.get_workflow_handle(digest_workflow_id()).result()


async def order_fulfilled(bed: Bed) -> None:
    await _ordered(bed, deposit_percent=30)
    await bed.ledger.book(payment(3000), now())
    await _stands(bed, OrderStage.RELEASED)
    await bed.ledger.note_answer("1042", ReleaseKind.PRODUCTION, True, "made", now())
    await _stands(bed, OrderStage.IN_PRODUCTION)
    await _skip_order(bed, REST_REMINDER)
    await bed.ledger.book(payment(7000, "two"), now())
    await bed.ledger.note_answer("1042", ReleaseKind.SHIPMENT, True, "shipped", now())


async def order_expired(bed: Bed) -> None:
    await _ordered(bed, expires_at=now() + timedelta(days=3))
    await _skip_order(bed, timedelta(days=3))


async def order_released_after_the_brake(bed: Bed) -> None:
    await _ordered(bed)
    await bed.ledger.pull_brake("ann", "recorded for the replay test", "cli", now())
    await bed.ledger.book(payment(10000), now())
    await bed.fulfils("1042", lambda value: value.is_braked)
    await bed.ledger.release_brake("ann", "recorded for the replay test", "cli", now())
    await _skip_order(bed, timedelta(minutes=2))
    await _stands(bed, OrderStage.RELEASED)
    await bed.ledger.note_answer("1042", ReleaseKind.PRODUCTION, True, "made", now())


async def order_halted_and_cancelled(bed: Bed) -> None:
    await _ordered(bed)
    await bed.ledger.change_order("1042", halt(), now())
    await _stands(bed, OrderStage.HALTED)
    await _skip_order(bed, REMINDER)
    await bed.ledger.change_order("1042", cancel(), now())


async def service_order_expired(bed: Bed) -> None:
    await begun(bed)
    await at_step(bed, "feasibility")
    await _skip_order(bed, timedelta(days=2), "77")
    await done(bed.ledger, possible=YES, at=now())
    await at_step(bed, "fee")
    await _skip_order(bed, timedelta(days=14), "77")


async def service_order_cancelled(bed: Bed) -> None:
    await begun(bed)
    await done(bed.ledger, possible=YES, at=now())
    await bed.ledger.book(service_payment(), now())
    await at_step(bed, "install")
    await bed.ledger.change_service_order("77", cancel(), now())


async def _ordered(bed: Bed, **changes: Any) -> None:
    await bed.production_is_silent()
    await bed.order(request(**changes))
    await _stands(bed, OrderStage.AWAITING_PAYMENT)


async def _stands(bed: Bed, stage: OrderStage) -> None:
    await bed.fulfils("1042", lambda value: value.stage is stage)


async def _skip_order(bed: Bed, by: timedelta, number: str = "1042") -> None:
    handle = bed.client.get_workflow_handle(order_workflow_id(number))
    await bed.timeline.reach(handle, await bed.clock(handle) + by + OVERSHOOT)


async def _overdue(bed: Bed, behaviour: str = "decline:insufficient_funds") -> Month:
    month = await bed.monitored()
    await bed.behaves(month.customer, behaviour)
    closed = await bed.closed()
    await bed.collects(lambda found: True)
    return closed


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
COLLECTIONS: tuple[Callable[[Bed], Awaitable[None]], ...] = (
    collected_on_schedule,
    collected_by_the_customer,
    collected_by_another_card,
    collected_by_transfer,
    bill_collected,
    bill_suspended,
    written_off,
)
ORDERS: tuple[Callable[[Bed], Awaitable[None]], ...] = (
    order_fulfilled,
    order_expired,
    order_released_after_the_brake,
    order_halted_and_cancelled,
)
SERVICE_ORDERS: tuple[Callable[[Bed], Awaitable[None]], ...] = (service_order_expired, service_order_cancelled)
PATHS = (*MONTHS, *COLLECTIONS, *ORDERS, *SERVICE_ORDERS, reviewers_told)


async def main() -> None:
    """Writes one file per path: the first run of its month, collection, order or digest, which is closed by then."""
    with tempfile.TemporaryDirectory() as folder:
        small_histories = {"limit.historyCount.suggestContinueAsNew": "150"}
        async with temporal_server(
            namespace=SANDBOX_NAMESPACE,
            log=Path(folder, "server.log"),
            search_attributes=SEARCH_ATTRIBUTES,
            dynamic_config=small_histories,
        ) as server:
            for path in [path for path in PATHS if path.__name__ in (sys.argv[1:] or path.__name__)]:
                async with prepared_bed(server, Path(folder, path.__name__), digest_minutes=SOON_MINUTES) as bed:
                    await path(bed)
                    name = workflow_id("acme") if path in MONTHS else collection_id("acme")
                    name = digest_workflow_id() if path is reviewers_told else name
                    if path in (*ORDERS, *SERVICE_ORDERS):
                        name = order_workflow_id("77" if path in SERVICE_ORDERS else "1042")
                        await bed.client.get_workflow_handle(name).result()
                    described = await bed.client.get_workflow_handle(name).describe()
                    first_run = described.raw_description.workflow_execution_info.first_run_id
                    handle = bed.client.get_workflow_handle(name, run_id=first_run)
                    history = await handle.fetch_history()
                    (HISTORIES / f"{path.__name__}.json").write_text(_without_traces(history.to_json()) + "\n")
                    print(f"{path.__name__}: {len(history.events)} events")


def _without_traces(history: str) -> str:
    """Stack traces hold paths of the machine; replay does not look at them."""
    return re.sub(r'("stackTrace": )"(?:\\.|[^"\\])*"', r'\1""', history)


async def _say(bed: Bed, command: Command) -> None:
    answer = await bed.command("acme", command)
    assert answer.accepted, answer.result


if __name__ == "__main__":
    asyncio.run(main())
