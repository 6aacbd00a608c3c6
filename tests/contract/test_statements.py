"""Statements in the ledger: which debt or payment a line names, on SQLite and PostgreSQL."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import event

from adapters.sql.ledger import SqlLedger
from billing.statements.outcomes import LineOutcome
from tests.contract.statement_fixtures import NOW, clearing, outcomes, owed, owing, paid, posted, taken, told
from tests.ordering import request


@pytest.mark.parametrize("words", ["Оплата заказа 1042", "ORDER-1042/A", "pay no. 1042", "счет №1042 от 28.11.2026"])
async def test_an_order_that_is_named_is_paid(ledger: SqlLedger, words: str) -> None:
    await owing(ledger)
    assert outcomes(await taken(ledger, paid(text=words))) == {"booked": 1}
    assert (await owed(ledger), await clearing(ledger)) == (0, 10000)
    assert await told(ledger) == []


async def test_an_account_number_and_an_id_in_capitals_name_their_customer(ledger: SqlLedger) -> None:
    await owing(ledger)
    account = await ledger.open_number("buyer", "79927398713", "ann", "asked", NOW)
    first = paid("1", "30.00", f"лицевой счет {account.number}")
    report = await taken(
        ledger, first, paid("2", "30.00", "INV-BUYER-2026-11"), paid("3", "1.00", "account 79927398714")
    )
    assert outcomes(report) == {"booked": 2, "unmatched": 1}
    assert await owed(ledger) == 4000


async def test_two_who_are_named_are_nobody_and_a_person_is_told(ledger: SqlLedger) -> None:
    await owing(ledger)
    await owing(ledger, "1043", "other")
    assert outcomes(await taken(ledger, paid(text="orders 1042 and 1043"))) == {"unmatched": 1}
    assert await owed(ledger) == 10000
    assert len(await told(ledger)) == 1


async def test_a_number_of_an_order_in_another_currency_books_nothing(ledger: SqlLedger) -> None:
    """It owes as many, of something else."""
    asked = request("1042", 10000)
    await ledger.open_order(asked.evolve(currency="usd"), NOW)
    assert outcomes(await taken(ledger, paid(text="договор 1042"))) == {"unmatched": 1}


async def test_an_app_payment_that_comes_while_the_import_waits_is_matched(ledger: SqlLedger, url: str) -> None:
    """Its customer is locked first, and payments are looked up after that."""
    await owing(ledger)
    other = await SqlLedger.connect(url)
    is_locked = False

    def meet(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        nonlocal is_locked
        if "postgresql" in url and not is_locked and "FOR UPDATE" in statement:
            is_locked = True  # the import has looked up whom the line names, and is about to lock them
            asyncio.run_coroutine_threadsafe(other.book(posted("11111111"), NOW), loop).result()

    loop = asyncio.get_running_loop()
    if "postgresql" not in url:
        await other.book(posted("11111111"), NOW)  # one writer: nobody comes between
    event.listen(ledger._engine, "before_cursor_execute", meet)
    try:
        assert outcomes(await taken(ledger, paid(text="order 1042 txn 11111111"))) == {"matched": 1}
    finally:
        event.remove(ledger._engine, "before_cursor_execute", meet)
        await other.close()
    assert await owed(ledger) == 0


async def test_a_short_number_names_an_order_only_for_exactly_what_it_owes(ledger: SqlLedger) -> None:
    await owing(ledger)
    report = await taken(ledger, paid("1", "99.00", "договор 1042 2026"), paid("2", "100.00", "договор 1042 2026"))
    assert [row.outcome for row in report.rows] == [LineOutcome.UNMATCHED, LineOutcome.BOOKED]


async def test_a_document_number_and_an_address_name_no_order(ledger: SqlLedger) -> None:
    """Neither behind a sign nor by themselves, whatever is owed."""
    await owing(ledger)
    await owing(ledger, "12", "other")
    texts = ("дом № 12, кв. № 7", "Сумма 1042-00 тенге. Без НДС", "buyer@firm.kz")
    report = await taken(ledger, *(paid("1042", "100.00", words) for words in texts))
    assert outcomes(report) == {"unmatched": 3}


async def test_the_amount_alone_books_nothing(ledger: SqlLedger) -> None:
    await owing(ledger)
    assert outcomes(await taken(ledger, paid())) == {"unmatched": 1}
    assert await owed(ledger) == 10000


async def test_what_an_app_has_posted_is_matched_and_books_nothing(ledger: SqlLedger) -> None:
    await owing(ledger)
    await ledger.book(posted("92233720368547758071"), NOW)
    report = await taken(ledger, paid("1", text="перевод 92233720368547758071"), paid("2", text="92233720368547758071"))
    assert outcomes(report) == {"matched": 1, "unmatched": 1}  # the second is money of its own
    assert (await owed(ledger), await clearing(ledger), await clearing(ledger, "bank-app")) == (0, 10000, 10000)


async def test_what_names_a_payment_of_an_app_is_never_booked_beside_it(ledger: SqlLedger) -> None:
    """Less its commission, or a second time: nobody's, whoever is named besides."""
    await owing(ledger, amount_minor=20000)
    await ledger.book(posted("11111111"), NOW)
    words = "order 1042 txn 11111111"
    report = await taken(ledger, paid("1", "98.00", words), paid("2", text=words), paid("3", text=words))
    assert [str(row.outcome) for row in report.rows] == ["unmatched", "matched", "unmatched"]
    assert await owed(ledger) == 10000
    assert len(await told(ledger)) == 2


async def test_a_short_number_is_no_reference_of_a_payment(ledger: SqlLedger) -> None:
    await ledger.book(posted("77").evolve(customer_id=None, subject=None), NOW)
    report = await taken(ledger, paid("77", "100.00", "оплата"))
    assert outcomes(report) == {"unmatched": 1}, "a document's number of the payer's"
    key = report.rows[0].key
    assert outcomes(await taken(ledger, paid("78", "100.00", f"refund of {key}", is_in=False))) == {"returned": 1}
