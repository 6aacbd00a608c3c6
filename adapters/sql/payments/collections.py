"""The ledger's collections: what is owed after a month that was not paid, and the diary of each."""

from datetime import datetime

from sqlalchemy import select

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.rows import collection_values, entry_values
from adapters.sql.core.schema import collections, entries
from adapters.sql.core.statements import insert_new, is_superseded, rows_of_month, upsert, where_given
from billing.apart import Failed
from billing.collections.collection import Collection
from billing.collections.ports import CollectionRow
from billing.collections.stages import DiaryEntry
from billing.period import Period


class SqlCollections(SqlDatabase):
    """The part of ``SqlLedger`` about money that is owed."""

    @in_thread
    def record_collection(self, collection: Collection, at: datetime) -> None:
        """Writes the collection as it stood at ``at``, and its diary, in one transaction.

        Raises ``StaleRun`` and ``OutcomeConflict`` as ``record`` does for a month.
        """
        customer_id, period = collection.customer.customer_id, collection.period
        this = rows_of_month(collections, customer_id, period)
        values = collection_values(collection, at)
        with self._writing(f"record the collection of {customer_id}, {period}") as connection:
            if not insert_new(connection, collections, [values]):
                stored = connection.execute(select(collections).where(*this).with_for_update()).one()
                if is_superseded(collection, at, stored):
                    return
                upsert(connection, collections, values)
            insert_new(connection, entries, entry_values(collection))

    @in_thread
    def collection(self, customer_id: str, period: Period) -> Collection | None:
        with self._reading(f"read the collection of {customer_id}, {period}") as connection:
            state = connection.scalar(
                select(collections.c.state).where(*rows_of_month(collections, customer_id, period))
            )
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
        is_open = [collections.c.outcome.is_(None)] if open_only else []
        wanted = where_given(collections, period=period, customer_id=customer_id)
        found = self._read(CollectionRow, collections, *wanted, *is_open, failed=failed)
        return sorted(found, key=lambda row: (row.customer_id, row.period))

    @in_thread
    def diary(self, customer_id: str, period: Period) -> list[DiaryEntry]:
        """The whole diary, also what the collection itself no longer carries."""
        found = self._read(DiaryEntry, entries, *rows_of_month(entries, customer_id, period))
        return sorted(found, key=lambda entry: entry.number)
