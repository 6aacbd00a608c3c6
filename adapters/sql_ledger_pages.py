"""The ledger's answers to the reviewers' pages: totals, lists and the audit trail, a page at a time."""

from sqlalchemy import func, select

from adapters.sql_ledger_database import SqlDatabase
from adapters.sql_ledger_schema import invoices
from billing.month import Stage
from billing.period import Period


class SqlDesk(SqlDatabase):
    """``billing.desk.Desk`` in SQL."""

    async def current_period(self) -> Period | None:
        """The newest month that has drafts, else the newest there is; None in an empty ledger."""
        newest = select(func.max(invoices.c.period))
        begun = newest.where(invoices.c.stage != Stage.SCHEDULED)
        async with self._reading("name its current month") as connection:
            found = await connection.scalar(begun) or await connection.scalar(newest)
            return Period(found) if found else None
