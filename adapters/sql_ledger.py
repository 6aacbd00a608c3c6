"""The ledger in a SQL database: a SQLite file by default, PostgreSQL by URL.

::

    ledger = await SqlLedger.connect("sqlite:////srv/billing/ledger.db")  # or postgresql://user:password@host/database
    await ledger.migrate()
    await ledger.record(month, at)
    await ledger.close()

Several processes may use one ledger. Whatever the database or its driver raises becomes ``LedgerUnavailable``.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from alembic.util import CommandError
from pydantic import ValidationError
from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    Row,
    Table,
    create_engine,
    delete,
    event,
    exc,
    insert,
    make_url,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from adapters import sql_ledger_schema as schema
from adapters.sql_ledger_schema import (
    charge_values,
    charges,
    customer_values,
    customers,
    decision_values,
    decisions,
    invoice_values,
    invoices,
    line_values,
    lines,
    message_values,
    messages,
)
from billing.customer import Customer
from billing.errors import AlreadyClosed, InvalidInput, LedgerAhead, LedgerUnavailable
from billing.messages import Decision
from billing.model import Model
from billing.month import Month, Stage
from billing.payment import Payment, PaymentRequest, PaymentStatus
from billing.period import Period
from billing.ports import ChargeRow, InvoiceRow, Letter, MessageRow, MessageStatus

_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
_SQLITE: Final = ("busy_timeout = 10000", "synchronous = NORMAL", "foreign_keys = ON")
_SWITCH_TRIES: Final = 100  # 0.1 seconds apart
_POSTGRESQL: Final = {"connect_timeout": 10, "tcp_user_timeout": 30_000}  # seconds; milliseconds without an answer

_SETUP: Final = "run: python starter.py setup"
_BUSY: Final = "others are writing to it; this is tried again"
_SPACE: Final = "its disk is full or broken; make room"
_SERVER: Final = "check that its server runs, and the host, user, password and database in the ledger's URL"
_BUG: Final = "this is a bug in adapters/sql_ledger.py: report this message; the step is tried again after a correction"
_ADVICE: Final = {
    "no such": _SETUP,
    "42P01": _SETUP,
    "42703": _SETUP,
    "SQLITE_CANTOPEN": f"check that its folder exists and may be written to, or {_SETUP}",
    "SQLITE_READONLY": "make its file and folder writable",
    "SQLITE_NOTADB": "its file is something else; correct the ledger's URL",
    "SQLITE_CORRUPT": "its file is damaged; restore the last backup",
    "SQLITE_BUSY": _BUSY,
    "SQLITE_LOCKED": _BUSY,
    "40": _BUSY,
    "55": _BUSY,
    "SQLITE_FULL": _SPACE,
    "SQLITE_IOERR": _SPACE,
    "53": "its server is out of disk, memory or connections; make room",
}
"""What to do by the beginning of an error's code: SQLSTATE at PostgreSQL, error name at SQLite."""
_OUTAGES: Final = (
    exc.OperationalError,
    exc.InterfaceError,
    exc.InternalError,
    exc.DisconnectionError,
    exc.TimeoutError,
    OSError,
)
"""Errors of the surroundings. Their text is shown; that of any other may hold what is in a row."""

_M = TypeVar("_M", bound=Model)


class SqlLedger:
    """``billing.ports.Ledger`` in SQL, made by ``connect``; every method may be called again after any failure."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._engine = create_async_engine(url, **_options(url))
        if _is_sqlite(url):
            _prepare_sqlite(self._engine.sync_engine)
        self._writing = self._engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")

    @classmethod
    async def connect(cls, url: str) -> Self:
        """The ledger at ``url``. Connects at first use, so that it may be down now. Raises ``InvalidInput``."""
        return cls(_parse(url))

    async def close(self) -> None:
        await self._engine.dispose()

    async def ping(self) -> None:
        """Raises ``LedgerUnavailable`` unless the database answers."""
        async with _transaction(self._engine, "answer") as connection:
            await connection.execute(select(1))

    async def schema_is_current(self) -> bool:
        """Whether the tables are those of this release; if not, ``migrate`` makes them so."""
        async with _transaction(self._engine, "show its tables") as connection:
            return await connection.run_sync(schema.is_current)

    async def migrate(self) -> None:
        """``upgrade`` without blocking the event loop."""
        await asyncio.to_thread(_upgrade, self._url)

    # -- customers

    async def save_customer(self, customer: Customer) -> None:
        """Writes the customer as given; one whose account was closed is open again."""
        now = datetime.now(UTC)
        values = customer_values(customer) | {"closed_reason": None, "closed_at": None, "updated_at": now}
        async with _transaction(self._writing, f"save {customer.customer_id}") as connection:
            await _upsert(connection, customers, values | {"created_at": now}, keep=("created_at",))

    async def customer(self, customer_id: str) -> Customer | None:
        """The customer, also if the account is closed."""
        return next(iter(await self._read(Customer, customers, customers.c.customer_id == customer_id)), None)

    async def closed_reason(self, customer_id: str) -> str:
        async with _transaction(self._engine, f"look {customer_id} up") as connection:
            this = customers.c.customer_id == customer_id
            return await connection.scalar(select(customers.c.closed_reason).where(this)) or ""

    async def customers(self) -> list[Customer]:
        """The customers whose account is open, by id."""
        return await self._open_customers()

    async def customers_like(self, customer: Customer) -> list[Customer]:
        """Those of them, without ``customer``, that share its email, Stripe customer or card."""
        names = ("email", "stripe_customer_id", "payment_method_id")
        shared = or_(*(customers.c[name] == getattr(customer, name) for name in names))
        return await self._open_customers(customers.c.customer_id != customer.customer_id, shared)

    async def _open_customers(self, *where: ColumnElement[bool]) -> list[Customer]:
        found = await self._read(Customer, customers, customers.c.closed_at.is_(None), *where)
        return sorted(found, key=lambda customer: customer.customer_id)

    # -- months

    async def record(self, month: Month, at: datetime) -> None:
        """Writes the month as it stood at ``at``, in one transaction.

        Raises ``LedgerAhead`` for an older revision than the ledger has, and ``AlreadyClosed`` if the ledger has an
        outcome and ``month`` has another one, or is open although ``at`` is later than the close.
        """
        customer_id, period = month.customer.customer_id, month.period
        this = _of(invoices, customer_id, period)
        values = invoice_values(month, at)
        async with _transaction(self._writing, f"record {customer_id}, {period}") as connection:
            await _lock_customer(connection, month.customer, at)
            stored = (await connection.execute(select(invoices).where(*this))).one_or_none()
            if stored is not None and _comes_late(month, at, stored):
                return
            if stored is None or stored.state != values["state"]:
                if month.leaving and month.outcome is not None:
                    await _forget_unbegun(connection, month)
                await _update_customer(connection, month, at)
            await _upsert(connection, invoices, values)
            await connection.execute(delete(lines).where(*_of(lines, customer_id, period)))
            if rows := line_values(month):
                await connection.execute(insert(lines), rows)
            if trail := decision_values(month):
                await connection.execute(_insert(connection, decisions).on_conflict_do_nothing(), trail)

    async def month(self, customer_id: str, period: Period) -> Month | None:
        async with _transaction(self._engine, f"read {customer_id}, {period}") as connection:
            state = await connection.scalar(select(invoices.c.state).where(*_of(invoices, customer_id, period)))
            return None if state is None else Month.model_validate(state)

    async def invoices(
        self, period: Period | None = None, stage: Stage | None = None, customer_id: str | None = None
    ) -> list[InvoiceRow]:
        """The months that match everything given, by customer and period."""
        wanted = {"period": period, "stage": stage, "customer_id": customer_id}
        found = await self._read(
            InvoiceRow, invoices, *(invoices.c[name] == value for name, value in wanted.items() if value is not None)
        )
        return sorted(found, key=lambda row: (row.customer_id, row.period))

    async def decisions(self, customer_id: str, period: Period) -> list[Decision]:
        """The whole audit trail of a month, also what the month itself no longer carries."""
        found = await self._read(Decision, decisions, *_of(decisions, customer_id, period))
        return sorted(found, key=lambda decision: decision.number)

    # -- payments and messages

    async def save_payment(self, request: PaymentRequest, payment: Payment, at: datetime) -> None:
        """Keeps the payment as it is at ``at``; one that has succeeded stays as it is."""
        values = charge_values(request, payment, at)
        unfinished = charges.c.status != PaymentStatus.SUCCEEDED
        whose = f"{request.customer.customer_id}, {request.period}"
        async with _transaction(self._writing, f"save {payment.payment_id} of {whose}") as connection:
            await _upsert(connection, charges, values, keep=("first_at",), only_if=unfinished)

    async def payments(self, customer_id: str, period: Period) -> list[ChargeRow]:
        """The payments of a month, in the order of their ids."""
        found = await self._read(ChargeRow, charges, *_of(charges, customer_id, period))
        return sorted(found, key=lambda row: row.payment_id)

    async def save_message(self, letter: Letter, number: int, status: MessageStatus, at: datetime) -> None:
        """Keeps what became of the mail; one that was sent stays as it is."""
        values = message_values(letter, number, status, at)
        unsent = messages.c.status != MessageStatus.SENT
        whose = f"{letter.month.customer.customer_id}, {letter.month.period}"
        async with _transaction(self._writing, f"save the {letter.kind} of {whose}") as connection:
            await _upsert(connection, messages, values, only_if=unsent)

    async def messages(self, customer_id: str, period: Period) -> list[MessageRow]:
        """The mails of a month, in the order in which they were last handed over."""
        found = await self._read(MessageRow, messages, *_of(messages, customer_id, period))
        return sorted(found, key=lambda row: (row.at, row.message_id))

    async def _read(self, model: type[_M], table: Table, *where: ColumnElement[bool]) -> list[_M]:
        """Rows as models: a column is named like the field it fills."""
        async with _transaction(self._engine, f"read its {table.name}") as connection:
            found = await connection.execute(select(*(table.c[name] for name in model.model_fields)).where(*where))
            return [model.model_validate(dict(row)) for row in found.mappings()]


def upgrade(url: str) -> None:
    """Creates the tables at ``url`` or brings them up to date; blocks meanwhile. Two processes may do so at once.

    Raises ``LedgerUnavailable``, and ``InvalidInput`` if the URL is none.
    """
    _upgrade(_parse(url))


def _upgrade(url: URL) -> None:
    with _translated("bring its tables up to date"):
        engine = create_engine(url.set(drivername="sqlite") if _is_sqlite(url) else url, **_options(url))
        try:
            if _is_sqlite(url):
                Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
                _prepare_sqlite(engine)
                _switch_to_write_ahead_log(engine)
            with engine.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin() as connection:
                schema.migrate(connection)
        finally:
            engine.dispose()


# -- connections


def _parse(text: str) -> URL:
    """The URL with its driver. Raises ``InvalidInput``, which never repeats the URL: it may hold a password."""
    try:
        url = make_url(text)
    except (exc.ArgumentError, ValueError):
        raise InvalidInput(
            "the ledger's URL cannot be read; write sqlite:///path or postgresql://user:password@host/database"
        ) from None
    dialect = url.get_backend_name()
    if dialect not in _DRIVERS:
        raise InvalidInput(f"the ledger cannot be kept in {dialect}; use sqlite:///path or postgresql://…")
    url = url.set(drivername=_DRIVERS[dialect])
    if _is_sqlite(url) and (url.database or ":memory:") == ":memory:":
        raise InvalidInput("the ledger needs a file; write sqlite:///path")
    if not _is_sqlite(url) and "@" in f"{url.host}{url.database}":
        raise InvalidInput(
            "the password in the ledger's URL has signs that must be percent-encoded: @ as %40, / as %2F"
        )
    return url


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _options(url: URL) -> dict[str, Any]:
    ours = {} if _is_sqlite(url) else {"pool_pre_ping": True, "connect_args": _POSTGRESQL}
    return {"hide_parameters": True, **ours}


def _prepare_sqlite(engine: Engine) -> None:
    """Sets what SQLite forgets with every connection, and takes the write lock at the start of writing transactions.

    A transaction that has read cannot wait for the lock any more: it would fail at once instead of after the timeout.
    """

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: object) -> None:
        connection.isolation_level = None  # Python's driver would begin transactions by itself, and not before DDL
        cursor = connection.cursor()
        for pragma in _SQLITE:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def began(connection: Connection) -> None:
        begin = connection.get_execution_options().get("sqlite_begin", "BEGIN")
        if begin:
            connection.exec_driver_sql(begin)


def _switch_to_write_ahead_log(engine: Engine) -> None:
    """Makes a file one that can be read while it is written; it stays so. Here SQLite waits for no lock: we do."""
    with engine.execution_options(sqlite_begin="").connect() as connection:
        for tries_left in reversed(range(_SWITCH_TRIES)):
            try:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
                return
            except exc.OperationalError as error:
                if not tries_left or getattr(error.orig, "sqlite_errorname", "") != "SQLITE_BUSY":
                    raise
                time.sleep(0.1)


@asynccontextmanager
async def _transaction(engine: AsyncEngine, doing: str) -> AsyncIterator[AsyncConnection]:
    with _translated(doing):
        async with engine.begin() as connection:
            yield connection


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    """Turns every error of the database into ``LedgerUnavailable``; its cause is dropped, it may show rows."""
    try:
        yield
    except (exc.SQLAlchemyError, OSError, CommandError, ValidationError) as error:
        what, advice = _explain(error)
        raise LedgerUnavailable(f"the ledger could not {doing}: {what}; {advice}") from None


def _explain(error: Exception) -> tuple[str, str]:
    """What happened, in words without a row's contents, and what to do."""
    if isinstance(error, CommandError):
        return "it was written by a newer release", "run that release"
    if isinstance(error, ValidationError):
        fields = ", ".join(".".join(map(str, item["loc"])) for item in error.errors(include_input=False))
        return f"a row does not fit this release ({fields})", "run the release that wrote it, or correct the row"
    cause = getattr(error, "orig", None) or error
    text = str(cause).partition("\n")[0]
    missing = text.startswith("no such ") or "has no column" in text  # SQLite has one code for these and much else
    code = "no such" if missing else getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None) or ""
    is_outage = isinstance(error, _OUTAGES)
    what = text if is_outage else f"{type(cause).__name__} {code}".strip()
    known = (advice for start, advice in _ADVICE.items() if code.startswith(start))
    return what, next(known, _SERVER if is_outage else _BUG)


# -- statements


def _insert(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    return (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(table)


async def _upsert(
    connection: AsyncConnection,
    table: Table,
    values: dict[str, Any],
    keep: tuple[str, ...] = (),
    only_if: ColumnElement[bool] | None = None,
) -> None:
    """Inserts the row; or updates it, except for what to ``keep``, ``only_if`` the row there allows it."""
    key = [column.name for column in table.primary_key]
    changes = {name: value for name, value in values.items() if name not in (*key, *keep)}
    statement = _insert(connection, table).values(values)
    await connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changes, where=only_if))


def _of(table: Table, customer_id: str, period: Period) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.customer_id == customer_id, table.c.period == period


async def _lock_customer(connection: AsyncConnection, customer: Customer, at: datetime) -> None:
    """Makes sure of the customer's row, and lets only one record of a customer be written at a time."""
    values = customer_values(customer) | {"created_at": at, "updated_at": at}
    await connection.execute(_insert(connection, customers).values(values).on_conflict_do_nothing())
    this = customers.c.customer_id == customer.customer_id
    await connection.execute(select(customers.c.customer_id).where(this).with_for_update())


def _comes_late(month: Month, at: datetime, stored: Row[Any]) -> bool:
    """Whether ``month`` adds nothing. Raises ``LedgerAhead``, ``AlreadyClosed`` if they contradict each other."""
    if stored.outcome is None and month.revision < stored.revision and month.outcome is None:
        raise LedgerAhead(
            f"the ledger has revision {stored.revision} of {stored.customer_id}, {stored.period}, not {month.revision}"
        )
    if stored.outcome is None:
        return False  # an outcome counts, whatever the run that came to it had forgotten
    if stored.outcome == month.outcome:
        return bool(month.revision < stored.revision)
    if month.outcome is None and at <= stored.closed_at:
        return True
    raise AlreadyClosed(
        f"{stored.customer_id}, {stored.period} is closed as {stored.outcome} in the ledger and cannot become "
        f"{month.outcome or 'open'} again; look for a second chain of this customer and end it"
    )


async def _forget_unbegun(connection: AsyncConnection, month: Month) -> None:
    """The month after the last one was written before the account was closed; nothing has happened in it."""
    mine = invoices.c.customer_id == month.customer.customer_id
    await connection.execute(delete(invoices).where(mine, invoices.c.period > month.period, invoices.c.revision == 0))


async def _update_customer(connection: AsyncConnection, month: Month, at: datetime) -> None:
    """Customer data follow the newest month; the account is closed by that month's outcome if it was the last one."""
    customer_id = month.customer.customer_id
    newer = select(invoices.c.period).where(invoices.c.customer_id == customer_id, invoices.c.period > month.period)
    is_last = bool(month.leaving) and month.outcome is not None
    closed = {"closed_reason": month.leaving if is_last else None, "closed_at": month.closed_at if is_last else None}
    values = customer_values(month.customer) | closed | {"updated_at": at}
    this = customers.c.customer_id == customer_id
    await connection.execute(update(customers).where(this, ~newer.exists()).values(values))
