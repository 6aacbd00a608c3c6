"""The order desk from end to end, over sockets: money goes back once, by its rail, and to nobody else."""

import pytest

from adapters.sql.ledger import SqlLedger
from adapters.stripe.payments import StripePayments
from billing.errors import InvalidInput, NotFound
from billing.receivables.instructions import InstructionKind, InstructionRequest, InstructionState
from orders.order import OrderStage
from services.orders.desk import Changed
from tests.contract.order_desk_fixtures import NOW, Shop, shop, shop_of
from tests.contract.payment_fixtures import Stripe, gateway, stripe
from tests.ordering import amend, cancel, payment, request

__all__ = ["gateway", "shop", "stripe"]  # fixtures


def states(changed: Changed) -> dict[str, InstructionState | None]:
    return {given.payment: given.state for given in changed.given_back}


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
