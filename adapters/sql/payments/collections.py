"""The ledger's collections of unpaid months, with their diaries."""

from datetime import datetime

from sqlalchemy import select

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.rows import collection_values, entry_values
from adapters.sql.core.schema import collections, entries
from adapters.sql.core.statements import insert_new, is_superseded, rows_of_month, upsert, where_given
from adapters.sql.receivables.incoming import book
from adapters.sql.receivables.journal import balance, lock_account, post
from billing.apart import Failed
from billing.collections.collection import Collection
from billing.collections.ports import CollectionRow
from billing.collections.postings import payments_by_hand, write_off
from billing.collections.stages import CollectionStage, DiaryEntry
from billing.period import Period


class SqlCollections(SqlDatabase):
    """The part of ``SqlLedger`` about collections."""

    @in_thread
    def record_collection(self, collection: Collection, at: datetime) -> None:
        """Writes the collection as it stood at ``at``, and its diary, in one transaction.

        Raises ``StaleRun`` and ``OutcomeConflict`` as ``record`` does for a month.
        """
        customer_id, period = collection.customer.customer_id, collection.period
        key = rows_of_month(collections, customer_id, period)
        values = collection_values(collection, at)
        with self._writing(f"record the collection of {customer_id}, {period}") as connection:
            lock_account(connection, customer_id)
            if not insert_new(connection, collections, [values]):
                stored = connection.execute(select(collections).where(*key).with_for_update()).one()
                if is_superseded(collection, at, stored):
                    return
                upsert(connection, collections, values)
            insert_new(connection, entries, entry_values(collection))
            for payment in payments_by_hand(collection):
                book(connection, payment, at)
            if collection.outcome is CollectionStage.WRITTEN_OFF:
                written_off = write_off(collection, balance(connection, customer_id), at)
                post(connection, [written_off] if written_off else [])

    @in_thread
    def collection(self, customer_id: str, period: Period) -> Collection | None:
        with self._reading(f"read the collection of {customer_id}, {period}") as connection:
            key = rows_of_month(collections, customer_id, period)
            state = connection.scalar(select(collections.c.state).where(*key))
            return None if state is None else Collection.model_validate(state)

    @in_thread
    def collections(
        self,
        period: Period | None = None,
        customer_id: str | None = None,
        open_only: bool = False,
        failed: list[Failed] | None = None,
    ) -> list[CollectionRow]:
        """The collections that match everything given, by customer and period."""
        where = where_given(collections, period=period, customer_id=customer_id)
        where += [collections.c.outcome.is_(None)] if open_only else []
        return self._read(CollectionRow, collections, *where, by=("customer_id", "period"), failed=failed)

    @in_thread
    def diary(self, customer_id: str, period: Period) -> list[DiaryEntry]:
        """The whole diary, including entries that the collection itself no longer carries."""
        return self._read(DiaryEntry, entries, *rows_of_month(entries, customer_id, period), by=("number",))
