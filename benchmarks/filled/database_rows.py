"""Rows that the database makes itself, one for each place (0 and on): a million are there within a minute.

place = (places := places_of(1_000_000)).c.place
insert_rows(connection, places, tasks, key=text_of("task ", place), opened_at=instant_of(place), ...)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Table,
    Text,
    cast,
    func,
    insert,
    literal,
    select,
    text,
)

from adapters.sql.core.rows import customer_values
from adapters.sql.ledger import SqlLedger
from adapters.sql.schema.billers import service_accounts
from adapters.sql.schema.months import customers
from billing.customers.account_numbers import check_digit
from billing.customers.customer import Customer
from billing.payments.methods import CardOnFile

CURRENCY = "eur"
_BATCH, _CACHE_KB = 10_000, 600_000
_SQLITE_INSTANT = "%Y-%m-%d %H:%M:%S.000000"


def places_of(count: int, first: int = 0, step: int = 1) -> FromClause:
    """``count`` places, from ``first`` on, each ``step`` after the one before."""
    place = select(literal(first, BigInteger).label("place")).cte("places", recursive=True)
    return place.union_all(select(place.c.place + step).where(place.c.place < first + (count - 1) * step))


def text_of(*parts: Any) -> ColumnElement[str]:
    joined: ColumnElement[str] = literal("", Text)
    for part in parts:
        joined = joined + (literal(part, Text) if isinstance(part, str) else cast(part, Text))
    return joined


def instant_of(connection: Connection, at: datetime, seconds: Any) -> ColumnElement[datetime]:
    """So many seconds after ``at``, as the ledger keeps instants in this database."""
    since = int(at.timestamp()) + seconds
    if connection.dialect.name == "postgresql":
        return func.to_timestamp(since)
    return func.strftime(_SQLITE_INSTANT, since, "unixepoch")


def insert_rows(connection: Connection, places: FromClause, into: Table, **values: Any) -> None:
    """Values are of one place, or the same everywhere."""
    chosen = [
        value if isinstance(value, ColumnElement) else literal(value, into.c[name].type)
        for name, value in values.items()
    ]
    connection.execute(insert(into).from_select(list(values), select(*chosen).select_from(places)))


def take_room(connection: Connection) -> None:
    """SQLite keeps in memory what a long transaction writes, instead of reading it from its log again and again."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA cache_size = -{_CACHE_KB}")


@contextmanager
def indexed_later(connection: Connection, *tables: Table) -> Iterator[None]:
    """Makes the indexes of these tables once their rows are there, which takes a fraction of the time."""
    indexes = [index for each in tables for index in each.indexes]
    for index in indexes:
        index.drop(connection)
    yield
    for index in indexes:
        index.create(connection)


def insert_customers(connection: Connection, count: int, at: datetime) -> list[str]:
    """``customer-0`` and on, each with a service account; the accounts' numbers."""
    numbers = [_number(place) for place in range(count)]
    for start in range(0, count, _BATCH):
        batch = range(start, min(start + _BATCH, count))
        connection.execute(insert(customers), [_customer(place, at) for place in batch])
        connection.execute(insert(service_accounts), [_account(place, numbers[place], at) for place in batch])
    return numbers


def go_on_counting(connection: Connection, *tables: Table) -> None:
    """PostgreSQL's counters do not know of numbers that it was given."""
    if connection.dialect.name == "postgresql":
        for counted in tables:
            sequence = func.pg_get_serial_sequence(counted.name, "number")
            connection.execute(select(func.setval(sequence, select(func.max(counted.c.number)).scalar_subquery())))


def settle(ledger: SqlLedger) -> None:
    """What PostgreSQL's own daemon does within a minute."""
    with ledger._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("CHECKPOINT"))  # else what was filled in is written while requests are measured


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
