"""Columns of the ledger's tables, many in a line, and the two types that databases would treat differently."""

from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeDecorator

metadata: Final = MetaData()
IS_BY_PERSON: Final = "by IS NOT NULL"  # literal SQL, so that queries can use the partial indexes


class UtcInstant(TypeDecorator[datetime]):
    """An aware datetime, read back in UTC. SQLite has no time zones: it stores the UTC clock time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        assert value is None or value.tzinfo is not None, "an instant without a time zone"
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and (value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC))


class PlainText(TypeDecorator[str]):
    """Text of any length. PostgreSQL refuses NUL; a reviewer who types one must not halt the month."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value).replace("\0", "\N{REPLACEMENT CHARACTER}")


def columns(type_: Any, *names: str, nullable: bool = False, **options: Any) -> list[Column[Any]]:
    return [Column(name, type_, nullable=nullable, **options) for name in names]


key = partial(columns, PlainText, primary_key=True)
number = partial(columns, Integer, primary_key=True, autoincrement=False)  # given by us, within the rest of the key
counter = partial(columns, BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)  # given by the database
texts = partial(columns, PlainText)
amounts = partial(columns, BigInteger)  # minor units
counts = partial(columns, Integer)
flags = partial(columns, Boolean)
instants = partial(columns, UtcInstant)
json = partial(columns, JSON)


def table(name: str, *items: SchemaItem) -> Table:
    return Table(name, metadata, *items)


def month_of(parent: str) -> tuple[SchemaItem, ...]:
    """Customer and period as the first part of the primary key, with a reference to a row of ``parent``."""
    names = ["customer_id", "period"]
    return *key(*names), ForeignKeyConstraint(names, [f"{parent}.{name}" for name in names])


def partial_index(name: str, *names: str, where: str, unique: bool = False) -> Index:
    """An index of the rows that meet a condition."""
    return Index(name, *names, unique=unique, sqlite_where=text(where), postgresql_where=text(where))
