"""Tables of the SQL ledger, what is written into them, and bringing a database up to them.

A test proves that the migrations in ``adapters/migrations`` and the tables agree.
"""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    func,
    select,
)
from sqlalchemy.types import TypeDecorator

from billing.collection import Collection
from billing.customer import Customer
from billing.invoice import LineItem, Problem
from billing.month import Month
from billing.payment import Payment, PaymentEvent, Reversal
from billing.ports import Letter, MessageStatus

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_MIGRATION_LOCK: Final = 0x6D6F6E74686C79  # "monthly": the advisory lock that upgrades of one PostgreSQL database share
_alembic: Final = threading.Lock()  # Alembic keeps the migration that runs in global variables


class UtcInstant(TypeDecorator[datetime]):
    """An aware datetime, in UTC when it comes back; SQLite, which knows no zones, holds the UTC clock time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        assert value is None or value.tzinfo is not None, "an instant without a time zone"
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and (value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC))


class PlainText(TypeDecorator[str]):
    """Text of any length. PostgreSQL refuses NUL; a reviewer who types one must not stop the month for ever."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value).replace("\0", "\N{REPLACEMENT CHARACTER}")


metadata: Final = MetaData()


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, PlainText, nullable=nullable)


def _amount(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _count(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, Integer, nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, UtcInstant, nullable=nullable)


def _of_invoice() -> tuple[Column[str], Column[str], ForeignKeyConstraint]:
    """Customer and period as the first part of a primary key, and the invoice they must be of."""
    return (
        Column("customer_id", PlainText, primary_key=True),
        Column("period", PlainText, primary_key=True),
        ForeignKeyConstraint(["customer_id", "period"], ["invoices.customer_id", "invoices.period"]),
    )


customers: Final = Table(
    "customers",
    metadata,
    Column("customer_id", PlainText, primary_key=True),
    _text("email"),
    _text("name"),
    _text("currency"),
    _text("timezone"),
    _text("stripe_customer_id"),
    _text("payment_method_id"),
    _text("card_last4"),
    Column("terms", JSON, nullable=False),
    _text("closed_reason", nullable=True),  # None: the customer is billed
    _instant("closed_at", nullable=True),
    _instant("created_at"),
    _instant("updated_at"),
    Index("customers_by_email", "email"),
)

invoices: Final = Table(
    "invoices",
    metadata,
    Column("customer_id", PlainText, ForeignKey("customers.customer_id"), primary_key=True),
    Column("period", PlainText, primary_key=True),
    _text("stage"),
    _text("currency"),
    _amount("total_minor"),
    _amount("carried_minor"),
    _count("version"),
    _text("digest"),
    _instant("collect_at"),
    _instant("notice_at"),
    _instant("charge_at"),
    _text("outcome", nullable=True),
    _instant("closed_at", nullable=True),
    _count("problems"),
    _count("revision"),
    _instant("next_at", nullable=True),
    Column("state", JSON, nullable=False),  # the whole Month; the other columns are for people and queries
    _instant("updated_at"),
    Index("invoices_by_period_and_stage", "period", "stage"),
)

lines: Final = Table(
    "lines",
    metadata,
    *_of_invoice(),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _text("kind"),  # "line", or "problem": a row that cannot be read
    _text("line_id"),
    _text("description"),
    _amount("amount_minor", nullable=True),
    _text("sheet", nullable=True),
    _count("row", nullable=True),
    _text("digest", nullable=True),
    _text("raw", nullable=True),
    _text("reason", nullable=True),
)

decisions: Final = Table(
    "decisions",
    metadata,
    *_of_invoice(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _instant("at"),
    _text("by"),
    _text("reason"),
    _text("command"),
    Column("accepted", Boolean, nullable=False),
    _text("result"),
    _text("via"),
    _count("invoice_version"),
    _text("command_id"),
    _text("details"),
)

# Payments and messages refer to no invoice: what has moved money or reached a customer is kept in any case.
charges: Final = Table(
    "charges",
    metadata,
    Column("payment_id", PlainText, primary_key=True),
    _text("key"),
    _text("customer_id"),
    _text("period"),
    _text("status"),
    _amount("amount_minor"),
    _text("currency"),
    _text("code"),
    _text("decline_code"),
    _text("advice_code"),
    _text("attempt_id"),
    _instant("first_at"),
    _instant("at"),
    Index("charges_by_customer_and_period", "customer_id", "period"),
    Index("charges_by_period", "period"),
    Index("charges_by_key", "key"),
)

reversals: Final = Table(
    "reversals",
    metadata,
    Column("reversal_id", PlainText, primary_key=True),
    _text("payment_id"),
    _text("customer_id"),
    _text("period"),
    _text("kind"),
    _amount("amount_minor"),
    _text("currency"),
    _text("status"),
    _text("reason"),
    _instant("created_at"),
    _instant("at"),
    Index("reversals_by_payment", "payment_id"),
    Index("reversals_by_period", "period"),
)

collections: Final = Table(
    "collections",
    metadata,
    *_of_invoice(),
    _text("stage"),
    _text("currency"),
    _amount("amount_minor"),
    _amount("outstanding_minor"),
    _instant("opened_at"),
    _instant("next_at", nullable=True),
    _text("outcome", nullable=True),
    _instant("closed_at", nullable=True),
    _count("revision"),
    Column("state", JSON, nullable=False),  # the whole Collection
    _instant("updated_at"),
    Index("collections_by_period_and_stage", "period", "stage"),
)

entries: Final = Table(
    "collection_entries",
    metadata,
    *_of_invoice(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _instant("at"),
    _text("by"),
    _text("what"),
    _text("text"),
    Column("accepted", Boolean, nullable=False),
    _text("command_id"),
)

events: Final = Table(
    "events",
    metadata,
    Column("event_id", PlainText, primary_key=True),
    _text("type"),
    _text("object_id"),
    _text("payment_id"),
    _instant("created_at"),
    _instant("received_at"),
    _text("result"),  # "": nothing was done about it yet
    Index("events_by_result", "result", "received_at"),
)

messages: Final = Table(
    "messages",
    metadata,
    Column("message_id", PlainText, primary_key=True),
    _text("kind"),
    _count("number"),
    _text("customer_id"),
    _text("period"),
    _text("recipient"),
    _text("status"),
    _instant("at"),
    _amount("total_minor", nullable=True),
    Index("messages_by_customer_and_period", "customer_id", "period"),
)


# -- rows


def customer_values(customer: Customer) -> dict[str, Any]:
    return {**dict(customer), "terms": customer.terms.model_dump(mode="json")}


def invoice_values(month: Month, at: datetime) -> dict[str, Any]:
    """The month as it stands at ``at``."""
    invoice = month.invoice
    return {
        **_whose(month),
        "stage": month.stage(at),
        "currency": invoice.currency if invoice else month.customer.currency,
        "total_minor": invoice.total_minor if invoice else 0,
        "carried_minor": month.carried_minor,
        "version": invoice.version if invoice else 0,
        "digest": invoice.digest if invoice else "",
        "collect_at": month.collect_at,
        "notice_at": month.notice_at,
        "charge_at": month.charge_at,
        "outcome": month.outcome,
        "closed_at": month.closed_at,
        "problems": len(invoice.problems) if invoice else 0,
        "revision": month.revision,
        "next_at": month.due(at).at,
        "state": month.model_dump(mode="json"),
        "updated_at": at,
    }


def line_values(month: Month) -> list[dict[str, Any]]:
    """The invoice's lines, then the rows that cannot be read."""
    if month.invoice is None:
        return []
    items: tuple[LineItem | Problem, ...] = (*month.invoice.lines, *month.invoice.problems)
    return [
        {
            **_whose(month),
            "position": position,
            "kind": "line" if isinstance(item, LineItem) else "problem",
            "line_id": item.line_id,
            "description": item.description,
            "amount_minor": item.amount_minor if isinstance(item, LineItem) else None,
            "sheet": item.source.sheet if item.source else None,
            "row": item.source.row if item.source else None,
            "digest": item.source.digest if item.source else None,
            "raw": item.raw if isinstance(item, Problem) else None,
            "reason": item.reason if isinstance(item, Problem) else None,
        }
        for position, item in enumerate(items, start=1)
    ]


def decision_values(month: Month) -> list[dict[str, Any]]:
    return [{**_whose(month), **dict(decision)} for decision in month.decisions]


def charge_values(payment: Payment, at: datetime) -> dict[str, Any]:
    return {
        "payment_id": payment.payment_id,
        "key": payment.key,
        "customer_id": payment.customer_id,
        "period": payment.period,
        "status": payment.status,
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
        "code": payment.code,
        "decline_code": payment.decline_code,
        "advice_code": payment.advice_code,
        "attempt_id": payment.attempt_id,
        "first_at": at,
        "at": at,
    }


def reversal_values(reversal: Reversal, payment: Payment, at: datetime) -> dict[str, Any]:
    return {**dict(reversal), "customer_id": payment.customer_id, "period": payment.period, "at": at}


def collection_values(collection: Collection, at: datetime) -> dict[str, Any]:
    """The collection as it stands at ``at``."""
    names = ("period", "currency", "amount_minor", "outstanding_minor", "opened_at", "outcome", "closed_at", "revision")
    return {
        **{name: getattr(collection, name) for name in names},
        "customer_id": collection.customer.customer_id,
        "stage": collection.stage(at),
        "next_at": collection.due(at).at,
        "state": collection.model_dump(mode="json"),
        "updated_at": at,
    }


def entry_values(collection: Collection) -> list[dict[str, Any]]:
    whose = {"customer_id": collection.customer.customer_id, "period": collection.period}
    return [{**whose, **dict(entry)} for entry in collection.entries]


def event_values(event: PaymentEvent, at: datetime) -> dict[str, Any]:
    return {**dict(event), "received_at": at, "result": ""}


def message_values(letter: Letter, number: int, status: MessageStatus, at: datetime) -> dict[str, Any]:
    return {
        **_whose(letter.month),
        "message_id": letter.message_id,
        "kind": letter.kind,
        "number": number,
        "recipient": letter.to,
        "status": status,
        "at": at,
        "total_minor": letter.month.invoice.total_minor if letter.month.invoice else None,
    }


def _whose(month: Month) -> dict[str, str]:
    return {"customer_id": month.customer.customer_id, "period": month.period}


# -- migrations


def migrate(connection: Connection) -> None:
    """Brings the schema up to date inside the caller's transaction, which has to be a writing one on SQLite."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
    config = _config()
    config.attributes["connection"] = connection
    with _alembic:
        command.upgrade(config, "head")


def is_current(connection: Connection) -> bool:
    """Whether the schema is the one that this release needs."""
    found = MigrationContext.configure(connection).get_current_heads()
    return set(found) == set(ScriptDirectory.from_config(_config()).get_heads())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
