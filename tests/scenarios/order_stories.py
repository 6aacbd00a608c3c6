"""Stories of orders, for the judge to look at: what is ordered, paid by every rail, changed, given up and released."""

from datetime import datetime, timedelta
from typing import Any

from billing.events.event import Destination
from billing.keys import order_workflow_id
from billing.money import parse_amount
from billing.payments.checkouts import Checkout, CheckoutRequest
from billing.payments.typed_payment import TypedPayment
from billing.receivables.instructions import InstructionKind, InstructionState
from billing.receivables.journal import PaymentName, Subject
from bootstrap import connect_checkouts, connect_order_desk, connect_payment_desk
from bootstrap_gateways import connect_gateways
from orders.changes import Change
from orders.order import OrderStage
from sandbox.judge.rails.gateway_register import GATEWAY
from sandbox.stand_ins.bank import Bank, Transfer
from sandbox.stand_ins.control import control, local_http
from sandbox.stand_ins.seller import Seller
from sandbox.timeline import OVERSHOOT, until
from sandbox.wayforpay.store import MERCHANT
from tests.bed import PATIENCE_SECONDS, Bed, now
from tests.ordering import amend, cancel, halt, request, resume, send_again
from tests.paying import pay_by
from tests.scenarios.money_stories import instruct

NUMBER = "1042"
_BEFORE = timedelta(minutes=5)
"""How long the brake has been on when money comes, and a refund was asked for: no transaction takes as long."""


async def an_order_is_paid_in_parts(bed: Bed) -> None:
    await order(bed)
    await transfer(bed, "bank-1", "40")
    await transfer(bed, "bank-2", "60")
    await everybody_is_told(bed)


async def a_deposit_starts_an_order_and_the_rest_ships_it(bed: Bed) -> None:
    await order(bed, deposit_percent=30)
    await transfer(bed, "bank-1", "30")
    await everybody_is_told(bed)
    await pay_at_the_gateway(bed, "70.00")
    await everybody_is_told(bed)


async def an_order_is_paid_twice(bed: Bed) -> None:
    """By two rails; the next one is paid out of what is left."""
    await order(bed)
    await transfer(bed, "bank-1", "100")
    await pay_at_the_gateway(bed, "100.00")
    await order(bed, "1043", 9000)
    await everybody_is_told(bed)


async def a_buyer_orders_in_two_currencies(bed: Bed) -> None:
    await order(bed)
    await order(bed, "1043", 9000, currency="usd")
    await transfer(bed, "bank-1", "100")
    await everybody_is_told(bed)


async def an_order_is_amended_while_its_link_is_open(bed: Bed) -> None:
    await order(bed)
    await link_for_order(bed)
    await change(bed, amend(12000))
    link = await link_for_order(bed)
    await pay_by(link)
    await connect_checkouts(bed.settings, bed.adapters).look_up(str(link.session_id), now())
    await everybody_is_told(bed)


async def an_order_is_amended_and_its_link_is_left(bed: Bed) -> None:
    await order(bed)
    await link_for_order(bed)
    await change(bed, amend(12000))
    await everybody_is_told(bed)


async def a_part_is_more_than_an_amendment_costs(bed: Bed) -> None:
    await order(bed)
    await transfer(bed, "bank-1", "40")
    await change(bed, amend(3000))
    await everybody_is_told(bed)


async def an_order_is_cancelled_and_paid_all_the_same(bed: Bed) -> None:
    await order(bed)
    await transfer(bed, "bank-1", "40")
    await change(bed, cancel())
    await pay_at_the_gateway(bed, "60.00")
    await everybody_is_told(bed)


async def the_brake_is_on_while_an_order_is_paid(bed: Bed) -> None:
    await order(bed)
    await bed.ledger.pull_brake("ann", "a drill", "cli", now() - _BEFORE)
    await transfer(bed, "bank-1", "100")
    await bed.ledger.release_brake("ann", "over", "cli", now())
    await bed.ledger.release_due(NUMBER, now())
    await everybody_is_told(bed)


async def an_order_is_halted_while_it_is_paid(bed: Bed) -> None:
    await order(bed)
    await change(bed, halt())
    await transfer(bed, "bank-1", "100")
    await change(bed, resume())
    await everybody_is_told(bed)


async def money_goes_back_after_the_release(bed: Bed) -> None:
    """In two parts: the second one is seen together with what came between. Then the rest is paid anew."""
    await order(bed)
    reference = await pay_at_the_gateway(bed, "100.00")
    await everybody_is_told(bed)
    for part in ("10.00", "20.00"):
        await gateway_control(bed, "orders", reference=reference, refund=part)
    await look_up(bed, reference)
    await gateway_control(bed, "orders", reference=reference, refund="5.00")
    await look_up(bed, reference)
    await transfer(bed, "bank-1", "35")
    await everybody_is_told(bed)


async def credit_that_has_paid_goes_back(bed: Bed) -> None:
    """Two orders were paid out of what was too much for the first one, whose money goes back."""
    await order(bed)
    reference = await pay_at_the_gateway(bed, "300.00")
    await order(bed, "1043", 9000)
    await order(bed, "1044", 5000)
    await everybody_is_told(bed)
    await gateway_control(bed, "orders", reference=reference, refund="120.00")
    await look_up(bed, reference)
    await everybody_is_told(bed)


async def money_is_given_back_after_the_release(bed: Bed) -> None:
    await order(bed)
    await transfer(bed, "bank-1", "100")
    await everybody_is_told(bed)
    Bank(bed.folder / "bank.jsonl").debit("back-1", "bank-1", 2500)
    payment = PaymentName.of("transfer", "bank-1")
    await instruct(bed, InstructionKind.REFUND, payment, amount="25", refund_reference="back-1")
    await everybody_is_told(bed)


async def credit_is_promised_back(bed: Bed) -> None:
    """So it pays no other order; what is left of it does."""
    asked_at = now() - _BEFORE
    await order(bed)
    await transfer(bed, "bank-1", "200", at=asked_at)
    payment = PaymentName.of("transfer", "bank-1")
    await instruct(
        bed, InstructionKind.REFUND, payment, asked_at, amount="60", by_hand=True, state=InstructionState.TO_DO
    )
    await order(bed, "1043", 9000)
    await everybody_is_told(bed)
    desk = connect_payment_desk(bed.settings, bed.adapters)
    Bank(bed.folder / "bank.jsonl").debit("back-1", "bank-1", 6000)
    await desk.confirm(f"refund-{payment.digest}", "bob", "given back", now() + _BEFORE, "back-1")
    await transfer(bed, "bank-2", "50", "1043")
    await everybody_is_told(bed)


async def one_attempt_is_declined_and_another_pays(bed: Bed) -> None:
    await order(bed)
    link = await link_for_order(bed, rail=GATEWAY)
    await answer_at_the_gateway(link, "decline")
    await look_up(bed, link.checkout_id)
    await pay_at_the_gateway(bed, "100.00")
    await everybody_is_told(bed)


async def an_attempt_is_pending_and_comes_to_nothing(bed: Bed) -> None:
    await order(bed)
    link = await link_for_order(bed, rail=GATEWAY)
    for status in ("Pending", "Declined"):
        await gateway_control(bed, "orders", reference=link.checkout_id, status=status)
        await look_up(bed, link.checkout_id)
    await everybody_is_told(bed)


async def an_order_expires(bed: Bed) -> None:
    expires_at = now() + timedelta(days=3)
    await order(bed, expires_at=expires_at)
    await transfer(bed, "bank-1", "40")
    fulfilment = await bed.fulfils(NUMBER, lambda value: value.stage is OrderStage.PART_PAID)
    assert fulfilment.expires_at == expires_at
    handle = bed.client.get_workflow_handle(order_workflow_id(NUMBER))
    await bed.timeline.reach(handle, expires_at + OVERSHOOT)
    await until_it_is(bed, OrderStage.EXPIRED)
    await everybody_is_told(bed)


async def an_order_waits_for_the_rest(bed: Bed) -> None:
    await order(bed, expires_at=now() + timedelta(days=3))
    await transfer(bed, "bank-1", "40")
    await everybody_is_told(bed)


async def production_rejects_a_release(bed: Bed) -> None:
    """Once, and takes it when it is sent again."""
    await control(bed.ports.production, "faults", {"kind": "status", "status": 410, "path": "/releases"})
    await order(bed)
    await transfer(bed, "bank-1", "100")
    await until_it_is(bed, OrderStage.REJECTED)
    await change(bed, send_again())
    await everybody_is_told(bed)


# -- who does it


async def order(bed: Bed, number: str = NUMBER, price_minor: int = 10000, **changes: Any) -> None:
    wanted = Seller(bed.folder / "seller.jsonl").places(request(number, price_minor, **changes))
    bed.orders.append(number)
    await connect_order_desk(bed.settings, bed.adapters).open(wanted, "", "http", now())


async def change(bed: Bed, wanted: Change, number: str = NUMBER) -> None:
    asked = Seller(bed.folder / "seller.jsonl").asks(number, wanted)
    await connect_order_desk(bed.settings, bed.adapters).change(number, asked, now())


async def transfer(bed: Bed, reference: str, amount: str, number: str = NUMBER, at: datetime | None = None) -> None:
    """The buyer sends money for the order, and a person records it."""
    sent = Transfer(
        reference=reference,
        payer="Bo",
        amount_minor=parse_amount(amount, "eur"),
        currency="eur",
        sent_at=now(),
        customer_id="buyer",
        order=number,
    )
    Bank(bed.folder / "bank.jsonl").credit(sent)
    reason = "by the statement"
    typed = TypedPayment("transfer", reference, amount, "eur", "ann", reason, "buyer", payer="Bo", order=number)
    await connect_payment_desk(bed.settings, bed.adapters).record(typed, at or now())


async def link_for_order(bed: Bed, number: str = NUMBER, rail: str = "stripe-link") -> Checkout:
    wanted = CheckoutRequest(
        rail=rail,
        customer_id="buyer",
        payer_id=None,
        subject=Subject.order(number),
        description=f"Order {number}",
        expires_at=now() + timedelta(hours=20),
        by="ann",
        reason="asked by phone",
    )
    return await connect_checkouts(bed.settings, bed.adapters).open(wanted, now())


async def pay_at_the_gateway(bed: Bed, amount: str, number: str = NUMBER) -> str:
    """The payer types the number of the order; returns the reference, once that was looked up."""
    async with local_http() as http:
        form = {"order": number, "amount": amount, "currency": "EUR"}
        page = await http.post(f"http://127.0.0.1:{bed.ports.wayforpay}/static/{MERCHANT}", data=form)
    await look_up(bed, page.raise_for_status().text)
    return page.text


async def answer_at_the_gateway(link: Checkout, answer: str) -> None:
    async with local_http() as http:
        await http.post(str(link.url), data={"answer": answer})


async def gateway_control(bed: Bed, path: str, **body: Any) -> None:
    await control(bed.ports.wayforpay, path, body)


async def look_up(bed: Bed, reference: str) -> None:
    """As after a callback."""
    await connect_gateways(bed.settings, bed.adapters)[GATEWAY].look_up(reference, now())


async def until_it_is(bed: Bed, stage: OrderStage, number: str = NUMBER) -> None:
    async def look() -> bool:
        standing = await bed.ledger.order(number)
        return standing is not None and standing.stage is stage

    await until(look, PATIENCE_SECONDS)


async def everybody_is_told(bed: Bed) -> None:
    """Production, and the workflows of the orders."""

    async def all_told() -> bool:
        pages = bed.ledger.outgoing_events(undelivered_only=True)
        concerned = (Destination.PRODUCTION, Destination.ORDER)
        return not [event async for page in pages for event in page if event.destination in concerned]

    await until(all_told, PATIENCE_SECONDS)
