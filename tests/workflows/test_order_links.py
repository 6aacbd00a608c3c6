"""Orders with what is around them: production's stand-in answers, links end with their order, money is reconciled."""

from datetime import timedelta

from billing.accounting.discrepancy import DiscrepancyKind
from billing.keys import order_workflow_id
from billing.payments.checkouts import CheckoutState
from billing.period import Period
from bootstrap import connect_reconciliation
from bootstrap_adapters import SANDBOX_STRIPE_KEY
from orders.order import OrderStage
from sandbox.stand_ins.control import control, local_http
from sandbox.stand_ins.production import calls, jobs
from sandbox.timeline import OVERSHOOT
from tests.bed import Bed, now
from tests.ordering import payment, request
from tests.paying import order_link, pay_by
from tests.typed import typed


async def test_what_is_paid_is_made_once_although_productions_answer_is_lost(bed: Bed) -> None:
    await control(bed.ports.production, "faults", {"kind": "drop_after", "path": "/releases$"})
    await bed.order(request())
    await bed.ledger.book(payment(10000), now())
    done = await bed.fulfils("1042", lambda value: value.stage is OrderStage.FULFILLED)
    (release,) = done.standing.order.releases
    assert release.answer is not None
    assert release.answer.text == "job-1 for order 1042"
    journal = bed.folder / "production.jsonl"
    assert (len(jobs(journal)), len(calls(journal))) == (1, 2)


async def test_the_link_of_an_order_that_expires_ends_with_it(bed: Bed) -> None:
    expires_at = now() + timedelta(days=3)
    await bed.order(request(expires_at=expires_at))
    await bed.fulfils("1042", lambda value: value.stage is OrderStage.AWAITING_PAYMENT)
    link = await order_link(bed)
    handle = bed.client.get_workflow_handle(order_workflow_id("1042"))
    await bed.timeline.reach(handle, expires_at + OVERSHOOT)
    await handle.result()
    ended = await bed.ledger.checkout_of(str(link.session_id))
    assert ended is not None
    assert ended.state is CheckoutState.ENDED
    assert (await pay_by(link)).status_code != 303


async def test_an_orders_link_is_typed_paid_and_reconciled_although_its_events_are_lost(bed: Bed) -> None:
    await bed.order(request())
    code, output = await typed(bed, "orders", "link", "1042", "--by", "ann", "--reason", "asked by phone")
    assert code == 0, output
    assert output.splitlines()[1].startswith("1042 of buyer: 100.00 EUR, until ")
    (link,) = await bed.ledger.live_checkouts()
    assert link.description == "Order 1042"
    await pay_by(link)
    month = Period.at(link.created_at, "UTC")
    books = connect_reconciliation(bed.settings, bed.adapters, bed.client)
    first = await books.reconcile_period(month)
    assert [(finding.kind, finding.repaired) for finding in first.findings] == [(DiscrepancyKind.MISSING, True)]
    assert [(total.rail, total.difference_minor) for total in first.rails] == [("stripe-link", 0)]
    await bed.fulfils("1042", lambda value: value.stage is OrderStage.FULFILLED)
    assert (await books.reconcile_period(month)).findings == ()

    (intent,) = bed.intents()
    async with local_http(headers={"Authorization": f"Bearer {SANDBOX_STRIPE_KEY}"}) as http:
        (await http.post(f"{bed.stripe_url}/v1/refunds", data={"payment_intent": intent["id"]})).raise_for_status()
    again = await books.reconcile_period(month)
    assert [(finding.kind, finding.repaired) for finding in again.findings] == [(DiscrepancyKind.REVERSAL, True)]
    standing = await bed.ledger.order("1042")
    assert standing is not None
    assert (standing.owed_minor, standing.stage) == (10000, OrderStage.FULFILLED)
    code, output = await typed(bed, "orders", "link", "1042", "--by", "ann", "--reason", "owed again")
    assert code == 0, output
