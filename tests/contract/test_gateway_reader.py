"""The list of a gateway is read until everything is in the books: without callbacks, twice, and after failures."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from adapters.sql.ledger import SqlLedger
from adapters.wayforpay import shop as shop_module
from billing.errors import LedgerUnavailable, PaymentUnknown
from billing.payments.checkouts import CheckoutState
from billing.payments.gateway import GatewayState
from services.gateways.reader import FIRST, OVERLAP, PIECE
from tests.contract.gateway_fixtures import NOW, RAIL, Company, company, shop, stand
from tests.contract.ledger_fixtures import run
from tests.contract.test_gateway_callbacks import order_of_acme

__all__ = ["company", "shop", "stand"]  # fixtures


async def test_a_link_and_the_static_page_are_booked_without_a_public_address(company: Company) -> None:
    await order_of_acme(company, "1042", 500)
    link = await company.open()
    await company.stand.pay(link)
    await company.stand.pay_static("1042", "5.00")
    for _ in range(3):
        await company.read()
    assert await company.booked() == [500, 1000]
    assert await company.owed() == ({}, 0)
    assert await company.state(link) is CheckoutState.PAID
    assert await company.stand.callbacks() == []


async def test_refunds_of_the_cabinet_are_booked_in_parts(company: Company) -> None:
    link = await company.open()
    await company.stand.pay(link)
    for _ in range(2):
        await company.stand.control("orders", reference=link.checkout_id, refund="2.50")
        await company.read()
    assert await company.booked() == [-250, -250, 1000]
    assert (await company.record(link.checkout_id)).returned_minor == 500


async def test_a_reversal_that_is_seen_first_books_both(company: Company) -> None:
    link = await company.open()
    await company.stand.pay(link)
    await company.stand.control("orders", reference=link.checkout_id, refund="10.00")
    await company.read()
    assert await company.booked() == [-1000, 1000]


async def test_the_position_is_kept_and_what_comes_late_is_read_by_an_overlap(company: Company) -> None:
    link = await company.open()
    await company.stand.control("orders", reference=link.checkout_id, status="InProcessing", reason_code=1131)
    until = datetime.now(UTC) + timedelta(seconds=1)
    await company.reader.read(company.gateway, until)
    assert await company.ledger.read_until(RAIL) == until
    await company.stand.control("orders", reference=link.checkout_id, status="Approved")
    await company.reader.read(company.gateway, until + OVERLAP - timedelta(minutes=1))
    assert await company.booked() == [1000]
    await company.ledger.note_read_until(RAIL, until)
    assert (await company.ledger.read_until(RAIL) or until) > until, "a slower process does not set it back"


async def test_once_an_hour_days_are_read_again(company: Company) -> None:
    link = await company.open()
    await company.stand.control("orders", reference=link.checkout_id, status="InProcessing", reason_code=1131)
    until = datetime.now(UTC) + timedelta(seconds=1)
    await company.reader.read(company.gateway, until)
    await company.stand.control("orders", reference=link.checkout_id, status="Approved")
    await company.ledger.note_read_until(RAIL, until + timedelta(days=3))
    await company.reader.read(company.gateway, until + timedelta(days=3, minutes=1))
    assert await company.booked() == [1000]


async def test_a_backlog_is_read_in_pieces(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = []
    real = company.shop.transactions

    def transactions(since: datetime, until: datetime) -> Any:
        pieces.append(until - since)
        return real(since, until)

    monkeypatch.setattr(company.shop, "transactions", transactions)
    await company.ledger.note_read_until(RAIL, datetime.now(UTC) - timedelta(days=60))
    await company.stand.pay(await company.open())
    await company.read()
    assert len(pieces) == 10
    assert max(pieces) <= PIECE
    assert sum(pieces, timedelta()) > timedelta(days=60)
    assert await company.booked() == [1000]


async def test_a_first_look_takes_in_the_last_day_only(company: Company) -> None:
    await company.stand.pay_static("", "5.00")
    await company.reader.read(company.gateway, datetime.now(UTC) + FIRST + timedelta(minutes=1))
    assert await company.booked() == []


async def test_a_transaction_that_cannot_be_read_stops_no_other_and_is_told_once(company: Company) -> None:
    references = [await company.stand.pay_static("", amount) for amount in ("1.00", "2.00", "3.00")]
    await company.stand.control("orders", reference=references[1], list_row={"transactionStatus": "Invented"})
    for _ in range(3):
        await company.read()
    assert await company.booked() == [100, 300]
    texts = [text for text in await company.told() if "cannot be read" in text]
    assert len(texts) == 1
    assert references[1] in texts[0]


async def test_one_that_cannot_be_taken_in_stops_no_other_and_is_told_once(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    references = [await company.stand.pay_static("", amount) for amount in ("1.00", "2.00", "3.00")]
    real = company.gateway.take

    async def take(seen: Any, now: datetime) -> str:
        if seen.reference == references[0]:
            raise RuntimeError("unforeseen")
        return await real(seen, now)

    monkeypatch.setattr(company.gateway, "take", take)
    for _ in range(3):
        await company.read()
    assert await company.booked() == [200, 300]
    assert len([text for text in await company.told() if references[0] in text]) == 1


async def test_money_that_goes_back_by_an_amount_that_is_not_listed_is_looked_up_until_it_is_known(
    company: Company,
) -> None:
    link = await company.open()
    await company.stand.pay(link)
    await company.stand.control("orders", reference=link.checkout_id, refund="4.00", list_row={"refundAmount": None})
    await company.stand.fails("html_502", "CHECK_STATUS")
    await company.read()
    assert await company.booked() == []
    async with company.inbox.open():
        await company.inbox_is_empty()
    assert await company.booked() == [-400, 1000]


async def test_without_a_console_it_is_asked_for_alone(company: Company) -> None:
    link = await company.open()
    await company.stand.pay(link)
    await company.stand.control("orders", reference=link.checkout_id, refund="4.00", list_row={"refundAmount": None})
    await company.read()
    assert await company.booked() == [-400, 1000]


async def test_while_the_ledger_is_down_nothing_is_passed_over(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    await company.stand.pay_static("", "5.00")

    async def book(*_: object) -> bool:
        raise LedgerUnavailable("the ledger is busy")

    with monkeypatch.context() as patched:
        patched.setattr(company.ledger, "book", book)
        with pytest.raises(LedgerUnavailable):
            await company.read()
    assert (await company.ledger.read_until(RAIL) or NOW) < NOW - FIRST + OVERLAP
    await company.read()
    assert await company.booked() == [500]


async def test_while_the_gateway_is_down_nothing_is_passed_over(company: Company) -> None:
    await company.stand.pay_static("", "5.00")
    await company.stand.fails("html_502", "TRANSACTION_LIST")
    with pytest.raises(PaymentUnknown):
        await company.read()
    assert (await company.ledger.read_until(RAIL) or NOW) < NOW - FIRST + OVERLAP
    await company.read()
    assert await company.booked() == [500]


async def test_it_reads_by_itself_and_goes_on_after_failures(company: Company) -> None:
    from sandbox.timeline import until
    from services.gateways.reader import GatewayReader

    await company.stand.fails("html_502", "TRANSACTION_LIST", times=2)
    await company.stand.pay_static("", "5.00")
    rounds = []

    async def then(now: datetime) -> None:
        rounds.append(now)

    reader = GatewayReader(
        {RAIL: company.gateway}, company.ledger, company.clock, then, poll=timedelta(milliseconds=10)
    )
    async with reader.open():
        await company.until_booked(500)

        async def twice() -> bool:
            return len(rounds) > 1

        await until(twice, 30)


async def test_a_restored_ledger_reads_again(company: Company) -> None:
    link = await company.open()
    await company.stand.pay(link)
    await company.read()
    seen = await company.shop.transaction(link.checkout_id)
    assert seen.state is GatewayState.APPROVED
    assert await company.gateway.is_known(seen)
    assert not await company.gateway.is_known(seen.evolve(returned_minor=1))
    await company.gateway.take(seen, company.clock())
    assert await company.booked() == [1000]


async def test_a_list_that_is_too_long_is_read_at_once_in_smaller_pieces(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        await company.stand.pay_static("", "5.00")
        await company.stand.control("clock", advance_seconds=3_600)
    monkeypatch.setattr(shop_module, "_ANSWER_BYTES", 1_500)
    await company.ledger.note_read_until(RAIL, datetime.now(UTC) - timedelta(days=2))
    await company.reader.read(company.gateway, datetime.now(UTC) + timedelta(hours=5))
    assert await company.booked() == [500, 500, 500, 500]


async def test_a_refund_that_is_a_row_of_its_own_says_only_look_it_up(company: Company) -> None:
    link = await company.open()
    await company.stand.pay(link)
    row = {"transactionType": "REFUND", "amount": "3.00", "refundAmount": None}
    await company.stand.control("orders", reference=link.checkout_id, refund="3.00", list_row=row)
    await company.read()
    assert await company.booked() == [-300, 1000]


async def test_a_ledger_that_is_restored_while_it_runs_is_read_into_again(
    company: Company, ledger: SqlLedger, url: str
) -> None:
    await company.stand.pay_static("", "5.00")
    await company.read()
    for table in ("entries", "transactions", "incoming_payments", "gateway_positions"):
        run(url, lambda connection, table=table: connection.execute(text(f"DELETE FROM {table} WHERE true")))
    await company.read()
    assert await company.booked() == [500]


async def test_what_is_in_the_books_is_not_looked_for_again(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    await company.stand.pay_static("", "5.00")
    await company.stand.control(
        "orders", reference=await company.stand.pay_static("", "6.00"), list_row={"amount": "much"}
    )
    await company.read()

    async def asked(*_: object) -> bool:
        raise AssertionError("it is known")

    monkeypatch.setattr(company.gateway, "is_known", asked)
    monkeypatch.setattr(company.gateway, "tell", asked)
    await company.read()
