"""The order desk from end to end, over sockets: links that end at once."""

import pytest

from billing.payments.checkouts import CheckoutState
from billing.period import Period
from billing.receivables.payment_list import PaymentFilter
from orders.order import OrderStage
from services.checkouts import take_in
from tests.contract.order_desk_fixtures import NOW, SUBJECT, Shop, shop
from tests.contract.payment_fixtures import gateway, stripe
from tests.ordering import amend, cancel, request

__all__ = ["gateway", "shop", "stripe"]  # fixtures


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
