"""The ledger's collections, with their debts and diaries."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.rows import collection_values, debt_values, entry_values
from adapters.sql.core.statements import OF_ACCOUNT, check_current, insert_new, rows_of_month, upsert, where_given
from adapters.sql.receivables.accounts import balance, lock_account
from adapters.sql.receivables.journal import post
from adapters.sql.schema.months import collections, debts, entries
from billing.apart import Failed
from billing.collections.collection import Collection
from billing.collections.ports import DebtRow
from billing.collections.postings import write_offs
from billing.collections.stages import CollectionStage, DiaryEntry
from billing.errors import OutcomeConflict, StaleRun
from billing.period import Period

_D = debts.c


class SqlCollections(SqlDatabase):
    """The part of ``SqlLedger`` about collections."""

    @in_thread
    def record_collection(self, collection: Collection, at: datetime) -> None:
        customer_id, period = collection.customer_id, collection.period
        values = collection_values(collection, at)
        with self._writing(f"record the collection of {customer_id}, {period}") as connection:
            lock_account(connection, customer_id)
            is_new = insert_new(connection, collections, [values])
            known = _debts(connection, collection)
            if not is_new:
                key = rows_of_month(collections, customer_id, period)
                stored = connection.execute(select(collections).where(*key).with_for_update()).one()
                if _is_late(collection, at, stored):
                    return
                _check_debts(collection, known)
                if _is_superseded(collection, stored):
                    return
                upsert(connection, collections, values)
            else:
                _check_debts(collection, known)
            insert_new(connection, entries, entry_values(collection))
            changed = [debt for debt in collection.debts if debt.period not in known or not known[debt.period].outcome]
            for debt in changed:
                upsert(connection, debts, debt_values(collection, debt, at))
            if given_up := [debt for debt in changed if debt.outcome is CollectionStage.WRITTEN_OFF]:
                post(connection, write_offs(collection, given_up, balance(connection, customer_id), at))

    @in_thread
    def collection(self, customer_id: str, period: Period) -> Collection | None:
        with self._reading(f"read the collection of {customer_id}, {period}") as connection:
            query = select(collections.c.state).join(debts, OF_ACCOUNT)
            state = connection.scalar(query.where(*rows_of_month(debts, customer_id, period)))
            return None if state is None else Collection.model_validate(state)

    @in_thread
    def debts(
        self,
        period: Period | None = None,
        customer_id: str | None = None,
        open_only: bool = False,
        failed: list[Failed] | None = None,
    ) -> list[DebtRow]:
        where = where_given(debts, period=period, customer_id=customer_id)
        where += [_D.outcome.is_(None)] if open_only else []
        return self._read(DebtRow, debts, *where, by=("customer_id", "period"), failed=failed)

    @in_thread
    def diary(self, customer_id: str, period: Period) -> list[DiaryEntry]:
        account = select(_D.collection).where(*rows_of_month(debts, customer_id, period)).scalar_subquery()
        is_of_account = entries.c.customer_id == customer_id, entries.c.period == account
        is_about = or_(entries.c.month.is_(None), entries.c.month == period)
        return self._read(DiaryEntry, entries, *is_of_account, is_about, by=("number",))


def _debts(connection: Connection, collection: Collection) -> Mapping[Period, Row[Any]]:
    """The recorded debts that the collection has, or should have."""
    has = _D.period.in_([debt.period for debt in collection.debts])
    should = and_(_D.collection == collection.period, _D.outcome.is_(None))
    rows = select(debts).where(_D.customer_id == collection.customer_id, or_(has, should))
    return {row.period: row for row in connection.execute(rows)}


def _is_late(collection: Collection, at: datetime, stored: Row[Any]) -> bool:
    """Whether the ledger has the end of the collection, and this record is from before it.

    A month that has joined since is a later revision, even on a machine whose clock is behind.
    """
    is_closed = stored.outcome is not None and collection.outcome is None
    return bool(is_closed and at <= stored.closed_at and collection.revision <= stored.revision)


def _check_debts(collection: Collection, known: Mapping[Period, Row[Any]]) -> None:
    """Raises ``OutcomeConflict`` and ``StaleRun`` if the ledger knows better how a debt stands, or who collects it."""
    name = f"the collection of {collection.customer_id}"
    for period, row in known.items():
        debt = collection.debt(period)
        if debt is None:
            raise StaleRun(f"{name}, {collection.period} lacks {period}, which the ledger has in it")
        if row.outcome is not None and row.outcome != debt.outcome:
            raise OutcomeConflict(
                f"{name}, {period} is closed as {row.outcome} in the ledger and cannot become "
                f"{debt.outcome or 'open'} again; look for a second workflow of this customer and end it"
            )
        if row.collection != collection.period:
            raise StaleRun(f"{name}, {period} is in the collection that began with {row.collection}")


def _is_superseded(collection: Collection, stored: Row[Any]) -> bool:
    """Whether the ledger has this end of the collection already. Raises ``StaleRun`` if it is ahead otherwise."""
    if stored.outcome is None and collection.outcome is not None:
        return False  # an outcome counts, even of a run that lacked a revision
    if stored.outcome is not None and stored.outcome == collection.outcome:
        return bool(collection.revision <= stored.revision)
    check_current(collection, stored, f"the collection of {stored.customer_id}, {stored.period}")
    return False
