"""The ledger for accounting: everything of a period, customer by customer, page by page."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, and_, select, union

from adapters.sql.core.database import SqlDatabase
from adapters.sql.core.schema import charges, collections, invoices, lines, reversals
from billing.accounting.export import ExportedInvoice, ExportedLine, ExportRecord
from billing.apart import Failed, apart
from billing.collections.ports import CollectionRow
from billing.model import Model
from billing.payments.ports import ChargeRow, ReversalRow
from billing.period import Period

PAGE: Final = 500
_INVOICE: Final = (
    "customer_id",
    "period",
    "outcome",
    "currency",
    "carried_minor",
    "total_minor",
    "version",
    "digest",
    "closed_at",
)


class SqlExport(SqlDatabase):
    """``billing.accounting.export.Dossiers`` in SQL: the part of ``SqlLedger`` for accounting."""

    async def dossiers(self, period: Period) -> AsyncIterator[ExportRecord | Failed]:
        """Everybody who has an invoice, a charge, a refund or a collection.

        Each page is one state of things, as long as all of it can be read.
        """
        after = ""
        while names := await self.run(partial(self._exported_names, period, after)):
            for dossier in await self.run(partial(self._dossiers, period, names)):
                yield dossier
            after = names[-1]

    def _exported_names(self, period: Period, after: str) -> list[str]:
        with self._reading(f"list who has anything in {period}") as connection:
            return _names(connection, period, after)

    def _dossiers(self, period: Period, names: Sequence[str]) -> list[ExportRecord | Failed]:
        def look(part: Sequence[str]) -> list[ExportRecord]:
            with self._looking(f"export {period}") as connection:
                return _page(connection, period, part)

        return apart(names, look)


def _names(connection: Connection, period: Period, after: str) -> list[str]:
    """The next customers who have anything, also those whom the table of customers does not know."""
    having = union(
        *(
            select(table.c.customer_id)
            .where(table.c.period == period, table.c.customer_id > after)
            .order_by(table.c.customer_id)
            .limit(PAGE)
            .subquery()
            .select()
            for table in (invoices, charges, reversals, collections)
        )
    ).subquery()
    query = select(having.c.customer_id).order_by(having.c.customer_id).limit(PAGE)
    return list(connection.scalars(query))


def _page(connection: Connection, period: Period, names: Sequence[str]) -> list[ExportRecord]:
    def theirs(table: Table) -> ColumnElement[bool]:
        return and_(table.c.period == period, table.c.customer_id.between(names[0], names[-1]))

    def rows(table: Table, model: type[Model]) -> dict[str, list[Any]]:
        query = select(*(table.c[name] for name in model.model_fields)).where(theirs(table))
        found: defaultdict[str, list[Any]] = defaultdict(list)
        for row in connection.execute(query).mappings():
            found[row["customer_id"]].append(model.model_validate(dict(row)))
        return found

    listed: defaultdict[str, list[ExportedLine]] = defaultdict(list)
    columns = [lines.c[name] for name in ("customer_id", "line_id", "description", "amount_minor", "sheet", "row")]
    query = select(*columns).where(theirs(lines), lines.c.kind == "line")
    for whose, line_id, description, amount_minor, sheet, number in connection.execute(
        query.order_by(lines.c.customer_id, lines.c.position)
    ):
        listed[whose].append(ExportedLine(line_id, description, amount_minor, sheet or "", number))
    heads = {}
    for row in (connection.execute(select(*(invoices.c[name] for name in _INVOICE)).where(theirs(invoices)))).all():
        values = dict(row._mapping) | {"period": period, "outcome": row.outcome or ""}
        lines_minor = sum(line.amount_minor for line in listed[row.customer_id])
        heads[row.customer_id] = ExportedInvoice(lines_minor=lines_minor, **values)
    charged, reversed_, owed = (
        rows(charges, ChargeRow),
        rows(reversals, ReversalRow),
        rows(collections, CollectionRow),
    )
    return [
        ExportRecord(
            customer_id=name,
            invoice=heads.get(name),
            lines=tuple(listed[name]),
            charges=tuple(sorted(charged[name], key=lambda each: each.payment_id)),
            reversals=tuple(sorted(reversed_[name], key=lambda each: (each.created_at, each.reversal_id))),
            collection=next(iter(owed[name]), None),
        )
        for name in names
    ]
