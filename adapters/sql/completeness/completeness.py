"""The ledger asked about everybody: what coverage compares, its heartbeat, and a few numbers for monitors."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, func, or_, select

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.schema import (
    addresses,
    alerts,
    collections,
    coverage_runs,
    customers,
    decisions,
    invoices,
    lines,
)
from adapters.sql.core.statements import FORMER, upsert
from adapters.sql.reviewers.review_queries import NEED_PERSON
from billing.apart import Failed, apart
from billing.collections.collection import Collection
from billing.collections.stages import CollectionStage
from billing.completeness.snapshots import (
    CollectionSnapshot,
    CustomerSnapshot,
    FormerAddress,
    HealthFigures,
    LastRun,
    LineSnapshot,
    MonthSnapshot,
)
from billing.customers.customer import Customer
from billing.invoices.invoice import SheetRow
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.period import Period
from billing.reviewers.alerts import AlertKind, of_collection

PAGE: Final = 500
_NEEDING: Final = (Stage.HALTED, Stage.AWAITING_APPROVAL, Stage.AWAITING_SALES, Stage.UNRESOLVED)
_NOT_COLUMNS: Final = {
    *("email", "emails", "needs", "halted", "braked", "drift", "lines", "problems", "in_sheet", "left_out", "later"),
    "earlier",
}
_MONTH: Final = [invoices.c[name] for name in ("customer_id", *MonthSnapshot._fields) if name not in _NOT_COLUMNS]


class SqlCompleteness(SqlDatabase):
    """``Accounts`` in SQL: the part of ``SqlLedger`` that looks at everybody, page by page."""

    async def accounts(self, period: Period) -> AsyncIterator[list[CustomerSnapshot | Failed]]:
        """All customers by id; each page is one state of things, as long as all of it can be read."""
        after = ""
        while names := await self.run(partial(self._account_names, after)):
            yield await self.run(partial(self._accounts, period, names))
            after = list(names)[-1]

    def _account_names(self, after: str) -> dict[str, str]:
        """The next customers after ``after``: their addresses, by id."""
        query = select(customers.c.customer_id, customers.c.email).where(customers.c.customer_id > after)
        with self._reading("list the accounts") as connection:
            return {row[0]: row[1] for row in connection.execute(query.order_by(customers.c.customer_id).limit(PAGE))}

    def _accounts(self, period: Period, names: dict[str, str]) -> list[CustomerSnapshot | Failed]:
        def look(part: Sequence[str]) -> list[CustomerSnapshot]:
            with self._looking(f"read the accounts of {period}") as connection:
                return _page(connection, period, part)

        found = apart(list(names), look)
        return [each.evolve(email=names[each.customer_id]) if isinstance(each, Failed) else each for each in found]

    @in_thread
    def save_coverage(self, run: LastRun) -> None:
        values = run.model_dump(mode="json", exclude={"at"}) | {"at": run.at}
        with self._writing(f"save the coverage of {run.period}") as connection:
            upsert(connection, coverage_runs, values)

    @in_thread
    def coverage_of(self, period: Period) -> LastRun | None:
        return next(iter(self._read(LastRun, coverage_runs, coverage_runs.c.period == period)), None)

    @in_thread
    def vitals(self, now: datetime) -> HealthFigures:
        """``overdue_since`` is of months and collections: a due instant, or the beginning of a step that goes on."""
        newest = select(func.max(coverage_runs.c.at)).scalar_subquery()
        findings = select(func.sum(coverage_runs.c.findings)).where(coverage_runs.c.at == newest)
        unseen = select(coverage_runs.c.report["unseen"]).where(coverage_runs.c.at == newest)
        replaced = select(func.max(alerts.c.at)).where(alerts.c.kind == AlertKind.WORKER)
        with self._reading("tell how it is") as connection:
            instants = [connection.scalar(query) for query in _overdue(now)]
            return HealthFigures(
                covered_at=connection.scalar(select(func.max(coverage_runs.c.at))),
                findings=connection.scalar(findings) or 0,
                overdue_since=min((each for each in instants if each is not None), default=None),
                open_collections=_count(connection, collections, collections.c.outcome.is_(None)),
                untold_alerts=_count(connection, alerts, alerts.c.told_at.is_(None)),
                unseen=tuple({source: None for each in connection.scalars(unseen) for source in each or ()}),
                replaced_at=connection.scalar(replaced),
            )

    @in_thread
    def count_stages(self, period: Period) -> dict[str, int]:
        """How many months of ``period`` are in each stage."""
        counted = select(invoices.c.stage, func.count()).where(invoices.c.period == period).group_by(invoices.c.stage)
        with self._reading(f"count the months of {period}") as connection:
            return {row[0]: row[1] for row in connection.execute(counted)}


def _overdue(now: datetime) -> list[Any]:
    found = []
    for table in (invoices, collections):
        is_open = table.c.outcome.is_(None)
        found.append(select(func.min(table.c.next_at)).where(is_open, table.c.next_at < now))
        found.append(select(func.min(table.c.updated_at)).where(is_open, table.c.next_at.is_(None)))
    return found


def _count(connection: Connection, table: Table, *where: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(*where)) or 0


def _page(connection: Connection, period: Period, names: Sequence[str]) -> list[CustomerSnapshot]:
    """The customers from the first of ``names`` to the last, with what there is of ``period``."""
    columns = [customers.c[name] for name in (*Customer.model_fields, "created_at", "closed_at", "closed_reason")]
    found = select(*columns).where(customers.c.customer_id.between(names[0], names[-1]))
    rows = connection.execute(found.order_by(customers.c.customer_id)).all()
    seen = _Seen(connection, period, names[0], names[-1])
    spans, months, stages, former = seen.spans(), seen.months(), seen.collections(), seen.former()
    return [
        CustomerSnapshot(
            customer=Customer.model_validate({name: row._mapping[name] for name in Customer.model_fields}),
            opened_at=row.created_at,
            closed_at=row.closed_at,
            closed_reason=row.closed_reason or "",
            first=spans.get(row.customer_id, (None, None))[0],
            last=spans.get(row.customer_id, (None, None))[1],
            month=months.get(row.customer_id),
            collection=stages.get(row.customer_id),
            former=tuple(former[row.customer_id]),
        )
        for row in rows
    ]


class _Seen:
    """What there is of a period for the customers from one to another."""

    def __init__(self, connection: Connection, period: Period, first: str, last: str) -> None:
        self._connection = connection
        self._period = period
        self._first = first
        self._last = last

    def spans(self) -> dict[str, tuple[Period, Period]]:
        """Each customer's first and last month."""
        whose = invoices.c.customer_id
        query = select(whose, func.min(invoices.c.period), func.max(invoices.c.period))
        query = query.where(self._theirs(invoices)).group_by(whose)
        return {name: (Period(first), Period(last)) for name, first, last in self._connection.execute(query)}

    def collections(self) -> dict[str, CollectionSnapshot]:
        c = collections.c
        rows = self._rows(collections, c.customer_id, c.stage)
        found = {row.customer_id: CollectionSnapshot(CollectionStage(row.stage)) for row in rows}
        waiting = c.outcome.is_(None) & c.stage.in_(NEED_PERSON)
        for row in self._rows(collections, c.customer_id, c.stage, c.state, c.updated_at, where=waiting):
            owed = Collection.model_validate(row.state)
            alert = of_collection(owed, row.updated_at)
            is_braked = bool(owed.brake and not owed.halt)
            found[row.customer_id] = CollectionSnapshot(
                CollectionStage(row.stage), alert.text, alert.remedies[0], is_braked
            )
        return found

    def former(self) -> dict[str, list[FormerAddress]]:
        """The addresses that each customer had before."""
        found: defaultdict[str, list[FormerAddress]] = defaultdict(list)
        for customer_id, email, is_shared in self._connection.execute(FORMER.where(self._theirs(addresses))):
            found[customer_id].append(FormerAddress(email, is_shared))
        return found

    def months(self) -> dict[str, MonthSnapshot]:
        email = invoices.c.state[("customer", "email")].as_string().label("email")
        emails = invoices.c.state["invoice"]["sales"]["emails"].label("emails")
        drift = invoices.c.state["drift"].as_string().label("drift")
        rows = self._rows(invoices, *_MONTH, email, emails, drift)
        if not rows:
            return {}
        needs, (said, left_out) = self._needs(), self._edited()
        is_of_another = lines.c.sheet != str(self._period)  # not so of a line without a sheet
        own, problems = self._lines(
            lines.c.period == self._period, or_(lines.c.sheet.is_(None), lines.c.sheet == str(self._period))
        )
        earlier, _ = self._lines(lines.c.period == self._period, is_of_another)
        of_theirs = invoices.c.customer_id == lines.c.customer_id, invoices.c.period == lines.c.period
        skipped = select(invoices.c.period).where(*of_theirs, invoices.c.stage == Stage.SKIPPED).exists()
        of_hand = f"% ({self._period})"
        later, _ = self._lines(  # a month that somebody skipped has billed nothing of what came late
            lines.c.period > str(self._period),
            or_(lines.c.sheet == str(self._period), and_(lines.c.sheet.is_(None), lines.c.description.like(of_hand))),
            ~skipped,
        )
        found = {}
        for row in rows:
            values = dict(row._mapping)
            name = values.pop("customer_id")
            values["stage"] = Stage(values["stage"])
            values["drift"] = bool(values["drift"])
            values["emails"] = tuple(values["emails"] or ())
            text, halted, braked = needs.get(name, ("", False, False))
            found[name] = MonthSnapshot(
                **values,
                needs=text,
                halted=halted,
                braked=braked,
                lines=tuple(own[name]),
                problems=tuple(problems[name]),
                in_sheet=said[name],
                left_out=left_out[name],
                later=tuple(later[name]),
                earlier=tuple(earlier[name]),
            )
        return found

    def _needs(self) -> dict[str, tuple[str, bool, bool]]:
        """What a person has to do, and whether a person or failure, or else the brake, stopped the clock."""
        waiting = invoices.c.outcome.is_(None) & invoices.c.stage.in_(_NEEDING)
        columns = (invoices.c.customer_id, invoices.c.state, invoices.c.updated_at)
        found = {}
        for row in self._rows(invoices, *columns, where=waiting):
            month = Month.model_validate(row.state)
            is_halted = bool(month.halt or month.failure)
            waits_for = month.waits_for(row.updated_at)
            found[row.customer_id] = (
                waits_for.text if waits_for else "",
                is_halted,
                bool(month.brake) and not is_halted,
            )
        return found

    def _edited(self) -> tuple[dict[str, dict[str, SheetRow]], dict[str, tuple[SheetRow, ...]]]:
        """What the sheet said of the lines that people changed, and of those that they removed."""
        edits = decisions.c.accepted & (decisions.c.command == "edit") & (decisions.c.period == str(self._period))
        names = select(decisions.c.customer_id).where(self._theirs(decisions), edits)
        said: defaultdict[str, dict[str, SheetRow]] = defaultdict(dict)
        left_out: defaultdict[str, tuple[SheetRow, ...]] = defaultdict(tuple)
        columns = (invoices.c.customer_id, invoices.c.state)
        for row in self._rows(invoices, *columns, where=invoices.c.customer_id.in_(names)):
            if (invoice := Month.model_validate(row.state).invoice) is not None:
                changed = {line.line_id: line.in_sheet for line in invoice.lines}
                said[row.customer_id] = {name: in_sheet for name, in_sheet in changed.items() if in_sheet}
                left_out[row.customer_id] = invoice.left_out
        return said, left_out

    def _lines(
        self, *where: ColumnElement[bool]
    ) -> tuple[dict[str, list[LineSnapshot]], dict[str, list[LineSnapshot]]]:
        """Lines and unreadable rows, in the order of the invoice."""
        names = ("customer_id", "kind", "line_id", "description", "amount_minor", "row", "digest", "raw")
        query = select(*(lines.c[name] for name in names)).where(self._theirs(lines), *where)
        found: defaultdict[str, list[LineSnapshot]] = defaultdict(list)
        problems: defaultdict[str, list[LineSnapshot]] = defaultdict(list)
        for each in self._connection.execute(query.order_by(lines.c.customer_id, lines.c.position)):
            amount_minor, digest, raw = each.amount_minor or 0, each.digest or "", each.raw or ""
            line = LineSnapshot(each.line_id, each.description, amount_minor, each.row, digest, raw)
            (found if each.kind == "line" else problems)[each.customer_id].append(line)
        return found, problems

    def _rows(
        self, table: Table, *columns: ColumnElement[Any], where: ColumnElement[bool] | None = None
    ) -> list[Row[Any]]:
        wanted = [self._theirs(table), table.c.period == self._period]
        query = select(*columns).where(*wanted, *([] if where is None else [where]))
        return list(self._connection.execute(query).all())

    def _theirs(self, table: Table) -> ColumnElement[bool]:
        return table.c.customer_id.between(self._first, self._last)
