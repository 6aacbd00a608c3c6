"""Payment links at Stripe: the adapter over real sockets, answers lost and all."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.responses import JSONResponse

from adapters.stripe.payments import StripePayments
from billing.errors import AmountTooSmall, CardMissing, NotFound, PaymentRejected, PaymentUnknown
from billing.keys import checkout_key
from billing.payments.checkouts import Checkout, CheckoutPage, CheckoutState
from billing.payments.payment import PaymentStatus
from billing.receivables.journal import Subject
from tests.contract.payment_fixtures import PERIOD, Stripe, gateway, stripe

__all__ = ["gateway", "stripe"]  # fixtures

OURS = "https://pay.example/checkout"
SESSIONS = "/checkout/sessions$"
NOW = datetime.now(UTC)


@pytest.fixture
async def link(stripe: Stripe) -> Checkout:
    """A link that the ledger has, and Stripe not yet."""
    subject = Subject.month(PERIOD)
    return Checkout(
        rail="stripe-link",
        customer_id="ann",
        payer_id=(await stripe.post("/v1/customers", email="ann@example.com"))["id"],
        subject=subject,
        description="Invoice for November 2026",
        expires_at=datetime.now(UTC) + timedelta(hours=2),
        by="bob",
        reason="asked by phone",
        checkout_id=checkout_key("ann", subject, 1),
        amount_minor=12345,
        currency="eur",
        created_at=datetime.now(UTC),
    )


async def sessions(stripe: Stripe) -> list[dict[str, Any]]:
    return list((await stripe.http.get("/v1/checkout/sessions?limit=100")).json()["data"])


async def pay(stripe: Stripe, page: CheckoutPage, card: str = "pm_card_visa") -> str:
    """Where the customer is sent after they have paid in a browser."""
    answer = await stripe.http.post(str(page.url), data={"card": card, "answer": "pay"})
    return str(answer.headers.get("location", ""))


async def test_customer_pays_what_the_link_says_on_stripes_page(gateway, stripe: Stripe, link: Checkout) -> None:
    page = await gateway.open_checkout(link, OURS)
    assert page.state is CheckoutState.OPEN
    assert page == await gateway.checkout_page(page.session_id)
    shown = (await stripe.http.get(str(page.url))).text
    assert ("Invoice for November 2026" in shown, "123.45 EUR" in shown) == (True, True)
    assert await pay(stripe, page) == f"{OURS}/paid?session_id={page.session_id}"
    paid = await gateway.checkout_page(page.session_id)
    assert (paid.state, paid.url) == (CheckoutState.PAID, None)
    payment = await gateway.payment(str(paid.payment_id))
    assert (payment.status, payment.by_link, payment.rail) == (PaymentStatus.SUCCEEDED, True, "stripe-link")
    assert (payment.key, payment.payer_id) == (link.checkout_id, link.payer_id)
    assert payment.paid_at is not None
    assert abs(payment.paid_at - datetime.now(UTC)) < timedelta(minutes=5)
    incoming = payment.incoming(NOW)
    assert (incoming.rail, incoming.reference, incoming.paid_at) == ("stripe-link", paid.payment_id, payment.paid_at)
    assert (incoming.customer_id, incoming.subject, incoming.amount) == ("ann", link.subject, "123.45 EUR")


async def test_stripe_is_told_who_pays_for_what_until_when_and_converts_nothing(
    gateway, stripe: Stripe, link: Checkout
) -> None:
    page = await gateway.open_checkout(link, OURS)
    (request,) = await stripe.sent(SESSIONS)
    session = (await sessions(stripe))[0]
    assert (session["client_reference_id"], session["customer"]) == (link.checkout_id, link.payer_id)
    assert session["metadata"] == {
        "billing_key": link.checkout_id,
        "rail": "stripe-link",
        "customer_id": "ann",
        "period": PERIOD,
    }
    assert request["params"]["adaptive_pricing"] == {"enabled": "false"}
    assert page.expires_at == link.expires_at.replace(microsecond=0)
    assert session["cancel_url"] == f"{OURS}/left"


async def test_link_of_a_day_lives_as_long_as_stripe_allows_whatever_our_clock_says(
    gateway, stripe: Stripe, link: Checkout
) -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=7)
    day = link.evolve(created_at=ahead, expires_at=ahead + timedelta(hours=24))
    page = await gateway.open_checkout(day, OURS)
    assert timedelta(hours=23) < page.expires_at - datetime.now(UTC) <= timedelta(hours=24)


async def test_lost_answer_leaves_a_page_that_the_repeat_finds(gateway, stripe: Stripe, link: Checkout) -> None:
    assert await gateway.find_checkout(link) is None
    await stripe.fails("drop_after", SESSIONS, method="POST")
    with pytest.raises(PaymentUnknown, match="the payment link of ann, month 2026-11"):
        await gateway.open_checkout(link, OURS)
    found = await gateway.find_checkout(link)
    assert found == await gateway.open_checkout(link, OURS)
    assert len(await sessions(stripe)) == 1


async def test_request_that_never_arrived_is_sent_again(gateway, stripe: Stripe, link: Checkout) -> None:
    await stripe.fails("drop_before", SESSIONS, method="POST")
    with pytest.raises(PaymentUnknown):
        await gateway.open_checkout(link, OURS)
    assert await gateway.find_checkout(link) is None
    assert (await gateway.open_checkout(link, OURS)).state is CheckoutState.OPEN


@pytest.mark.parametrize("executed", [True, False])
async def test_failure_that_stripe_remembers_is_not_asked_for_again(
    gateway, stripe: Stripe, link: Checkout, executed: bool
) -> None:
    await stripe.fails("status", SESSIONS, method="POST", status=500, cached=True, executed=executed)
    with pytest.raises(PaymentUnknown):
        await gateway.open_checkout(link, OURS)
    assert (await gateway.open_checkout(link, OURS)).state is CheckoutState.OPEN
    assert len(await sessions(stripe)) == 1


async def test_expired_page_takes_no_money_and_a_repeat_changes_nothing(
    gateway, stripe: Stripe, link: Checkout
) -> None:
    page = await gateway.open_checkout(link, OURS)
    for _ in range(2):
        ended = await gateway.expire_checkout(page.session_id)
        assert (ended.state, ended.url, ended.payment_id) == (CheckoutState.ENDED, None, None)
    assert await pay(stripe, page) == ""
    assert await stripe.charges() == 0


async def test_page_that_was_paid_a_moment_ago_stays_paid(gateway, stripe: Stripe, link: Checkout) -> None:
    page = await gateway.open_checkout(link, OURS)
    await pay(stripe, page)
    found = await gateway.expire_checkout(page.session_id)
    assert (found.state, found.payment_id is not None) == (CheckoutState.PAID, True)


@pytest.mark.parametrize(
    ("behaviour", "state"),
    [("succeed", CheckoutState.PAID), ("decline:insufficient_funds", CheckoutState.ENDED)],
)
async def test_payment_that_takes_days_is_under_way_until_its_outcome_is_known(
    gateway, stripe: Stripe, link: Checkout, behaviour: str, state: CheckoutState
) -> None:
    page = await gateway.open_checkout(link, OURS)
    await pay(stripe, page, "pm_card_processing")
    waiting = await gateway.expire_checkout(page.session_id)
    assert waiting.state is CheckoutState.PROCESSING
    payment = await gateway.payment(str(waiting.payment_id))
    assert (payment.status, payment.paid_at) == (PaymentStatus.PROCESSING, None)
    await stripe.http.post(f"/_control/payment_intents/{waiting.payment_id}", json={"behaviour": behaviour})
    assert (await gateway.checkout_page(page.session_id)).state is state


async def test_declined_page_stays_open(gateway, stripe: Stripe, link: Checkout) -> None:
    page = await gateway.open_checkout(link, OURS)
    await pay(stripe, page, "pm_card_chargeCustomerFail")
    assert (await gateway.checkout_page(page.session_id)).state is CheckoutState.OPEN
    assert (await gateway.checkout_page(page.session_id)).url == page.url


@pytest.mark.parametrize(("currency", "amount_minor", "shown"), [("jpy", 50, "50 JPY"), ("bhd", 1230, "1.230 BHD")])
async def test_amounts_are_in_stripes_minor_units(
    gateway, stripe: Stripe, link: Checkout, currency: str, amount_minor: int, shown: str
) -> None:
    page = await gateway.open_checkout(link.evolve(currency=currency, amount_minor=amount_minor), OURS)
    assert shown in (await stripe.http.get(str(page.url))).text
    await pay(stripe, page)
    paid = await gateway.payment(str((await gateway.checkout_page(page.session_id)).payment_id))
    assert paid.incoming(NOW).amount == shown


async def test_what_stripe_refuses_is_said(gateway, link: Checkout) -> None:
    with pytest.raises(AmountTooSmall, match="the payment link of ann"):
        await gateway.open_checkout(link.evolve(amount_minor=49), OURS)
    with pytest.raises(CardMissing):
        await gateway.open_checkout(link.evolve(payer_id="cus_unknown", checkout_id="another"), OURS)
    with pytest.raises(PaymentRejected, match="expires_at"):
        await gateway.open_checkout(
            link.evolve(expires_at=link.created_at + timedelta(minutes=5), checkout_id="third"), OURS
        )


@pytest.mark.parametrize("unknown", ["cs_test_unknown", "pi_1", "../charges", "a b"])
async def test_id_of_no_page_is_not_found(gateway, unknown: str) -> None:
    for call in (gateway.checkout_page, gateway.expire_checkout):
        with pytest.raises(NotFound, match="not in this Stripe account"):
            await call(unknown)


async def test_the_payments_of_the_account_tell_which_came_by_link(gateway, stripe: Stripe, link: Checkout) -> None:
    page = await gateway.open_checkout(link, OURS)
    await pay(stripe, page)
    await stripe.post("/v1/payment_intents", amount="100", currency="eur", **{"metadata[rail]": "x" * 300})
    found = [payment async for payment in gateway.payments_since(NOW - timedelta(minutes=1))]
    assert [(payment.rail, payment.by_link, payment.period) for payment in found] == [
        ("stripe", False, ""),
        ("stripe-link", True, PERIOD),
    ]


async def test_whatever_comes_instead_of_a_page_is_no_answer(serve, link: Checkout) -> None:
    bodies: list[Any] = [{}, [], {"object": "checkout.session", "id": "cs_1"}, {"object": "list"}]
    for body in bodies:
        elsewhere = StripePayments.connect("sk_test_any", await serve(JSONResponse(body)))
        for call in (
            lambda: elsewhere.open_checkout(link, OURS),  # noqa: B023
            lambda: elsewhere.find_checkout(link),  # noqa: B023
            lambda: elsewhere.checkout_page("cs_1"),  # noqa: B023
            lambda: elsewhere.expire_checkout("cs_1"),  # noqa: B023
        ):
            with pytest.raises(PaymentUnknown):
                await call()
        await elsewhere.close()
