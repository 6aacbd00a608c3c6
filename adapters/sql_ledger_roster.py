"""The ledger's customers for lists: page by page, for there may be a hundred thousand of them; and each one's month."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from sqlalchemy import ColumnElement, and_, func, select

from adapters.sql_ledger_database import SqlDatabase, in_thread
from adapters.sql_ledger_schema import customers, invoices
from billing.ports import InvoiceRow, RosterRow

PAGE: Final = 1000


class SqlRoster(SqlDatabase):
    """The part of ``SqlLedger`` that lists everybody."""

    async def roster(self, closed: bool = True) -> AsyncIterator[RosterRow]:
        """The customers by id; with ``closed`` also those whose account is closed."""
        where = [] if closed else [customers.c.closed_at.is_(None)]
        after = ""
        while True:
            page = await self.run(partial(self._page, customers.c.customer_id > after, *where))
            for row in page:
                yield row
            if len(page) < PAGE:
                return
            after = page[-1].customer_id

    @in_thread
    def roster_row(self, customer_id: str) -> RosterRow | None:
        return next(iter(self._page(customers.c.customer_id == customer_id)), None)

    @in_thread
    def count_customers(self) -> int:
        """How many accounts are open."""
        with self._reading("count its customers") as connection:
            is_open = customers.c.closed_at.is_(None)
            return connection.scalar(select(func.count()).select_from(customers).where(is_open)) or 0

    @in_thread
    def current_invoices(self) -> list[InvoiceRow]:
        """The newest month of each customer, by customer."""
        whose, period = invoices.c.customer_id, invoices.c.period
        newest = select(whose, func.max(period).label("period")).group_by(whose).subquery()
        query = select(*(invoices.c[name] for name in InvoiceRow.model_fields))
        query = query.join(newest, and_(whose == newest.c.customer_id, period == newest.c.period)).order_by(whose)
        with self._reading("list the current months") as connection:
            found = connection.execute(query)
            return [InvoiceRow.model_validate(dict(row)) for row in found.mappings()]

    def _page(self, *where: ColumnElement[bool]) -> list[RosterRow]:
        query = select(*(customers.c[name] for name in RosterRow.model_fields)).where(*where)
        with self._reading("read its customers") as connection:
            found = connection.execute(query.order_by(customers.c.customer_id).limit(PAGE)).mappings()
            return [RosterRow.model_validate({**row, "closed_reason": row["closed_reason"] or ""}) for row in found]
