"""WayForPay's callbacks over sockets: committed before they are accepted, whatever they look like and however often."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from adapters.sql.receivables.journal import post
from billing.errors import LedgerUnavailable
from billing.payments.checkouts import CheckoutState
from billing.receivables.journal import Cause, Subject, Transaction, billed, moved, receivable
from sandbox.stand_ins.control import local_http
from sandbox.timeline import until
from services.gateways.reader import GATEWAY_RETURNED
from tests.contract.conftest import Serve
from tests.contract.gateway_fixtures import NOW, Company, called_back, company, shop, stand
from tests.unit.test_wayforpay_messages import signed

__all__ = ["company", "shop", "stand"]  # fixtures


@pytest.fixture
async def address(company: Company, serve: Serve) -> AsyncIterator[str]:
    """Where callbacks go."""
    async with called_back(company, serve) as address:
        yield address


async def post_to(address: str, body: bytes | str) -> httpx.Response:
    async with local_http() as http:
        return await http.post(address, content=body)


def message(**changes: Any) -> dict[str, Any]:
    return signed(**{"amount": "10.00", "currency": "EUR"} | changes)


async def order_of_acme(company: Company, number: str, amount_minor: int = 1000) -> None:
    """Something that acme owes for an order."""
    subject = Subject.order(number)
    owed = moved(amount_minor, "eur", receivable("acme", subject), billed("acme", subject))
    entry = owed[0].evolve(due_at=company.clock())
    posted = Transaction(
        key=f"order {number}", cause=Cause.NOTICE, at=NOW, customer_id="acme", entries=(entry, *owed[1:])
    )

    def write() -> None:
        with company.ledger._writing("open an order") as connection:
            post(connection, [posted])

    await company.ledger.run(write)


@pytest.mark.parametrize("shape", ["json", "form_key", "form_value", "form_fields"])
async def test_an_approved_callback_is_booked_and_accepted_in_every_shape(
    company: Company, address: str, shape: str
) -> None:
    if shape != "json":
        await company.stand.control("callbacks/faults", kind=shape)
    link = await company.open()
    await company.stand.pay(link)
    await company.until_booked(1000)
    await company.stand.accepted()
    (callback,) = await company.stand.callbacks()
    assert (callback["state"], callback["attempts"]) == ("accepted", 1)
    assert await company.owed() == ({}, 0)
    assert await company.state(link) is CheckoutState.PAID


async def test_a_repeat_gets_the_same_answer_word_for_word_and_is_booked_once(company: Company, address: str) -> None:
    answers = []
    for minutes in (0, 5, 600):
        company.clock.passes(minutes=minutes)
        answers.append((await post_to(address, json.dumps(message()))).text)
    assert len(set(answers)) == 1
    assert await company.booked() == [1000]
    for status in ("Declined", "Pending", "Refunded"):
        other = json.dumps(message(transactionStatus=status, orderReference="of nobody"))
        first = await post_to(address, other)
        company.clock.passes(minutes=5)
        assert (first.status_code, (await post_to(address, other)).text) == (200, first.text)


async def test_duplicates_out_of_order_and_a_late_expired_change_nothing(company: Company, address: str) -> None:
    for kind in ("duplicate", "reorder", "expired_after", "pending_first"):
        await company.stand.control("callbacks/faults", kind=kind, status="^(Approved|Declined)")
    for number in range(4):
        link = await company.open()
        await company.stand.pay(link, "decline" if number < 2 else "pay")
        if number == 2:
            break
        await company.checkouts.sweep(company.clock())

        async def over(link: Any = link) -> bool:
            return not (await company.state(link)).is_live

        await until(over, 30)
    await company.stand.accepted()
    await company.until_booked(1000)
    assert await company.owed() == ({}, 0)
    assert await company.state(link) is CheckoutState.PAID


async def test_a_pending_attempt_is_accepted_and_nothing_is_booked(company: Company, address: str) -> None:
    link = await company.open()
    for status in ("InProcessing", "Pending", "WaitingAuthComplete"):
        await company.stand.control("orders", reference=link.checkout_id, status=status, reason_code=1131)
    await company.stand.accepted()
    assert await company.booked() == []
    await company.stand.control("orders", reference=link.checkout_id, status="Approved")
    await company.until_booked(1000)


async def test_declined_ends_its_own_link_and_nobody_elses(company: Company, address: str) -> None:
    abandoned = await company.open()
    await company.ledger.note_checkout(abandoned.checkout_id, CheckoutState.ENDED, NOW)
    link = await company.open()
    await company.stand.control("orders", reference=abandoned.checkout_id, status="Expired", reason_code=1124)
    await company.stand.accepted()
    await company.stand.pay(link)
    await company.until_booked(1000)
    await company.stand.control("orders", reference=abandoned.checkout_id, status="Declined", reason_code=1101)
    await company.stand.accepted()
    assert await company.state(link) is CheckoutState.PAID
    assert await company.owed() == ({}, 0)


async def test_what_cannot_be_stored_is_not_accepted_and_comes_again(
    company: Company, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tries = company.ledger.book, []

    async def book(*args: Any) -> bool:
        tries.append(args)
        if len(tries) < 3:
            raise LedgerUnavailable("the ledger is busy")
        return bool(await real(*args))

    monkeypatch.setattr(company.ledger, "book", book)
    assert (await post_to(address, json.dumps(message()))).status_code == 503
    link = await company.open()
    await company.stand.pay(link)
    await company.stand.accepted()
    (callback,) = await company.stand.callbacks()
    assert callback["attempts"] == 2
    assert await company.booked() == [1000]


async def test_a_wrong_accept_is_repeated_for_four_days_of_the_gateways_clock(company: Company, serve: Serve) -> None:
    from fastapi import FastAPI

    wrong = FastAPI()
    wrong.add_api_route("/", lambda: {"status": "accept", "orderReference": "x", "time": 1}, methods=["POST"])
    company.gateway._service_url = await serve(wrong) + "/"
    await company.stand.control("callbacks", interval_seconds=0.05)
    await company.stand.pay(await company.open())

    async def tries(count: int = 3) -> bool:
        return bool((await company.stand.callbacks())[0]["attempts"] >= count)

    await until(tries, 30)
    assert (await company.stand.callbacks())[0]["state"] == "pending"
    await company.stand.control("clock", advance_seconds=4 * 86_400 + 1)
    await company.stand.accepted()
    assert (await company.stand.callbacks())[0]["state"] == "given up"


# -- orders, and money of nobody


async def test_the_typed_number_of_an_order_names_whose_money_it_is(company: Company, address: str) -> None:
    await order_of_acme(company, "1042")
    reference = await company.stand.pay_static("1042", "10.00")
    await company.until_booked(1000)
    record = await company.record(reference)
    assert (record.payment.customer_id, record.payment.subject) == ("acme", Subject.order("1042"))
    assert await company.owed() == ({"2026-11": 1000}, 0)


@pytest.mark.parametrize("typed", ["1043", "2026-11", "", "' OR 1=1 --", "9" * 400])
async def test_money_for_an_order_that_nobody_knows_is_kept_accepted_and_told(
    company: Company, address: str, typed: str
) -> None:
    await order_of_acme(company, "1042")
    reference = await company.stand.pay_static(typed, "10.00")
    await company.until_booked(1000)
    await company.stand.accepted()
    assert (await company.record(reference)).unmatched_minor == 1000
    (text,) = await company.told()
    assert "nobody knows whose it is" in text


async def test_a_reference_of_another_rail_is_nobodys(company: Company, address: str) -> None:
    link = await company.open()
    other = link.evolve(rail="another")

    async def checkout(_: str) -> Any:
        return other

    company.gateway._ledger = _With(company.ledger, checkout=checkout)
    await company.stand.pay(link)
    await company.until_booked(1000)
    assert (await company.record(link.checkout_id)).unmatched_minor == 1000


class _With:
    """A ledger, with some of its methods replaced."""

    def __init__(self, ledger: Any, **replaced: Any) -> None:
        self._ledger = ledger
        self.__dict__ |= replaced

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


async def test_another_currency_is_credit_in_that_currency_and_told(company: Company, address: str) -> None:
    link = await company.open()
    answer = await post_to(address, json.dumps(message(orderReference=link.checkout_id, currency="USD")))
    assert answer.status_code == 200
    assert await company.owed() == ({"2026-11": 1000}, 0)
    assert (await company.ledger.balance("acme")).credits == {"usd": -1000}
    assert any("billed in EUR" in text for text in await company.told())


# -- money that goes back


async def test_a_partial_refund_is_booked_by_what_the_gateway_has_not_by_the_callbacks_amount(
    company: Company, address: str
) -> None:
    link = await company.open()
    await company.stand.pay(link)
    await company.until_booked(1000)
    await company.stand.control("orders", reference=link.checkout_id, refund="3.00")
    await company.until_booked(1000, -300)
    await company.stand.control("callbacks/faults", kind="duplicate", times=5)
    await company.stand.control("orders", reference=link.checkout_id, refund="3.00")
    await company.until_booked(1000, -300, -300)
    await company.stand.accepted()
    await company.inbox_is_empty()
    assert await company.booked() == [-300, -300, 1000]


async def test_a_reversal_that_overtakes_its_payment_books_both(company: Company, address: str) -> None:
    await company.stand.control("callbacks/faults", kind="drop", status="^Approved")
    link = await company.open()
    await company.stand.pay(link)
    await company.stand.control("orders", reference=link.checkout_id, refund="10.00")
    await company.until_booked(1000, -1000)
    assert await company.owed() == ({}, 0), "what was paid and given back is not owed again"


async def test_a_refund_that_waits_for_the_shops_balance_is_booked_when_it_goes(company: Company, address: str) -> None:
    link = await company.open()
    await company.stand.pay(link)
    await company.until_booked(1000)
    await company.stand.control("refunds", code=1138)
    with pytest.raises(Exception, match="still at it"):
        await company.shop.refund(link.checkout_id, 400, "eur", "why")
    await company.stand.accepted()
    assert await company.booked() == [1000]
    await company.stand.control("orders", reference=link.checkout_id, finish_refunds=True)
    await company.until_booked(1000, -400)


async def test_a_forged_refund_is_not_believed(company: Company, address: str) -> None:
    link = await company.open()
    await company.stand.pay(link)
    await company.until_booked(1000)
    for status in ("Refunded", "Voided", "Declined", "Expired"):  # signed, but not so at the gateway
        answer = await post_to(address, json.dumps(message(orderReference=link.checkout_id, transactionStatus=status)))
        assert answer.status_code == 200

    async def look() -> bool:
        return {event.type for event in await company.ledger.open_events()} == {GATEWAY_RETURNED}

    await until(look, 30)  # it is looked at again, for the look-up may be late
    assert await company.booked() == [1000]


@pytest.mark.parametrize("status", ["RefundInProcessing", "Refunded"])
async def test_money_that_is_said_to_go_back_is_looked_up_until_it_has(
    company: Company, address: str, status: str
) -> None:
    link = await company.open()
    await company.stand.pay(link)
    await company.until_booked(1000)
    await company.stand.control("orders", reference=link.checkout_id, status=status)
    await company.stand.accepted()
    await company.stand.control("callbacks/faults", kind="drop", times=None)
    await company.stand.control("orders", reference=link.checkout_id, refund="4.00")
    await company.until_booked(-400, 1000)
    await company.inbox_is_empty()
