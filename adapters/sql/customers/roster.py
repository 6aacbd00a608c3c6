"""Lists of the ledger's customers, page by page (there may be a hundred thousand), and their current months."""

from collections.abc import AsyncIterator, Collection
from functools import partial
from typing import Final

from sqlalchemy import ColumnElement, and_, func, select

from adapters.sql.core.database import SqlDatabase, as_models, in_thread
from adapters.sql.customers.account_numbers import open_numbers
from adapters.sql.schema.months import customers, invoices
from billing.apart import Failed
from billing.customers.ports import RosterRow
from billing.invoices.ports import InvoiceRow

PAGE: Final = 1000
_COLUMNS: Final = RosterRow.model_fields.keys() - {"account_numbers"}


class SqlRoster(SqlDatabase):
    """The part of ``SqlLedger`` that lists all customers."""

    async def roster(self, closed: bool = True, failed: list[Failed] | None = None) -> AsyncIterator[RosterRow]:
        """The customers by id; with ``closed`` also those whose account is closed."""
        where = [] if closed else [customers.c.closed_at.is_(None)]
        after: str | None = ""
        while after is not None:
            page, after = await self.run(partial(self._page, failed, customers.c.customer_id > after, *where))
            for row in page:
                yield row

    @in_thread
    def roster_row(self, customer_id: str) -> RosterRow | None:
        return next(iter(self._page(None, customers.c.customer_id == customer_id)[0]), None)

    @in_thread
    def names(self, customer_ids: Collection[str]) -> dict[str, str]:
        wanted = select(customers.c.customer_id, customers.c.name).where(customers.c.customer_id.in_(customer_ids))
        with self._reading("read the names of its customers") as connection:
            return {row.customer_id: row.name for row in connection.execute(wanted)}

    @in_thread
    def count_customers(self) -> int:
        """How many accounts are open."""
        with self._reading("count its customers") as connection:
            is_open = customers.c.closed_at.is_(None)
            return connection.scalar(select(func.count()).select_from(customers).where(is_open)) or 0

    @in_thread
    def current_invoices(self, failed: list[Failed] | None = None) -> list[InvoiceRow]:
        """The newest month of each customer, by customer."""
        name, period = invoices.c.customer_id, invoices.c.period
        newest = select(name, func.max(period).label("period")).group_by(name).subquery()
        query = select(*(invoices.c[name] for name in InvoiceRow.model_fields))
        query = query.join(newest, and_(name == newest.c.customer_id, period == newest.c.period)).order_by(name)
        with self._reading("list the current months") as connection:
            return as_models(InvoiceRow, connection.execute(query).mappings(), failed)

    def _page(self, failed: list[Failed] | None, *where: ColumnElement[bool]) -> tuple[list[RosterRow], str | None]:
        """A page of customers, and the id of the last one if there may be more."""
        query = select(*(customers.c[name] for name in _COLUMNS)).where(*where)
        with self._reading("read its customers") as connection:
            rows = connection.execute(query.order_by(customers.c.customer_id).limit(PAGE)).mappings().all()
            numbers = open_numbers(connection, [row["customer_id"] for row in rows])
        last = rows[-1]["customer_id"] if len(rows) == PAGE else None
        values = (
            {**row, "closed_reason": row["closed_reason"] or "", "account_numbers": numbers[row["customer_id"]]}
            for row in rows
        )
        return as_models(RosterRow, values, failed), last
