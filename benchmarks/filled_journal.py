"""A ledger with a long past, for measuring: 1,000,000 payments by a bank's app, and a bill that is open for everybody.

    accounts = fill_journal(ledger, customers=100_000, payments=1_000_000, rail="bank-app", at=now)

The rows are those that the application writes, a bill and a payment for each month; they are made by the database
itself. Answers the account numbers, each of a customer who owes ``OWED_MINOR``.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Text,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    text,
)

from adapters.sql.core.rows import customer_values
from adapters.sql.ledger import SqlLedger
from adapters.sql.schema.billers import biller_answers, service_accounts
from adapters.sql.schema.journal import incoming_payments, journal_entries, transactions
from adapters.sql.schema.months import customers
from billing.customers.account_numbers import check_digit
from billing.customers.customer import Customer
from billing.payments.methods import CardOnFile
from billing.receivables.journal import AccountKind, Cause

OWED_MINOR = 2500
CURRENCY = "eur"
_BATCH = 10_000


def fill_journal(ledger: SqlLedger, count: int, payments: int, rail: str, at: datetime) -> list[str]:
    """Within one transaction."""
    numbers = [_number(place) for place in range(count)]
    with ledger._writing("fill its journal") as connection:
        for start in range(0, count, _BATCH):
            batch = range(start, min(start + _BATCH, count))
            connection.execute(insert(customers), [_customer(place, at) for place in batch])
            connection.execute(insert(service_accounts), [_account(place, numbers[place], at) for place in batch])
        _post_past(connection, count, payments, rail, at - timedelta(days=60))
        _post_open_bills(connection, count, payments, at - timedelta(days=20))
        _go_on_counting(connection)
    with ledger._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("VACUUM ANALYZE"))  # as its own daemon does within a minute
            connection.execute(text("CHECKPOINT"))  # else what was filled in is written while requests are measured
    return numbers


def _number(place: int) -> str:
    digits = str(100_000_000 + place)
    return digits + check_digit(digits)


def _customer(place: int, at: datetime) -> dict[str, Any]:
    customer = Customer(
        customer_id=f"customer-{place}",
        email=f"billing@customer-{place}.example",
        name=f"Customer {place}",
        currency=CURRENCY,
        timezone="Europe/Paris",
        payment_method=CardOnFile(payer_id=f"cus_{place}", card_id=f"pm_{place}", last4="4242"),
    )
    return customer_values(customer) | {"created_at": at, "updated_at": at}


def _account(place: int, number: str, at: datetime) -> dict[str, Any]:
    opened = {"opened_at": at, "opened_by": "bench", "opened_why": "bench"}
    return {"number": number, "customer_id": f"customer-{place}", **opened}


# -- rows that the database makes: one for each place, 0 and on


def _places(count: int) -> FromClause:
    first = select(literal(0, BigInteger).label("place")).cte("places", recursive=True)
    return first.union_all(select(first.c.place + 1).where(first.c.place < count - 1))


def _text(*parts: Any) -> ColumnElement[str]:
    joined: ColumnElement[str] = literal("", Text)
    for part in parts:
        joined = joined + (literal(part, Text) if isinstance(part, str) else cast(part, Text))
    return joined


def _post_past(connection: Connection, count: int, payments: int, rail: str, at: datetime) -> None:
    """A bill and its payment, for month after month of all customers."""
    place = (places := _places(payments)).c.place
    whose, month = _text("customer-", place % count), _month(place // count)
    digest = _text(func.substr(_text("00000000", (place * 2654435761) % 4294967296), -8), "-" * 48, 10_000_000 + place)
    txn_id = _text("1", 10_000_000_000_000_000 + place)
    bill, payment = 2 * place + 1, 2 * place + 2
    key = _text(rail, " ", digest)
    _insert(
        connection,
        places,
        transactions,
        at=at,
        number=bill,
        key=_text("bill ", place),
        cause=Cause.NOTICE,
        customer_id=whose,
    )
    paid = {"cause": Cause.PAYMENT, "customer_id": whose, "rail": rail, "digest": digest}
    _insert(connection, places, transactions, at=at, number=payment, key=key, **paid)
    _enter_bill(connection, places, bill, whose, month, at)
    money = {"number": payment, "currency": CURRENCY}
    cleared = {"kind": AccountKind.CLEARING, "rail": rail, "amount_minor": OWED_MINOR}
    _insert(connection, places, journal_entries, position=0, **money, **cleared)
    receivable = {"kind": AccountKind.RECEIVABLE, "customer_id": whose, "subject_kind": "month", "subject": month}
    _insert(connection, places, journal_entries, position=1, **money, **receivable, amount_minor=-OWED_MINOR)
    _insert(
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
    _insert(connection, places, biller_answers, number=place + 1, answer=body, at=at, payment=digest, **answered)


def _post_open_bills(connection: Connection, count: int, payments: int, at: datetime) -> None:
    """What everybody owes."""
    place = (places := _places(count)).c.place
    whose, number = _text("customer-", place), 2 * payments + 1 + place
    named = {"key": _text("open bill ", place), "cause": Cause.NOTICE, "customer_id": whose}
    _insert(connection, places, transactions, at=at, number=number, **named)
    _enter_bill(connection, places, number, whose, literal("2026-10", Text), at)


def _enter_bill(connection: Connection, places: FromClause, number: Any, whose: Any, month: Any, at: datetime) -> None:
    about = {"number": number, "customer_id": whose, "subject_kind": "month", "subject": month, "currency": CURRENCY}
    owed = {"kind": AccountKind.RECEIVABLE, "amount_minor": OWED_MINOR, "due_at": at}
    _insert(connection, places, journal_entries, position=0, **about, **owed)
    billed = {"kind": AccountKind.BILLED, "amount_minor": -OWED_MINOR}
    _insert(connection, places, journal_entries, position=1, **about, **billed)


def _month(number: Any) -> ColumnElement[str]:
    """The months of 2016 and later, in words that need not be right after 99 of them."""
    year, month = 2016 + number // 12, 1 + number % 12
    return _text(year, case((month < 10, "-0"), else_="-"), month)


def _insert(connection: Connection, places: FromClause, into: Any, **values: Any) -> None:
    chosen = [
        value if isinstance(value, ColumnElement) else literal(value, into.c[name].type)
        for name, value in values.items()
    ]
    connection.execute(insert(into).from_select(list(values), select(*chosen).select_from(places)))


def _go_on_counting(connection: Connection) -> None:
    """PostgreSQL's counters do not know of numbers that it was given."""
    if connection.dialect.name == "postgresql":
        for counted in (transactions, biller_answers):
            sequence = func.pg_get_serial_sequence(counted.name, "number")
            connection.execute(select(func.setval(sequence, select(func.max(counted.c.number)).scalar_subquery())))
