"""Tables of the SQL ledger, and bringing a database up to them.

A test proves that the migrations in ``adapters/sql/migrations`` and the tables agree.
"""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

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
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    select,
    text,
)
from sqlalchemy.types import TypeDecorator

MIGRATIONS: Final = Path(__file__).parents[1] / "migrations"
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


EVENT_IS_OPEN: Final = "result = ''"  # literally, so that a query can use the index of open ones
INVOICE_NEEDS: Final = "needs IS NOT NULL"  # as well; of people

metadata: Final = MetaData()


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, PlainText, nullable=nullable)


def _amount(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _count(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, Integer, nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, UtcInstant, nullable=nullable)


def _of(table: str) -> tuple[Column[str], Column[str], ForeignKeyConstraint]:
    """Customer and period as the first part of a primary key, and the row of ``table`` they must be of."""
    return (
        Column("customer_id", PlainText, primary_key=True),
        Column("period", PlainText, primary_key=True),
        ForeignKeyConstraint(["customer_id", "period"], [f"{table}.customer_id", f"{table}.period"]),
    )


def _index_of(condition: str, name: str, *columns: str) -> Index:
    """An index of the rows that meet ``condition``."""
    return Index(name, *columns, sqlite_where=text(condition), postgresql_where=text(condition))


_LISTED: Final = (
    *("customer_id", "stage", "currency", "total_minor", "carried_minor", "usual_minor", "version", "flags"),
    *("revision", "digest"),
)

customers: Final = Table(
    "customers",
    metadata,
    Column("customer_id", PlainText, primary_key=True),
    _text("email"),  # as typed
    _text("email_key"),  # what it is compared by
    _text("name"),
    _text("currency"),
    _text("timezone"),
    Column("payment_method", JSON, nullable=False),
    _text("payer_id", nullable=True),  # of the payment method, to look customers up by; None: it has none
    _text("card_id", nullable=True),  # as well
    Column("terms", JSON, nullable=False),
    _text("closed_reason", nullable=True),  # None: the customer is billed
    _instant("closed_at", nullable=True),
    _instant("created_at"),
    _instant("updated_at"),
    Index("customers_by_email", "email_key"),
    Index("customers_by_payer", "payer_id"),
    Index("customers_by_card", "card_id"),
)

addresses: Final = Table(
    "addresses",  # every one that a customer ever had, the present one too; erased with the person
    metadata,
    Column("customer_id", PlainText, ForeignKey("customers.customer_id"), primary_key=True),
    Column("email_key", PlainText, primary_key=True),
    _text("email"),
    Index("addresses_by_email", "email_key"),
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
    _instant("import_at"),
    _instant("notice_at"),
    _instant("charge_at"),
    _text("outcome", nullable=True),
    _instant("closed_at", nullable=True),
    _count("problems"),
    _count("revision"),
    _instant("next_at", nullable=True),
    _text("flags"),  # such as "|first|edited|": what reviewers filter by
    _text("needs", nullable=True),  # what a person has to do; None: nothing
    _amount("usual_minor", nullable=True),  # what the customer's sales came to before, to compare with
    Column("state", JSON, nullable=False),  # the whole Month; the other columns are for people and queries
    _instant("updated_at"),
    # What lists are filtered, sorted and added up by, so that no row need be read for it: a row holds a whole month.
    Index("invoices_by_period_and_stage", "period", "stage", "currency", "total_minor", "version"),
    Index("invoices_for_desk", "period", *_LISTED, "outcome", "next_at"),
    _index_of(INVOICE_NEEDS, "invoices_in_need", "period", "outcome", "next_at", *_LISTED),
    _index_of("outcome IS NULL", "invoices_open", "next_at"),
)

lines: Final = Table(
    "lines",
    metadata,
    *_of("invoices"),
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
    *_of("invoices"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _instant("at"),
    _text("by"),
    _text("reason"),
    _text("command"),
    Column("accepted", Boolean, nullable=False),
    _text("refusal", nullable=True),  # a code; None: accepted
    _text("result"),
    _text("via"),
    _count("invoice_version"),
    _text("command_id"),
    _text("content"),
    _text("details"),
    Index("decisions_by_at", "at"),
)

versions: Final = Table(
    "versions",  # of invoices, as they were on record: what a reviewer may have seen
    metadata,
    *_of("invoices"),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("digest", PlainText, primary_key=True),
    _text("by", nullable=True),  # None: the import
    _instant("at"),
    Column("invoice", JSON, nullable=False),
)

# What follows refers to no invoice: what has moved money, is owed or has reached a customer is kept in any case.
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
    _text("code"),
    _text("reason"),
    _instant("created_at"),
    _instant("at"),
    Index("reversals_by_payment", "payment_id"),
    Index("reversals_by_period", "period"),
)

collections: Final = Table(
    "collections",
    metadata,
    Column("customer_id", PlainText, primary_key=True),
    Column("period", PlainText, primary_key=True),
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
    _index_of("outcome IS NULL", "collections_open", "customer_id"),
)

entries: Final = Table(
    "collection_entries",
    metadata,
    *_of("collections"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _instant("at"),
    _text("by", nullable=True),  # None: the application
    _text("what"),
    *(_text(name, nullable=True) for name in ("via", "reason")),
    _text("text"),
    Column("accepted", Boolean, nullable=False),
    _text("refusal", nullable=True),  # a code; None: accepted
    _text("command_id"),
    _text("content"),
    Index("collection_entries_by_at", "at"),
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
    _index_of(EVENT_IS_OPEN, "events_open", "received_at"),
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
    _text("subject"),
    _text("text"),  # as it was sent, without markup
    Index("messages_by_customer_and_period", "customer_id", "period"),
)

alerts: Final = Table(
    "alerts",  # what reviewers are to be told; one digest tells many
    metadata,
    Column("alert_id", PlainText, primary_key=True),
    _text("kind"),
    _text("customer_id"),
    _text("period"),
    _text("text"),
    Column("remedies", JSON, nullable=False),  # what a person can do about it
    _amount("amount_minor", nullable=True),
    _text("currency"),
    _instant("at"),
    _text("digest_id"),  # "": in no digest yet
    _instant("told_at", nullable=True),
    _index_of("told_at IS NULL", "alerts_untold", "at"),
)

coverage_runs: Final = Table(
    "coverage_runs",  # the last daily run of each period: the heartbeat
    metadata,
    Column("period", PlainText, primary_key=True),
    _instant("at"),
    _count("findings"),
    Column("told", JSON, nullable=False),  # what reviewers know
    Column("report", JSON, nullable=False),
    Index("coverage_runs_by_at", "at"),
)

sales_readings: Final = Table(
    "sales_readings",  # the last agreed reading of each worksheet
    metadata,
    Column("source", PlainText, primary_key=True),
    Column("period", PlainText, primary_key=True),
    _text("digest", nullable=True),  # None: it was never read, or is forgotten
    _instant("read_at", nullable=True),
    Column("content", LargeBinary, nullable=True),
    _instant("claimed_until", nullable=True),  # somebody reads it now
)

brakes: Final = Table(
    "brakes",  # the emergency brake: on while the last one is not released
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    _text("pulled_by"),
    _text("pulled_why"),
    _text("pulled_via"),
    _instant("pulled_at"),
    _text("released_by", nullable=True),
    _text("released_why", nullable=True),
    _text("released_via", nullable=True),
    _instant("released_at", nullable=True),
)

users: Final = Table(
    "users",
    metadata,
    Column("username", PlainText, primary_key=True),
    _text("name"),
    _text("role"),
    _text("password_hash"),
    _instant("created_at"),
    _instant("disabled_at", nullable=True),
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("token_hash", PlainText, primary_key=True),
    Column("username", PlainText, ForeignKey("users.username"), nullable=False),
    _instant("created_at"),
    _instant("seen_at"),
    _instant("expires_at"),
    Index("sessions_by_username", "username"),
)

sign_ins: Final = Table(
    "sign_ins",  # who tried to sign in, for throttling and for the record
    metadata,
    Column("number", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    _text("username"),
    _text("address"),
    _text("browser"),  # in which the user has signed in before; "": none
    Column("accepted", Boolean, nullable=False),
    _instant("at"),
    Index("sign_ins_by_at", "at"),
    Index("sign_ins_by_username", "username", "at"),
    Index("sign_ins_by_address", "address", "at"),
)

registrations: Final = Table(
    "registrations",
    metadata,
    Column("registration_id", PlainText, primary_key=True),
    _text("email"),
    _text("email_key"),
    _text("name"),
    _text("currency"),
    _text("timezone"),
    _text("review_mode"),
    Column("consent", JSON(none_as_null=True), nullable=True),  # version, text, instant; None: imported
    _text("customer_id"),
    _text("payer_id", nullable=True),
    _text("session_id"),  # the card page that counts; "": none is open
    Column("card", JSON(none_as_null=True), nullable=True),
    _text("state"),
    _instant("created_at"),
    _instant("updated_at"),
    _instant("told_at", nullable=True),
    _count("revision"),
    Column("terms", JSON(none_as_null=True), nullable=True),
    Index("registrations_by_customer", "customer_id", unique=True),
    Index("registrations_by_email", "email_key"),
    Index(  # of each email, one at a time
        "registrations_saved",
        "email_key",
        unique=True,
        sqlite_where=text("state = 'saved'"),
        postgresql_where=text("state = 'saved'"),
    ),
)

registration_tries: Final = Table(
    "registration_tries",  # of the last hour, for throttling; an origin is a digest, not an address
    metadata,
    Column("number", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    _text("origin"),
    _instant("at"),
    Index("registration_tries_by_origin", "origin", "at"),
    Index("registration_tries_by_at", "at"),
)


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
