"""The order desk from end to end, over sockets: links that end at once, and money that goes back once, by its rail."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from adapters.stripe.payments import StripePayments
from billing.errors import InvalidInput, NotFound
from billing.payments.checkouts import Checkout, CheckoutRequest, CheckoutState
from billing.payments.rails import RAILS
from billing.period import Period
from billing.receivables.instructions import InstructionKind, InstructionRequest, InstructionState
from billing.receivables.journal import Subject
from billing.receivables.payment_list import PaymentFilter
from orders.order import OrderStage
from services.checkouts import Checkouts, take_in
from services.orders.desk import Changed, OrderDesk
from services.orders.refunds import OrderRefunds
from services.payment_desk import PaymentDesk
from tests.contract.payment_fixtures import Stripe, gateway, stripe
from tests.ordering import amend, cancel, halt, payment, request

__all__ = ["gateway", "stripe"]  # fixtures

OURS = "https://pay.example/checkout"
NOW = datetime.now(UTC)
SUBJECT = Subject.order("1042")


@dataclass
class Shop:
    """An order of 100.00 EUR by somebody whom Stripe does not know."""

    ledger: SqlLedger
    gateway: StripePayments
    stripe: Stripe
    checkouts: Checkouts
    payments: PaymentDesk
    desk: OrderDesk

    async def link(self, payer_id: str | None = None) -> Checkout:
        wanted = CheckoutRequest(
            rail="stripe-link",
            customer_id="buyer",
            payer_id=payer_id,
            subject=SUBJECT,
            description="Order 1042",
            expires_at=NOW + timedelta(days=1),
            by="ann",
            reason="asked by phone",
        )
        return await self.checkouts.open(wanted, NOW)

    async def pay(self, link: Checkout) -> int:
        answer = await self.stripe.http.post(str(link.url), data={"card": "pm_card_visa", "answer": "pay"})
        await self.checkouts.look_up(str(link.session_id), NOW)
        return answer.status_code

    async def state(self, link: Checkout) -> CheckoutState:
        found = await self.ledger.checkout_of(str(link.session_id))
        assert found is not None
        return found.state

    async def outstanding(self) -> int:
        standing = await self.ledger.order("1042")
        assert standing is not None
        return standing.owed_minor

    async def halt(self) -> None:
        """Else what is paid in full is released, and cannot be cancelled."""
        await self.desk.change("1042", halt(), NOW)

    async def credit(self) -> int:
        return -(await self.ledger.balance("buyer")).carried_minor("eur")

    async def refunds(self) -> list[int]:
        """What Stripe has given back."""
        answer = await self.stripe.http.get("/v1/refunds?limit=100")
        return [refund["amount"] for refund in answer.json()["data"]]


@pytest.fixture
async def shop(ledger: SqlLedger, gateway: StripePayments, stripe: Stripe) -> Shop:
    await ledger.open_order(request(), NOW)
    return shop_of(ledger, gateway, stripe)


def shop_of(ledger: SqlLedger, gateway: StripePayments, stripe: Stripe, four_eyes: int | None = None) -> Shop:
    checkouts = Checkouts(gateway, ledger, OURS)
    payments = PaymentDesk(ledger, gateway, RAILS, {} if four_eyes is None else {"eur": four_eyes})
    return Shop(
        ledger, gateway, stripe, checkouts, payments, OrderDesk(ledger, checkouts, OrderRefunds(ledger, payments))
    )


def states(changed: Changed) -> dict[str, InstructionState | None]:
    return {given.payment: given.state for given in changed.given_back}


# -- links


async def test_a_buyer_whom_stripe_does_not_know_pays_an_order_by_link(shop: Shop) -> None:
    link = await shop.link()
    assert (link.amount, link.payer_id) == ("100.00 EUR", None)
    assert (await shop.link()).url == link.url
    assert await shop.pay(link) == 303
    assert (await shop.outstanding(), await shop.credit()) == (0, 0)
    (row,) = (await shop.ledger.incoming_payments(PaymentFilter())).rows
    assert (row.rail, row.subject, row.customer_id) == ("stripe-link", SUBJECT, "buyer")
    paid = await shop.gateway.payment(row.reference)
    assert (paid.order, paid.period) == ("1042", Period.at(link.created_at, "UTC"))
    assert await take_in(shop.ledger, paid, NOW) is False, "its webhook comes too"


async def test_a_lost_answer_leaves_one_page_that_the_repeat_finds(shop: Shop) -> None:
    await shop.stripe.fails("drop_after", "/checkout/sessions$", method="POST")
    with pytest.raises(Exception, match="order 1042"):
        await shop.link()
    link = await shop.link()
    sessions = (await shop.stripe.http.get("/v1/checkout/sessions?limit=100")).json()["data"]
    assert [session["url"] for session in sessions] == [link.url]


async def test_an_amendment_ends_the_open_link_at_once(shop: Shop) -> None:
    link = await shop.link()
    await shop.desk.change("1042", amend(12000), NOW)
    assert await shop.state(link) is CheckoutState.ENDED
    assert await shop.pay(link) != 303
    assert (await shop.link()).amount == "120.00 EUR"


async def test_an_amendment_of_the_file_alone_leaves_the_link(shop: Shop) -> None:
    link = await shop.link()
    changed = request().agreed.evolve(file_digest="b" * 64)
    await shop.desk.change("1042", amend(10000).evolve(agreed=changed), NOW)
    assert (await shop.state(link), await shop.link()) == (CheckoutState.OPEN, link)


async def test_a_cancellation_ends_the_link_and_what_was_paid_a_moment_ago_is_credit(shop: Shop) -> None:
    link = await shop.link()
    answer = await shop.stripe.http.post(str(link.url), data={"card": "pm_card_visa", "answer": "pay"})
    assert answer.status_code == 303
    await shop.desk.change("1042", cancel(), NOW)
    assert (await shop.state(link), await shop.credit()) == (CheckoutState.PAID, 10000)


async def test_stripe_that_does_not_answer_holds_up_no_cancellation(shop: Shop) -> None:
    link = await shop.link()
    await shop.stripe.fails("status", "/checkout/sessions", status=500, times=None)
    changed = await shop.desk.change("1042", cancel(), NOW)
    assert changed.standing.stage is OrderStage.CANCELLED
    await shop.stripe.http.delete("/_control/faults")
    await shop.checkouts.sweep(NOW)
    assert await shop.state(link) is CheckoutState.ENDED


# -- money that goes back


async def test_each_payment_of_a_cancelled_order_goes_back_once_by_its_rail(shop: Shop) -> None:
    await shop.halt()
    await shop.ledger.book(payment(4000), NOW)
    await shop.pay(await shop.link())
    for _ in range(2):
        changed = await shop.desk.change("1042", cancel(refund=True), NOW)
        assert changed.standing.stage is OrderStage.CANCELLED
        assert InstructionState.TO_DO in states(changed).values()
    assert await shop.refunds() == [6000]
    assert await shop.credit() == 4000, "until somebody has given it back"
    (to_do,) = await shop.ledger.instructions()
    assert (to_do.state, to_do.amount, to_do.payment.rail) == (InstructionState.TO_DO, "40.00 EUR", "transfer")
    assert "order 1042 was cancelled: the buyer asked" in to_do.reason
    with pytest.raises(InvalidInput, match="confirm with the bank's reference"):
        await shop.payments.confirm(to_do.instruction_id, "bob", "paid out", NOW)
    for _ in range(2):
        done = await shop.payments.confirm(to_do.instruction_id, "bob", "paid out", NOW, "9021")
        assert (done.state, done.result) == (InstructionState.DONE, "given back as 9021")
    assert (await shop.credit(), await shop.ledger.instructions()) == (0, [])
    again = await shop.desk.change("1042", cancel("change-2", refund=True), NOW)
    assert set(states(again).values()) == {InstructionState.DONE}
    assert (await shop.refunds(), await shop.credit()) == ([6000], 0)
    texts = [alert.text for alert in await shop.ledger.alerts()]
    assert any("Give the money back, then confirm with the bank's reference" in text for text in texts)


async def test_what_goes_back_by_hand_is_told_once(shop: Shop) -> None:
    await shop.ledger.book(payment(4000), NOW)
    for _ in range(2):
        await shop.desk.change("1042", cancel(refund=True), NOW)
    (alert,) = await shop.ledger.alerts()
    assert alert.text.startswith("refund 40.00 EUR of payment one (transfer) by hand: order 1042 was cancelled")


async def test_an_order_that_was_cancelled_before_can_still_be_given_back(shop: Shop) -> None:
    await shop.halt()
    await shop.pay(await shop.link())
    first = await shop.desk.change("1042", cancel(), NOW)
    assert (first.given_back, await shop.credit()) == ((), 10000)
    second = await shop.desk.change("1042", cancel("change-2", refund=True), NOW)
    assert "it was cancelled before" in second.effect
    assert (await shop.refunds(), await shop.credit()) == ([10000], 0)


async def test_what_stripe_did_not_answer_is_asked_again_and_goes_back_once(shop: Shop) -> None:
    await shop.halt()
    await shop.pay(await shop.link())
    await shop.stripe.fails("drop_after", "/refunds$", method="POST")
    (given,) = (await shop.desk.change("1042", cancel(refund=True), NOW)).given_back
    assert (given.state, bool(given.text)) == (InstructionState.UNDER_WAY, True)
    (given,) = (await shop.desk.change("1042", cancel(refund=True), NOW)).given_back
    assert given.state is InstructionState.DONE
    assert (await shop.refunds(), await shop.credit()) == ([10000], 0)


async def test_above_the_limit_somebody_else_confirms_and_by_hand_gives_it_back(
    ledger: SqlLedger, gateway: StripePayments, stripe: Stripe
) -> None:
    shop = shop_of(ledger, gateway, stripe, four_eyes=1000)
    await ledger.open_order(request(), NOW)
    await ledger.book(payment(4000), NOW)
    (given,) = (await shop.desk.change("1042", cancel(refund=True), NOW)).given_back
    assert given.state is InstructionState.PROPOSED
    assert given.instruction_id is not None
    with pytest.raises(InvalidInput, match="ann has proposed it"):
        await shop.payments.confirm(given.instruction_id, "ann", "right", NOW)
    approved = await shop.payments.confirm(given.instruction_id, "bob", "right", NOW)
    assert approved.state is InstructionState.TO_DO
    done = await shop.payments.confirm(given.instruction_id, "ann", "paid out", NOW, "9021")
    assert (done.state, await shop.credit()) == (InstructionState.DONE, 0)


async def test_what_credit_had_paid_stays_credit(shop: Shop) -> None:
    await shop.ledger.book(payment(3000), NOW)
    await shop.desk.change("1042", cancel(), NOW)
    await shop.ledger.open_order(request("1043", 5000), NOW)
    await shop.ledger.book(payment(1000, "for 1043", "1043"), NOW)
    (given,) = (await shop.desk.change("1043", cancel(refund=True), NOW)).given_back
    assert (given.payment, given.amount_minor) == ("for 1043 (transfer)", 1000)


async def test_money_that_has_paid_something_else_since_is_not_given_back(shop: Shop) -> None:
    await shop.ledger.book(payment(4000), NOW)
    await shop.desk.change("1042", cancel(), NOW)
    await shop.ledger.open_order(request("1043", 10000), NOW)
    (given,) = (await shop.desk.change("1042", cancel("change-2", refund=True), NOW)).given_back
    assert (given.state, given.amount_minor) == (None, 0)
    assert "has paid something else since" in given.text
    assert await shop.ledger.instructions() == []


async def test_a_refund_by_hand_that_nobody_will_make_is_taken_back(shop: Shop) -> None:
    await shop.ledger.book(payment(4000), NOW)
    (given,) = (await shop.desk.change("1042", cancel(refund=True), NOW)).given_back
    assert given.instruction_id is not None
    rejected = await shop.payments.reject(given.instruction_id, "bob", "they want to keep it here", NOW)
    assert (rejected.state, await shop.credit()) == (InstructionState.REJECTED, 4000)


async def test_what_does_not_exist_is_said(shop: Shop) -> None:
    with pytest.raises(NotFound, match="there is no order 77"):
        await shop.desk.change("77", cancel(refund=True), NOW)


async def test_money_that_is_to_go_back_pays_no_other_order(shop: Shop) -> None:
    await shop.halt()
    await shop.ledger.book(payment(10000), NOW)
    (given,) = (await shop.desk.change("1042", cancel(refund=True), NOW)).given_back
    assert (given.state, await shop.credit()) == (InstructionState.TO_DO, 10000)
    await shop.ledger.open_order(request("1043", 4000), NOW)
    amended, _ = await shop.ledger.change_order("1043", amend(5000, change_id="more"), NOW)
    assert (amended.owed_minor, amended.order.releases) == (5000, ())
    assert given.instruction_id is not None
    await shop.payments.confirm(given.instruction_id, "bob", "paid out", NOW, "9021")
    assert await shop.credit() == 0
    known = await shop.desk.known("1043")
    assert (known.owed_minor, known.order.releases) == (5000, ())


async def test_what_one_refund_is_to_give_back_no_other_gives_back(shop: Shop) -> None:
    await shop.halt()
    paid = payment(10000)
    await shop.ledger.book(paid, NOW)
    await shop.desk.change("1042", amend(4000), NOW)
    (given,) = (await shop.desk.change("1042", cancel("change-2", refund=True), NOW)).given_back
    assert given.amount_minor == 10000
    wanted = InstructionRequest(
        instruction_id="another",
        kind=InstructionKind.REFUND,
        payment=paid.name,
        refund_reference="9021",
        by="bob",
        reason="the buyer asked again",
        via="cli",
    )
    for amount in ("", "0.01"):
        with pytest.raises(InvalidInput, match=r"is more than is left beside refund 100\.00 EUR"):
            await shop.payments.instruct(wanted.evolve(amount=amount), NOW)
    assert given.instruction_id is not None
    await shop.payments.reject(given.instruction_id, "bob", "another way", NOW)
    done = await shop.payments.instruct(wanted, NOW)
    assert (done.state, await shop.credit()) == (InstructionState.DONE, 0)
