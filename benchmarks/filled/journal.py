"""A ledger with a long past, for measuring: 1,000,000 payments by a bank's app, and a bill that is open for everybody.

    accounts = fill_journal(ledger, customers=100_000, payments=1_000_000, rail="bank-app", at=now)

The rows are those that the application writes, a bill and a payment for each month; they are made by the database
itself. Answers the account numbers, each of a customer who owes ``OWED_MINOR``.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Text, case, func, literal

from adapters.sql.ledger import SqlLedger
from adapters.sql.schema.billers import biller_answers
from adapters.sql.schema.journal import incoming_payments, journal_entries, transactions
from benchmarks.filled.database_rows import (
    CURRENCY,
    go_on_counting,
    insert_customers,
    insert_rows,
    places_of,
    settle,
    take_room,
    text_of,
)
from billing.receivables.journal import AccountKind, Cause

OWED_MINOR = 2500


def fill_journal(ledger: SqlLedger, count: int, payments: int, rail: str, at: datetime) -> list[str]:
    """Within one transaction."""
    with ledger._writing("fill its journal") as connection:
        take_room(connection)
        numbers = insert_customers(connection, count, at)
        _post_past(connection, count, payments, rail, at - timedelta(days=60))
        _post_open_bills(connection, count, payments, at - timedelta(days=20))
        go_on_counting(connection, transactions, biller_answers)
    settle(ledger)
    return numbers


def _post_past(connection: Connection, count: int, payments: int, rail: str, at: datetime) -> None:
    """A bill and its payment, for month after month of all customers."""
    place = (places := places_of(payments)).c.place
    whose, month = text_of("customer-", place % count), _month(place // count)
    digest = text_of(
        func.substr(text_of("00000000", (place * 2654435761) % 4294967296), -8), "-" * 48, 10_000_000 + place
    )
    txn_id = text_of("1", 10_000_000_000_000_000 + place)
    bill, payment = 2 * place + 1, 2 * place + 2
    key = text_of(rail, " ", digest)
    insert_rows(
        connection,
        places,
        transactions,
        at=at,
        number=bill,
        key=text_of("bill ", place),
        cause=Cause.NOTICE,
        customer_id=whose,
    )
    paid = {"cause": Cause.PAYMENT, "customer_id": whose, "rail": rail, "digest": digest}
    insert_rows(connection, places, transactions, at=at, number=payment, key=key, **paid)
    _enter_bill(connection, places, bill, whose, month, at)
    money = {"number": payment, "currency": CURRENCY}
    cleared = {"kind": AccountKind.CLEARING, "rail": rail, "amount_minor": OWED_MINOR}
    insert_rows(connection, places, journal_entries, position=0, **money, **cleared)
    receivable = {"kind": AccountKind.RECEIVABLE, "customer_id": whose, "subject_kind": "month", "subject": month}
    insert_rows(connection, places, journal_entries, position=1, **money, **receivable, amount_minor=-OWED_MINOR)
    insert_rows(
        connection,
        places,
        incoming_payments,
        rail=rail,
        digest=digest,
        reference=txn_id,
        kind="payment",
        customer_id=whose,
        amount_minor=OWED_MINOR,
        unmatched_minor=0,
        currency=CURRENCY,
        paid_at=at,
        booked_at=at,
    )
    answered = {"rail": rail, "txn_id": txn_id, "asked": digest, "code": "ok", "content_type": "application/json"}
    body = b'{"txn_id": "10000000000000000", "prv_txn_id": "1000000", "result": 0, "sum": "25.00", "comment": "ok"}'
    insert_rows(connection, places, biller_answers, number=place + 1, answer=body, at=at, payment=digest, **answered)


def _post_open_bills(connection: Connection, count: int, payments: int, at: datetime) -> None:
    """What everybody owes."""
    place = (places := places_of(count)).c.place
    whose, number = text_of("customer-", place), 2 * payments + 1 + place
    named = {"key": text_of("open bill ", place), "cause": Cause.NOTICE, "customer_id": whose}
    insert_rows(connection, places, transactions, at=at, number=number, **named)
    _enter_bill(connection, places, number, whose, literal("2026-10", Text), at)


def _enter_bill(connection: Connection, places: FromClause, number: Any, whose: Any, month: Any, at: datetime) -> None:
    about = {"number": number, "customer_id": whose, "subject_kind": "month", "subject": month, "currency": CURRENCY}
    owed = {"kind": AccountKind.RECEIVABLE, "amount_minor": OWED_MINOR, "due_at": at}
    insert_rows(connection, places, journal_entries, position=0, **about, **owed)
    billed = {"kind": AccountKind.BILLED, "amount_minor": -OWED_MINOR}
    insert_rows(connection, places, journal_entries, position=1, **about, **billed)


def _month(number: Any) -> ColumnElement[str]:
    """The months of 2016 and later, in words that need not be right after 99 of them."""
    year, month = 2016 + number // 12, 1 + number % 12
    return text_of(year, case((month < 10, "-0"), else_="-"), month)
