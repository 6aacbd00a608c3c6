"""Export for accounting: all records of a period by customer, page by page."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, and_, select, union

from adapters.sql.core.database import SqlDatabase
from adapters.sql.schema.months import charges, debts, invoices, lines, reversals
from billing.accounting.export import ExportedInvoice, ExportedLine, ExportRecord
from billing.apart import Failed, apart
from billing.collections.ports import DebtRow
from billing.model import Model
from billing.payments.ports import ChargeRow, ReversalRow
from billing.period import Period

PAGE: Final = 500
_INVOICE: Final = (
    *("customer_id", "period", "outcome", "currency", "carried_minor", "total_minor"),
    *("version", "digest", "closed_at"),
)


class SqlExport(SqlDatabase):
    """``billing.accounting.export.Dossiers`` in SQL: the part of ``SqlLedger`` for accounting."""

    async def dossiers(self, period: Period) -> AsyncIterator[ExportRecord | Failed]:
        """The records of every customer with an invoice, a charge, a refund or a debt.

        A page is one snapshot of the database if all its rows can be read.
        """
        after = ""
        while names := await self.run(partial(self._exported_names, period, after)):
            for record in await self.run(partial(self._records, period, names)):
                yield record
            after = names[-1]

    def _exported_names(self, period: Period, after: str) -> list[str]:
        with self._reading(f"list the customers with records of {period}") as connection:
            return _names(connection, period, after)

    def _records(self, period: Period, names: Sequence[str]) -> list[ExportRecord | Failed]:
        def read(part: Sequence[str]) -> list[ExportRecord]:
            with self._looking(f"export {period}") as connection:
                return _page(connection, period, part)

        return apart(names, read)


def _names(connection: Connection, period: Period, after: str) -> list[str]:
    """The next customers with records, including those that the table of customers lacks."""
    names = union(
        *(
            select(table.c.customer_id)
            .where(table.c.period == period, table.c.customer_id > after)
            .order_by(table.c.customer_id)
            .limit(PAGE)
            .subquery()
            .select()
            for table in (invoices, charges, reversals, debts)
        )
    ).subquery()
    return list(connection.scalars(select(names.c.customer_id).order_by(names.c.customer_id).limit(PAGE)))


def _page(connection: Connection, period: Period, names: Sequence[str]) -> list[ExportRecord]:
    def of_page(table: Table) -> ColumnElement[bool]:
        return and_(table.c.period == period, table.c.customer_id.between(names[0], names[-1]))

    def rows(table: Table, model: type[Model]) -> dict[str, list[Any]]:
        query = select(*(table.c[name] for name in model.model_fields)).where(of_page(table))
        by_customer: defaultdict[str, list[Any]] = defaultdict(list)
        for row in connection.execute(query).mappings():
            by_customer[row["customer_id"]].append(model.model_validate(dict(row)))
        return by_customer

    listed: defaultdict[str, list[ExportedLine]] = defaultdict(list)
    names_of_line = ("customer_id", "line_id", "description", "amount_minor", "sheet", "row", "account", "tariff")
    columns = [lines.c[name] for name in names_of_line]
    query = select(*columns).where(of_page(lines), lines.c.kind == "line")
    for customer_id, line_id, description, amount_minor, sheet, number, *tariff in connection.execute(
        query.order_by(lines.c.customer_id, lines.c.position)
    ):
        listed[customer_id].append(ExportedLine(line_id, description, amount_minor, sheet or "", number, *tariff))
    heads = {}
    for row in connection.execute(select(*(invoices.c[name] for name in _INVOICE)).where(of_page(invoices))):
        values = dict(row._mapping) | {"period": period, "outcome": row.outcome or ""}
        lines_minor = sum(line.amount_minor for line in listed[row.customer_id])
        heads[row.customer_id] = ExportedInvoice(lines_minor=lines_minor, **values)
    charged, reversed_ = rows(charges, ChargeRow), rows(reversals, ReversalRow)
    owed = rows(debts, DebtRow)
    return [
        ExportRecord(
            customer_id=name,
            invoice=heads.get(name),
            lines=tuple(listed[name]),
            charges=tuple(sorted(charged[name], key=attrgetter("payment_id"))),
            reversals=tuple(sorted(reversed_[name], key=attrgetter("created_at", "reversal_id"))),
            debt=next(iter(owed[name]), None),
        )
        for name in names
    ]
