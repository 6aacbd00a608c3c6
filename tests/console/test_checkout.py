"""Money of payment links: booked by the webhook, by the customer's return, or by a sweep; and what of it goes back."""

import pytest

from billing.payments.checkouts import Checkout
from billing.period import Period
from billing.receivables.incoming import IncomingPayment, PaymentRow
from billing.receivables.journal import Subject
from billing.receivables.payment_list import PaymentFilter
from bootstrap_adapters import SANDBOX_STRIPE_KEY
from sandbox.stand_ins.control import local_http
from sandbox.timeline import until
from services.checkouts import LOOK_AFTER
from tests.bed import OCTOBER, PATIENCE_SECONDS, Bed, now
from tests.console.conftest import Desk, console
from tests.paying import link_for, pay_by


async def billed(bed: Bed) -> None:
    """A customer who owes 100.00 EUR for October, which are charged in some days."""
    await bed.monitored()
    await bed.announced()
    await bed.is_on_record("acme", OCTOBER, lambda month: month.announced)


async def owed(bed: Bed) -> int:
    return (await bed.ledger.balance("acme")).owed_for(Subject.month(Period(OCTOBER)), "eur")


async def booked(bed: Bed, count: int = 1) -> list[PaymentRow]:
    """The incoming payments, oldest first, as soon as there are so many."""

    async def look() -> list[PaymentRow] | None:
        rows = (await bed.ledger.incoming_payments(PaymentFilter())).rows
        return list(rows)[::-1] if len(rows) >= count else None

    return await until(look, PATIENCE_SECONDS)


async def refund(bed: Bed, payment_id: str, amount_minor: int) -> str:
    async with local_http(headers={"Authorization": f"Bearer {SANDBOX_STRIPE_KEY}"}) as http:
        form = {"payment_intent": payment_id, "amount": str(amount_minor)}
        answer = await http.post(f"{bed.stripe_url}/v1/refunds", data=form)
        return str(answer.raise_for_status().json()["id"])


async def test_the_webhook_books_what_was_paid_whatever_order_and_number_it_comes_in(desk: Desk) -> None:
    await billed(desk.bed)
    for kind in ("duplicate", "reorder"):
        await desk.bed.stripe_control("webhooks/faults", {"kind": kind, "times": None, "probability": 0.5})
    link = await link_for(desk.bed)
    await pay_by(link)
    await desk.all_done()
    (row,) = (await desk.bed.ledger.incoming_payments(PaymentFilter())).rows
    assert (row.rail, row.amount, row.customer_id) == ("stripe-link", "100.00 EUR", "acme")
    assert await owed(desk.bed) == 0
    assert await desk.bed.ledger.live_checkouts() == []


async def test_a_payment_that_takes_days_is_booked_when_it_has_succeeded(desk: Desk) -> None:
    await billed(desk.bed)
    await pay_by(await link_for(desk.bed), "pm_card_processing")
    await desk.all_done()
    assert (await desk.bed.ledger.incoming_payments(PaymentFilter())).rows == ()
    (intent,) = desk.bed.intents()
    await desk.bed.stripe_control(f"payment_intents/{intent['id']}", {"behaviour": "succeed"})
    await desk.all_done()
    assert await owed(desk.bed) == 0


async def test_the_return_of_the_customer_books_at_once_without_a_webhook(bed: Bed) -> None:
    await billed(bed)
    async with console(bed) as desk:
        link = await link_for(bed)
        answer = await pay_by(link)
        back = answer.headers["location"].partition("/checkout/")[2]
        assert back == f"paid?session_id={link.session_id}"
        page = await desk.browser.get(f"/checkout/{back}")
        assert (page.status_code, "Thank you for your payment" in page.text) == (200, True)
        assert [row.amount_minor for row in (await bed.ledger.incoming_payments(PaymentFilter())).rows] == [10000]
        assert (await desk.browser.get(f"/checkout/{back}")).status_code == 200
        assert len((await bed.ledger.incoming_payments(PaymentFilter())).rows) == 1


@pytest.mark.parametrize("session_id", ["", "cs_test_unknown", "cs_live_1", "pi_1", "x" * 5000, "cs_test_1/../x"])
async def test_a_stranger_learns_nothing_from_the_page_and_stripe_is_not_asked(desk: Desk, session_id: str) -> None:
    await desk.bed.stripe_fault(path="/checkout/", kind="status", status=500, times=None)
    page = await desk.browser.get("/checkout/paid", params={"session_id": session_id})
    assert (page.status_code, "Thank you for your payment" in page.text) == (200, True)


async def test_a_customer_is_thanked_while_stripe_is_down_and_the_money_is_booked_later(desk: Desk) -> None:
    await billed(desk.bed)
    link = await link_for(desk.bed)
    await desk.bed.stripe_fault(path="/v1/", kind="status", status=500, times=3)
    await pay_by(link)
    page = await desk.browser.get("/checkout/paid", params={"session_id": str(link.session_id)})
    assert page.status_code == 200
    assert [row.amount_minor for row in await booked(desk.bed)] == [10000]


async def test_a_customer_who_leaves_is_told_that_nothing_was_paid(desk: Desk) -> None:
    page = await desk.browser.get("/checkout/left")
    assert (page.status_code, "No money has been taken" in page.text) == (200, True)


async def test_a_console_that_starts_books_what_it_has_missed_and_ends_what_nobody_owes(bed: Bed) -> None:
    await billed(bed)
    await bed.monitored("late", period=OCTOBER)
    await bed.announced("late")
    await bed.is_on_record("late", OCTOBER, lambda month: month.announced)
    before = now() - 2 * LOOK_AFTER
    paid, unwanted = await link_for(bed, opened_at=before), await link_for(bed, "late", opened_at=before)
    await pay_by(paid)
    money = (await link_payment(bed, paid)).evolve(rail="cash", reference="1", customer_id="late")
    await bed.ledger.book(money, now())
    async with console(bed):
        assert len(await booked(bed, 2)) == 2

        async def is_over() -> bool:
            return not await bed.ledger.live_checkouts()

        await until(is_over, PATIENCE_SECONDS)
    assert (await pay_by(unwanted)).status_code == 410


async def link_payment(bed: Bed, link: Checkout) -> IncomingPayment:
    """What was paid by the link, as it is going to be booked."""
    page = await bed.adapters.payments.checkout_page(str(link.session_id))
    return (await bed.adapters.payments.payment(str(page.payment_id))).incoming(now())


async def test_a_refund_is_booked_as_money_that_went_back_and_reviewers_are_told(desk: Desk) -> None:
    await billed(desk.bed)
    await pay_by(await link_for(desk.bed))
    await desk.all_done()
    (payment,) = (await desk.bed.ledger.incoming_payments(PaymentFilter())).rows
    refund_id = await refund(desk.bed, payment.reference, 2500)
    await desk.all_done()
    _, back = await booked(desk.bed, 2)
    assert (back.rail, back.reference, back.original) == ("stripe-link", refund_id, payment.name)
    assert back.amount_minor == -2500
    assert await owed(desk.bed) == 0, "a refund gives up what was paid"
    assert "Refund of 25.00 EUR" in await desk.bed.told()


async def test_a_refund_whose_payment_is_not_known_yet_books_both(desk: Desk) -> None:
    await billed(desk.bed)
    lost: dict[str, object] = {"kind": "drop", "times": None, "type": r"^(payment_intent|checkout|charge\.succeeded)"}
    await desk.bed.stripe_control("webhooks/faults", lost)
    await pay_by(await link_for(desk.bed))
    (intent,) = desk.bed.intents()
    await refund(desk.bed, intent["id"], 10000)
    assert [row.amount_minor for row in await booked(desk.bed, 2)] == [10000, -10000]
    assert await owed(desk.bed) == 0


@pytest.mark.parametrize(("verdict", "left_minor"), [("won", 0), ("lost", 10000)])
async def test_a_dispute_withholds_the_money_until_it_is_decided(desk: Desk, verdict: str, left_minor: int) -> None:
    await billed(desk.bed)
    await pay_by(await link_for(desk.bed))
    await desk.all_done()
    (intent,) = desk.bed.intents()
    await desk.bed.stripe_control("disputes", {"payment_intent": intent["id"]})
    await desk.all_done()
    assert await owed(desk.bed) == 10000
    (dispute,) = desk.bed.objects("dispute")
    await desk.bed.stripe_control(f"disputes/{dispute['id']}", {"status": verdict})
    await desk.all_done()
    assert await owed(desk.bed) == left_minor
