"""Links by a gateway, over sockets: one page at most can be paid, an attempt ends itself only, and money is booked."""

import random
from contextlib import suppress
from typing import Any, cast

import pytest

from adapters.wayforpay.shop import WayForPay
from billing.errors import BillingError, BrakeOn, InvalidInput, NotFound, PaymentRejected, PaymentUnknown
from billing.payments.checkouts import Checkout, CheckoutState
from sandbox.wayforpay.store import MERCHANT, SECRET
from services.checkouts import LOOK_AFTER, Checkouts
from services.gateways.gateway import Gateway
from tests.contract.gateway_fixtures import RAIL, SUBJECT, Company, company, shop, stand

__all__ = ["company", "shop", "stand"]  # fixtures


async def payable(company: Company) -> list[str]:
    orders = await company.stand.orders()
    return [order["reference"] for order in orders if order["status"] == "Created" and not order["removed"]]


async def test_a_link_is_opened_once_paid_and_booked(company: Company) -> None:
    link = await company.open()
    assert (link.state, link.rail, link.amount) == (CheckoutState.OPEN, RAIL, "10.00 EUR")
    assert await company.open() == link, "with its address, which the gateway tells once"
    assert await company.stand.pay(link) == 303
    await company.checkouts.sweep(company.clock() + LOOK_AFTER)
    assert await company.booked() == [1000]
    assert await company.owed() == ({}, 0)
    assert await company.state(link) is CheckoutState.PAID
    record = await company.record(link.checkout_id)
    assert (record.payment.customer_id, record.payment.subject) == ("acme", SUBJECT)
    with pytest.raises(InvalidInput, match="nothing is owed"):
        await company.open()


async def test_a_link_by_another_rail_takes_the_place_of_the_open_one(company: Company) -> None:
    second = WayForPay("second", f"{MERCHANT}_second", SECRET, "www.market.ua", "", f"{company.stand.url}/api")
    gateway = Gateway(second, "second", company.ledger, "", company.clock)
    gateways = {RAIL: company.gateway, "second": gateway}
    company.checkouts = Checkouts(cast(Any, None), company.ledger, "https://pay.example/checkout", gateways)
    first = await company.open()
    other = await company.open(rail="second")
    assert (other.rail, await payable(company)) == ("second", [other.checkout_id])
    assert await company.state(first) is CheckoutState.ENDED
    await company.stand.pay(other)
    await company.checkouts.sweep(company.clock() + LOOK_AFTER)
    assert await company.owed() == ({}, 0)
    assert await company.booked() == [], "it is the other rail's"
    await second.close()


async def test_a_lost_answer_closes_the_page_that_nobody_can_reach_and_opens_another(company: Company) -> None:
    await company.stand.fails("drop_after", "CREATE_INVOICE")
    with pytest.raises(PaymentUnknown):
        await company.open()
    link = await company.open()
    assert await payable(company) == [link.checkout_id]
    assert len(await company.stand.orders()) == 2, "no reference is used twice"


async def test_a_page_that_was_never_asked_for_is_asked_for_again(company: Company) -> None:
    await company.stand.fails("drop_before", "CREATE_INVOICE")
    with pytest.raises(PaymentUnknown):
        await company.open()
    link = await company.open()
    assert await payable(company) == [link.checkout_id]


async def test_a_link_whose_answer_was_lost_is_ended_by_the_sweep(company: Company) -> None:
    await company.stand.fails("drop_after", "CREATE_INVOICE")
    with pytest.raises(PaymentUnknown):
        await company.open()
    await company.checkouts.sweep(company.clock() + LOOK_AFTER)
    assert await company.ledger.live_checkouts() == []
    assert await payable(company) == []


async def test_a_link_ends_at_the_gateway_before_the_ledger_says_so(company: Company) -> None:
    link = await company.open()
    await company.ledger.pull_brake("ann", "wrong sheet", "cli", company.clock())
    for kind in ("drop_before", "html_502"):
        await company.stand.fails(kind, "REMOVE_INVOICE")
        await company.checkouts.sweep(company.clock())
        assert await company.state(link) is CheckoutState.OPEN
    with pytest.raises(BrakeOn):
        await company.open()
    await company.checkouts.sweep(company.clock())
    assert await company.state(link) is CheckoutState.ENDED
    assert await company.stand.pay(link) == 410


async def test_a_declined_attempt_is_over_and_what_is_owed_stays(company: Company) -> None:
    link = await company.open()
    await company.stand.pay(link, "decline")
    await company.checkouts.sweep(company.clock() + LOOK_AFTER)
    assert await company.state(link) is CheckoutState.ENDED
    assert await company.owed() == ({"2026-11": 1000}, 0)
    another = await company.open()
    assert another.checkout_id != link.checkout_id
    assert await payable(company) == [another.checkout_id]


async def test_an_expired_link_is_over_and_another_is_opened(company: Company) -> None:
    link = await company.open()
    await company.stand.control("clock", advance_seconds=2 * 86_400)
    await company.checkouts.sweep(company.clock() + LOOK_AFTER)
    assert await company.state(link) is CheckoutState.ENDED
    assert await company.owed() == ({"2026-11": 1000}, 0)
    assert (await company.open()).state is CheckoutState.OPEN


async def test_a_link_ends_by_our_clock_too(company: Company) -> None:
    link = await company.open()
    company.clock.passes(days=30)
    await company.checkouts.sweep(company.clock())
    assert await company.state(link) is CheckoutState.ENDED
    assert await company.stand.pay(link) == 410


async def test_nothing_is_opened_beside_an_attempt_that_is_not_decided(company: Company) -> None:
    link = await company.open()
    await company.stand.control("orders", reference=link.checkout_id, status="InProcessing", reason_code=1131)
    with pytest.raises(InvalidInput, match="are on their way by the link of"):
        await company.open()
    await company.stand.control("orders", reference=link.checkout_id, status="Approved")
    with pytest.raises(InvalidInput, match="nothing is owed"):
        await company.open()
    assert await company.booked() == [1000]


async def test_what_is_paid_beside_other_money_is_credit_and_told(company: Company) -> None:
    link = await company.open()
    await company.stand.pay(link)
    await company.stand.pay_static("", "10.00")
    await company.read()
    assert await company.booked() == [1000, 1000]
    (text,) = await company.told()
    assert "nobody knows whose it is" in text


async def test_two_attempts_that_are_both_approved_are_an_overpayment_that_is_told(company: Company) -> None:
    first = await company.open()
    await company.ledger.note_checkout(first.checkout_id, CheckoutState.ENDED, company.clock())  # by a restored ledger
    second = await company.open()
    await company.stand.pay(first)
    await company.stand.pay(second)
    await company.read()
    assert await company.owed() == ({}, -1000)
    (text,) = await company.told()
    assert "acme owes nothing for the month 2026-11: 10.00 EUR of payment" in text


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_one_page_at_most_can_be_paid_and_every_cent_is_booked(
    company: Company, seed: int
) -> None:
    chance, links = random.Random(seed), list[Checkout]()
    for _ in range(25):
        if chance.random() < 0.3:
            call = chance.choice(("CREATE_INVOICE", "REMOVE_INVOICE", "CHECK_STATUS"))
            await company.stand.fails(chance.choice(("drop_before", "drop_after", "html_502")), call)
        match chance.choice(("open", "open", "pay", "decline", "sweep", "later")):
            case "open":
                with suppress(BillingError):
                    links.append(await company.open())
            case "pay" if links:
                await company.stand.pay(chance.choice(links))
            case "decline" if links:
                await company.stand.pay(chance.choice(links), "decline")
            case "sweep":
                await company.checkouts.sweep(company.clock())
            case "later":
                company.clock.passes(minutes=chance.choice((1, 6)))
        await company.stand.http.delete("/_control/faults")
        assert len(await payable(company)) <= 1
    await company.checkouts.sweep(company.clock() + LOOK_AFTER)
    paid = [order for order in await company.stand.orders() if order["status"] == "Approved"]
    assert len(paid) <= 1
    assert await company.booked() == [1000] * len(paid)


@pytest.mark.parametrize("error", [PaymentRejected, PaymentUnknown])
async def test_a_page_whose_closing_is_refused_stays_open_here_until_its_time_is_over(
    company: Company, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    link = await company.open()

    async def remove_invoice(reference: str) -> None:
        raise error("it cannot be removed")

    async def transaction(reference: str) -> None:
        raise NotFound("nobody has tried to pay")

    monkeypatch.setattr(company.shop, "remove_invoice", remove_invoice)
    monkeypatch.setattr(company.shop, "transaction", transaction)
    await company.ledger.pull_brake("ann", "wrong sheet", "cli", company.clock())
    await company.checkouts.sweep(company.clock())
    assert await company.state(link) is CheckoutState.OPEN
    company.clock.passes(days=2)
    await company.checkouts.sweep(company.clock())
    assert await company.state(link) is CheckoutState.ENDED


@pytest.mark.parametrize("answer", ["decline", "pay"])
async def test_an_attempt_that_is_decided_ends_its_link_whatever_the_closing_answers(
    company: Company, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    link = await company.open()
    await company.stand.pay(link, answer)

    async def remove_invoice(reference: str) -> None:
        raise PaymentUnknown("a reason code that nobody documents")

    monkeypatch.setattr(company.shop, "remove_invoice", remove_invoice)
    await company.checkouts.sweep(company.clock() + LOOK_AFTER)
    assert await company.state(link) is (CheckoutState.PAID if answer == "pay" else CheckoutState.ENDED)


async def test_a_look_up_that_is_refused_ends_no_link_whose_page_may_be_open(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    await company.stand.fails("drop_after", "CREATE_INVOICE")
    with pytest.raises(PaymentUnknown):
        await company.open()

    async def refuse(reference: str) -> None:
        raise PaymentRejected("a field is not of WayForPay's form")

    with monkeypatch.context() as patched:
        patched.setattr(company.shop, "remove_invoice", refuse)
        patched.setattr(company.shop, "transaction", refuse)
        with pytest.raises(PaymentUnknown):
            await company.open()
        (link,) = await company.ledger.live_checkouts()
        assert link.state is CheckoutState.OPENING
    assert await payable(company) == [link.checkout_id]
    again = await company.open()
    assert await payable(company) == [again.checkout_id]
