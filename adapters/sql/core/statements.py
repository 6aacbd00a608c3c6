"""Statements that the ledger's parts share: conditions, inserts, upserts, and the check for superseded records."""

from datetime import datetime
from functools import cache, lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Executable, Row, Table, and_, bindparam, exists, func, select
from sqlalchemy.dialects import postgresql, sqlite

from adapters.sql.schema.months import addresses, collections, customers, debts
from billing.collections.collection import Collection
from billing.errors import OutcomeConflict, StaleRun
from billing.invoices.month import Month
from billing.period import Period

_ANOTHER = addresses.alias("another")
IS_SHARED = exists().where(
    _ANOTHER.c.email_key == addresses.c.email_key, _ANOTHER.c.customer_id != addresses.c.customer_id
)
FORMER = (
    select(addresses.c.customer_id, addresses.c.email, IS_SHARED.label("is_shared"))
    .join(customers, customers.c.customer_id == addresses.c.customer_id)
    .where(addresses.c.email_key != customers.c.email_key)
)
"""Former addresses of customers; a shared one is or was another customer's too."""
OF_ACCOUNT = and_(collections.c.customer_id == debts.c.customer_id, collections.c.period == debts.c.collection)
"""Joins a debt to the collection that has it."""
_LOCK = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("key"), 0)))
ALERTS: Final = "alerts"
"""``lock`` of whoever updates several alerts: two that met its rows in another order would block each other."""


def rows_of_month(table: Table, customer_id: str, period: Period) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The condition for a customer's period."""
    return table.c.customer_id == customer_id, table.c.period == period


def where_given(table: Table, **values: str | None) -> list[ColumnElement[bool]]:
    """The conditions for those values that are not None."""
    return [table.c[name] == value for name, value in values.items() if value is not None]


def month_params(table: Table) -> tuple[ColumnElement[bool], ...]:
    """The condition for a customer's period in a prepared statement: both are parameters of its execution."""
    return tuple(table.c[name] == bindparam(name) for name in ("customer_id", "period"))


def insert_new(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> bool:
    """Inserts the rows whose primary key is new; returns whether there were any."""
    return bool(rows) and _inserted(connection, table, rows[0] if len(rows) == 1 else rows) is not None


def insert_counted(connection: Connection, table: Table, row: dict[str, Any]) -> int | None:
    """Inserts a row that the database numbers, unless a unique index has it already; returns its number, or None."""
    inserted = _inserted(connection, table, row)
    return int(inserted[0]) if inserted else None


def upsert(
    connection: Connection,
    table: Table,
    values: dict[str, Any],
    keep: tuple[str, ...] = (),
    only_if: ColumnElement[bool] | None = None,
) -> bool:
    """Inserts the row, or updates it except for ``keep``, ``only_if`` the stored row allows it; whether it did."""
    statement = _upsert(table, connection.dialect.name, tuple(values), keep, only_if)
    return connection.execute(statement, values).first() is not None


def lock(connection: Connection, key: str) -> None:
    """Lets one transaction with ``key`` run at a time; SQLite has a single writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, {"key": key})


def _inserted(connection: Connection, table: Table, rows: dict[str, Any] | list[dict[str, Any]]) -> Row[Any] | None:
    names = tuple(rows[0] if isinstance(rows, list) else rows)
    return connection.execute(_insert_new(table, connection.dialect.name, names), rows).first()


@cache
def _insert_new(table: Table, dialect: str, names: tuple[str, ...]) -> Executable:
    assert set(names) <= set(table.c.keys()), f"{table.name} has no columns for all of {names}"
    return _insert(table, dialect).on_conflict_do_nothing().returning(*table.primary_key)


@lru_cache(maxsize=100)
def _upsert(
    table: Table, dialect: str, names: tuple[str, ...], keep: tuple[str, ...], only_if: ColumnElement[bool] | None
) -> Executable:
    """Cached: SQLAlchemy takes several times longer to compose a statement than SQLite to execute it."""
    key = [column.name for column in table.primary_key]
    statement = _insert(table, dialect)
    changes = {name: statement.excluded[name] for name in names if name not in (*key, *keep)}
    written = statement.on_conflict_do_update(index_elements=key, set_=changes, where=only_if)
    return written.returning(*table.primary_key)


def _insert(table: Table, dialect: str) -> sqlite.Insert | postgresql.Insert:
    return (sqlite.insert if dialect == "sqlite" else postgresql.insert)(table)


def is_superseded(month: Month, at: datetime, stored: Row[Any]) -> bool:
    """Whether ``month`` adds nothing to the stored row. Raises ``StaleRun``, ``OutcomeConflict`` in a conflict."""
    name = f"{stored.customer_id}, {stored.period}"
    if stored.outcome is None and month.outcome is None:
        check_current(month, stored, name)
    if stored.outcome is None:
        return False  # an outcome counts, even of a run that lacked a revision
    if stored.outcome == month.outcome:
        return bool(month.revision <= stored.revision)
    if month.outcome is None and at <= stored.closed_at:
        return True
    raise OutcomeConflict(
        f"{name} is closed as {stored.outcome} in the ledger and cannot become {month.outcome or 'open'} again; "
        "look for a second workflow of this customer and end it"
    )


def check_current(record: Month | Collection, stored: Row[Any], name: str) -> None:
    """Raises ``StaleRun`` if the ledger has a newer revision, or other content at the same revision.

    A reset run can reach the revision number of the run before it by other steps.
    """
    is_behind = record.revision < stored.revision
    if record.revision == stored.revision > 0:
        written = type(record).model_validate(stored.state)  # not compared as JSON: a field may be newer than the row
        is_behind = _without_trail(record) != _without_trail(written)
    if is_behind:
        other = "another one" if record.revision == stored.revision else record.revision
        raise StaleRun(f"the ledger has revision {stored.revision} of {name}, not {other}")


def _without_trail(record: Month | Collection) -> tuple[object, ...]:
    """The record, with only the last of its decisions or entries: a record carries few of them, and may cut them."""
    name, trail = ("decisions", record.decisions) if isinstance(record, Month) else ("entries", record.entries)
    return record.model_copy(update={name: ()}), *((last.number, last.at, last.by) for last in trail[-1:])
