"""The ledger in a SQL database: a SQLite file by default, PostgreSQL by URL.

::

    ledger = await SqlLedger.connect("sqlite:////srv/billing/ledger.db")  # or postgresql://user:password@host/database
    await ledger.migrate()
    await ledger.record(month, at)
    await ledger.close()

Months and customers are here; payments, collections and events in ``sql_ledger_payments.py``.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, ColumnElement, Row, create_engine, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters import sql_ledger_schema as schema
from adapters.sql_ledger_database import (
    Database,
    insert_into,
    is_sqlite,
    of,
    options,
    parse,
    prepare_sqlite,
    switch_to_write_ahead_log,
    transaction,
    upsert,
)
from adapters.sql_ledger_errors import translated
from adapters.sql_ledger_payments import SqlPayments
from adapters.sql_ledger_schema import (
    customer_values,
    customers,
    decision_values,
    decisions,
    invoice_values,
    invoices,
    line_values,
    lines,
)
from billing.customer import Customer
from billing.errors import AlreadyClosed, LedgerAhead
from billing.messages import Decision
from billing.month import Month, Stage
from billing.period import Period
from billing.ports import InvoiceRow


class SqlLedger(SqlPayments):
    """``billing.ports.Ledger`` in SQL, made by ``connect``; every method may be called again after any failure."""

    @classmethod
    async def connect(cls, url: str) -> Self:
        """The ledger at ``url``. Connects at first use, so that it may be down now. Raises ``InvalidInput``."""
        return cls(Database(parse(url)))

    async def close(self) -> None:
        await self._database.engine.dispose()

    async def ping(self) -> None:
        """Raises ``LedgerUnavailable`` unless the database answers."""
        async with transaction(self._database.engine, "answer") as connection:
            await connection.execute(select(1))

    async def schema_is_current(self) -> bool:
        """Whether the tables are those of this release; if not, ``migrate`` makes them so."""
        async with transaction(self._database.engine, "show its tables") as connection:
            return await connection.run_sync(schema.is_current)

    async def migrate(self) -> None:
        """``upgrade`` without blocking the event loop."""
        await asyncio.to_thread(_upgrade, self._database.url)

    # -- customers

    async def save_customer(self, customer: Customer) -> None:
        """Writes the customer as given; one whose account was closed is open again."""
        now = datetime.now(UTC)
        values = customer_values(customer) | {"closed_reason": None, "closed_at": None, "updated_at": now}
        async with transaction(self._database.writing, f"save {customer.customer_id}") as connection:
            await upsert(connection, customers, values | {"created_at": now}, keep=("created_at",))

    async def customer(self, customer_id: str) -> Customer | None:
        """The customer, also if the account is closed."""
        return next(iter(await self._database.read(Customer, customers, customers.c.customer_id == customer_id)), None)

    async def closed_reason(self, customer_id: str) -> str:
        async with transaction(self._database.engine, f"look {customer_id} up") as connection:
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
        found = await self._database.read(Customer, customers, customers.c.closed_at.is_(None), *where)
        return sorted(found, key=lambda customer: customer.customer_id)

    # -- months

    async def record(self, month: Month, at: datetime) -> None:
        """Writes the month as it stood at ``at``, in one transaction.

        Raises ``LedgerAhead`` for an older revision than the ledger has, and ``AlreadyClosed`` if the ledger has an
        outcome and ``month`` has another one, or is open although ``at`` is later than the close.
        """
        customer_id, period = month.customer.customer_id, month.period
        this = of(invoices, customer_id, period)
        values = invoice_values(month, at)
        async with transaction(self._database.writing, f"record {customer_id}, {period}") as connection:
            await _lock_customer(connection, month.customer, at)
            stored = (await connection.execute(select(invoices).where(*this))).one_or_none()
            if stored is not None and _comes_late(month, at, stored):
                return
            if stored is None or stored.state != values["state"]:
                if month.leaving and month.outcome is not None:
                    await _forget_unbegun(connection, month)
                await _update_customer(connection, month, at)
            await upsert(connection, invoices, values)
            await connection.execute(delete(lines).where(*of(lines, customer_id, period)))
            if rows := line_values(month):
                await connection.execute(insert(lines), rows)
            if trail := decision_values(month):
                await connection.execute(insert_into(connection, decisions).on_conflict_do_nothing(), trail)

    async def month(self, customer_id: str, period: Period) -> Month | None:
        async with transaction(self._database.engine, f"read {customer_id}, {period}") as connection:
            state = await connection.scalar(select(invoices.c.state).where(*of(invoices, customer_id, period)))
            return None if state is None else Month.model_validate(state)

    async def invoices(
        self, period: Period | None = None, stage: Stage | None = None, customer_id: str | None = None
    ) -> list[InvoiceRow]:
        """The months that match everything given, by customer and period."""
        wanted = {"period": period, "stage": stage, "customer_id": customer_id}
        found = await self._database.read(
            InvoiceRow, invoices, *(invoices.c[name] == value for name, value in wanted.items() if value is not None)
        )
        return sorted(found, key=lambda row: (row.customer_id, row.period))

    async def decisions(self, customer_id: str, period: Period) -> list[Decision]:
        """The whole audit trail of a month, also what the month itself no longer carries."""
        found = await self._database.read(Decision, decisions, *of(decisions, customer_id, period))
        return sorted(found, key=lambda decision: decision.number)


def upgrade(url: str) -> None:
    """Creates the tables at ``url`` or brings them up to date; blocks meanwhile. Two processes may do so at once.

    Raises ``LedgerUnavailable``, and ``InvalidInput`` if the URL is none.
    """
    _upgrade(parse(url))


def _upgrade(url: URL) -> None:
    with translated("bring its tables up to date"):
        engine = create_engine(url.set(drivername="sqlite") if is_sqlite(url) else url, **options(url))
        try:
            if is_sqlite(url):
                Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
                prepare_sqlite(engine)
                switch_to_write_ahead_log(engine)
            with engine.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin() as connection:
                schema.migrate(connection)
        finally:
            engine.dispose()


async def _lock_customer(connection: AsyncConnection, customer: Customer, at: datetime) -> None:
    """Makes sure of the customer's row, and lets only one record of a customer be written at a time."""
    values = customer_values(customer) | {"created_at": at, "updated_at": at}
    await connection.execute(insert_into(connection, customers).values(values).on_conflict_do_nothing())
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
