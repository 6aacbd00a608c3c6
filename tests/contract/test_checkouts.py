"""Payment links from end to end, over sockets: one can be paid at most, for what is owed, and every cent is booked."""

import asyncio
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from billing.errors import BillingError, BrakeOn, CardMissing, InvalidInput, PaymentBusy
from billing.payments.checkouts import Checkout, CheckoutState
from billing.receivables.journal import AccountKind, PaymentName
from billing.receivables.payment_list import PaymentFilter
from services.checkouts import LOOK_AFTER, take_in
from tests.contract.checkout_fixtures import NOW, SESSIONS, SUBJECT, Company, company
from tests.contract.journal_fixtures import balances
from tests.contract.ledger_fixtures import NOVEMBER
from tests.contract.payment_fixtures import gateway, stripe

__all__ = ["company", "gateway", "stripe"]  # fixtures


async def test_an_open_link_is_returned_again(company: Company) -> None:
    first = await company.open()
    assert (first.state, first.amount) == (CheckoutState.OPEN, "10.00 EUR")
    assert await company.open() == first
    assert [session["url"] for session in await company.at_stripe()] == [first.url]


async def test_what_was_paid_by_link_is_booked_once_as_money_of_its_rail(company: Company) -> None:
    link = await company.open()
    assert await company.pay(link) == 303
    for _ in range(2):
        await company.checkouts.look_up(str(link.session_id), NOW)
    assert await balances(company.ledger) == ({}, 0)
    (row,) = (await company.ledger.incoming_payments(PaymentFilter())).rows
    assert (row.rail, row.amount, row.subject) == ("stripe-link", "10.00 EUR", SUBJECT)
    assert row.reference == (await company.at_stripe("complete"))[0]["payment_intent"]
    assert abs(row.paid_at - datetime.now(UTC)) < timedelta(minutes=5)
    assert await company.state(link) is CheckoutState.PAID
    totals = {(total.kind, total.rail): total.closing_minor for total in await company.ledger.trial_balance()}
    assert totals[AccountKind.CLEARING, "stripe-link"] == 1000
    with pytest.raises(InvalidInput, match="nothing is owed"):
        await company.open()


async def test_a_page_that_is_no_link_of_ours_is_not_even_looked_up(company: Company) -> None:
    await company.stripe.fails("status", "/checkout/sessions", status=500, times=None)
    await company.checkouts.look_up("cs_test_unknown", NOW)


async def test_a_link_is_replaced_when_another_amount_is_owed(company: Company) -> None:
    first = await company.open()
    await company.transfer(300)
    second = await company.open()
    assert second.amount == "7.00 EUR"
    assert [session["url"] for session in await company.at_stripe()] == [second.url]
    assert await company.pay(first) == 410
    assert await company.pay(second) == 303
    await company.checkouts.look_up(str(second.session_id), NOW)
    assert await balances(company.ledger) == ({}, 0)


async def test_an_older_link_that_was_paid_meanwhile_is_booked_instead_of_replaced(company: Company) -> None:
    first = await company.open()
    await company.transfer(300)
    await company.pay(first)
    with pytest.raises(InvalidInput, match="nothing is owed"):
        await company.open()
    assert await company.at_stripe() == []
    assert await balances(company.ledger) == ({}, -300), "what nobody owed is the customer's credit"


async def test_after_a_refusal_a_corrected_link_is_opened(company: Company) -> None:
    wrong = company.request.evolve(payer_id="cus_unknown")
    with pytest.raises(CardMissing):
        await company.checkouts.open(wrong, NOW)
    assert (await company.open()).payer_id == company.request.payer_id


async def test_amounts_below_stripes_minimum_are_refused_before_stripe_is_asked(company: Company) -> None:
    await company.transfer(960)
    with pytest.raises(InvalidInput, match=r"0\.40 EUR cannot be paid by link"):
        await company.open()
    assert await company.stripe.sent(SESSIONS) == []


async def test_a_link_ends_when_other_money_has_paid(company: Company) -> None:
    link = await company.open()
    await company.checkouts.sweep(NOW)
    assert await company.state(link) is CheckoutState.OPEN
    await company.transfer(1000)
    await company.checkouts.sweep(NOW)
    assert await company.state(link) is CheckoutState.ENDED
    assert await company.pay(link) == 410
    assert await balances(company.ledger) == ({}, 0)


async def test_what_is_paid_before_the_link_could_end_is_credit(company: Company) -> None:
    link = await company.open()
    await company.transfer(1000)
    await company.pay(link)
    await company.checkouts.sweep(NOW)
    assert await balances(company.ledger) == ({}, -1000)
    assert await company.state(link) is CheckoutState.PAID


async def test_nothing_is_opened_beside_a_payment_that_takes_days(company: Company) -> None:
    link = await company.open()
    await company.pay(link, "pm_card_processing")
    for _ in range(2):
        with pytest.raises(InvalidInput, match=r"10\.00 EUR are on their way by the link of"):
            await company.open()
    (intent,) = await company.stripe.intents()
    await company.stripe.http.post(f"/_control/payment_intents/{intent['id']}", json={"behaviour": "succeed"})
    await company.checkouts.sweep(NOW + LOOK_AFTER)
    assert await company.by_link() == [1000]


async def test_after_a_payment_that_failed_days_later_another_link_is_opened(company: Company) -> None:
    link = await company.open()
    await company.pay(link, "pm_card_processing")
    (intent,) = await company.stripe.intents()
    declined = {"behaviour": "decline:insufficient_funds"}
    await company.stripe.http.post(f"/_control/payment_intents/{intent['id']}", json=declined)
    assert (await company.open()).session_id != link.session_id
    assert await company.by_link() == []


async def test_the_brake_opens_no_link_and_ends_those_that_are_open(company: Company) -> None:
    link = await company.open()
    await company.ledger.pull_brake("ann", "wrong sheet", "cli", NOW)
    with pytest.raises(BrakeOn):
        await company.open()
    await company.checkouts.sweep(NOW)
    assert await company.state(link) is CheckoutState.ENDED


async def test_money_of_a_customer_that_the_ledger_does_not_know_is_unmatched(company: Company) -> None:
    link = await company.open()
    await company.pay(link)
    (intent,) = await company.stripe.intents()
    payment = (await company.gateway.payment(intent["id"])).evolve(customer_id="lost")
    assert await take_in(company.ledger, payment, NOW)
    assert not await take_in(company.ledger, payment, NOW)
    record = await company.ledger.incoming_payment(PaymentName.of("stripe-link", payment.payment_id))
    assert record is not None
    assert (record.unmatched_minor, record.payment.payer) == (1000, "lost")


async def test_two_commands_at_once_open_one_page(company: Company) -> None:
    answers = await asyncio.gather(*(company.open() for _ in range(4)), return_exceptions=True)
    assert all(isinstance(answer, Checkout | PaymentBusy) for answer in answers), answers
    link = await company.open()
    assert [session["url"] for session in await company.at_stripe()] == [link.url]


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_one_page_at_most_can_be_paid_and_every_cent_is_booked(
    company: Company, seed: int
) -> None:
    chance, links, paid_otherwise = random.Random(seed), list[Checkout](), 0
    now = NOW
    for step in range(30):
        if chance.random() < 0.3:
            kind = chance.choice(("drop_before", "drop_after", "html_502"))
            await company.stripe.fails(kind, "/v1/", method=chance.choice(("GET", "POST")))
        match chance.choice(("open", "open", "pay", "other", "sweep", "later")):
            case "open":
                with suppress(BillingError):
                    links.append(await company.checkouts.open(company.request, now))
            case "pay" if links:
                card = chance.choice(("pm_card_visa", "pm_card_visa", "pm_card_chargeCustomerFail"))
                await company.pay(chance.choice(links), card)
            case "other" if paid_otherwise < 900:
                amount_minor = chance.choice((60, 200))
                await company.transfer(amount_minor, f"t{step}")
                paid_otherwise += amount_minor
            case "sweep":
                await company.checkouts.sweep(now)
            case "later":
                now += timedelta(minutes=chance.choice((1, 6)))
        await company.stripe.http.delete("/_control/faults")
        assert len(await company.at_stripe()) <= 1
    await company.checkouts.sweep(now + LOOK_AFTER)
    intents = (await company.stripe.http.get("/v1/payment_intents?limit=100")).json()["data"]
    arrived = sum(intent["amount_received"] for intent in intents)
    assert sum(await company.by_link()) == arrived
    owed, credit = await balances(company.ledger)
    assert owed.get(NOVEMBER, 0) + credit == 1000 - paid_otherwise - arrived
