"""The ledger's snapshots of all customers for the completeness check, its last runs, and figures for monitors."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, func, or_, select

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import FORMER, OF_ACCOUNT, upsert
from adapters.sql.events.outbox import backlog
from adapters.sql.reviewers.brake import last_brake
from adapters.sql.reviewers.month_overview import NEED_PERSON
from adapters.sql.schema.months import (
    addresses,
    collections,
    coverage_runs,
    customers,
    debts,
    decisions,
    invoices,
    lines,
)
from adapters.sql.schema.reviewers import alerts
from adapters.sql.tariffs.agreed import agreed_between
from adapters.sql.tariffs.service_days import suspended_between
from billing.apart import Failed, apart
from billing.collections.collection import Collection
from billing.collections.stages import CollectionStage
from billing.completeness.snapshots import (
    CustomerSnapshot,
    DebtSnapshot,
    FormerAddress,
    HealthFigures,
    LastRun,
    LineSnapshot,
    MonthSnapshot,
)
from billing.customers.customer import Customer
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.period import Period
from billing.reviewers.alerts import AlertKind, of_collection

PAGE: Final = 500
_NEEDING: Final = (Stage.HALTED, Stage.AWAITING_APPROVAL, Stage.AWAITING_SALES, Stage.UNRESOLVED)
_MONTH: Final = [
    invoices.c[name]
    for name in (
        *("customer_id", "stage", "currency", "total_minor", "carried_minor", "version"),
        *("import_at", "notice_at", "charge_at", "updated_at", "closed_at", "next_at"),
    )
]


class SqlCompleteness(SqlDatabase):
    """``Snapshots`` in SQL: the part of ``SqlLedger`` that reads all customers, page by page."""

    async def accounts(self, period: Period) -> AsyncIterator[list[CustomerSnapshot | Failed]]:
        """All customers by id, in pages; a page is one snapshot of the database if all its rows can be read."""
        after = ""
        while names := await self.run(partial(self._account_names, after)):
            yield await self.run(partial(self._accounts, period, names))
            after = list(names)[-1]

    def _account_names(self, after: str) -> dict[str, str]:
        """The email addresses ("": none) of the customers that follow ``after``, by id."""
        query = select(customers.c.customer_id, customers.c.email).where(customers.c.customer_id > after)
        with self._reading("list the accounts") as connection:
            return {
                row[0]: row[1] or "" for row in connection.execute(query.order_by(customers.c.customer_id).limit(PAGE))
            }

    def _accounts(self, period: Period, names: dict[str, str]) -> list[CustomerSnapshot | Failed]:
        def read(part: Sequence[str]) -> list[CustomerSnapshot]:
            with self._looking(f"read the accounts of {period}") as connection:
                return _page(connection, period, part)

        accounts = apart(list(names), read)
        return [
            account.evolve(email=names[account.customer_id]) if isinstance(account, Failed) else account
            for account in accounts
        ]

    @in_thread
    def save_coverage(self, run: LastRun) -> None:
        values = run.model_dump(mode="json", exclude={"at", "daily_at"}) | {"at": run.at, "daily_at": run.daily_at}
        with self._writing(f"save the coverage of {run.period}") as connection:
            upsert(connection, coverage_runs, values, keep=() if run.daily_at else ("told", "daily_at"))

    @in_thread
    def coverage_of(self, period: Period) -> LastRun | None:
        return self._read_one(LastRun, coverage_runs, coverage_runs.c.period == period)

    @in_thread
    def vitals(self, now: datetime) -> HealthFigures:
        """``overdue_since``, of months and collections: a due instant, or the beginning of a step still under way."""
        newest = select(func.max(coverage_runs.c.daily_at)).scalar_subquery()
        findings = select(func.sum(coverage_runs.c.findings)).where(coverage_runs.c.daily_at == newest)
        unseen = select(coverage_runs.c.report["unseen"]).where(coverage_runs.c.daily_at == newest)
        replaced = select(func.max(alerts.c.at)).where(alerts.c.kind == AlertKind.WORKER)
        with self._reading("read its health figures") as connection:
            instants = [connection.scalar(query) for query in _overdue(now)]
            waiting_events, waiting_since = backlog(connection, self._destinations, last_brake(connection))
            return HealthFigures(
                covered_at=connection.scalar(select(func.max(coverage_runs.c.daily_at))),
                findings=connection.scalar(findings) or 0,
                overdue_since=min(filter(None, instants), default=None),
                open_collections=_count(connection, debts, debts.c.outcome.is_(None)),
                untold_alerts=_count(connection, alerts, alerts.c.told_at.is_(None)),
                unseen=tuple({source: None for sources in connection.scalars(unseen) for source in sources or ()}),
                replaced_at=connection.scalar(replaced),
                waiting_events=waiting_events,
                events_waiting_since=waiting_since,
            )

    @in_thread
    def count_stages(self, period: Period) -> dict[str, int]:
        counted = select(invoices.c.stage, func.count()).where(invoices.c.period == period).group_by(invoices.c.stage)
        with self._reading(f"count the months of {period}") as connection:
            return {row[0]: row[1] for row in connection.execute(counted)}


def _overdue(now: datetime) -> list[Any]:
    queries = []
    for table in (invoices, collections):
        is_open = table.c.outcome.is_(None)
        queries.append(select(func.min(table.c.next_at)).where(is_open, table.c.next_at < now))
        queries.append(select(func.min(table.c.updated_at)).where(is_open, table.c.next_at.is_(None)))
    return queries


def _count(connection: Connection, table: Table, *where: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(*where)) or 0


def _page(connection: Connection, period: Period, names: Sequence[str]) -> list[CustomerSnapshot]:
    """The customers from the first of ``names`` to the last, with their records of ``period``."""
    columns = [customers.c[name] for name in (*Customer.model_fields, "created_at", "closed_at", "closed_reason")]
    query = select(*columns).where(customers.c.customer_id.between(names[0], names[-1]))
    rows = connection.execute(query.order_by(customers.c.customer_id)).all()
    page = _Page(connection, period, names[0], names[-1])
    spans, months, owed, former = page.spans(), page.months(), page.debts(), page.former()
    agreed = agreed_between(connection, names[0], names[-1])
    suspended = suspended_between(connection, names[0], names[-1], period) if agreed else {}
    return [
        CustomerSnapshot(
            customer=Customer.model_validate({name: row._mapping[name] for name in Customer.model_fields}),
            opened_at=row.created_at,
            closed_at=row.closed_at,
            closed_reason=row.closed_reason or "",
            **spans.get(row.customer_id, {}),
            month=months.get(row.customer_id),
            debt=owed.get(row.customer_id),
            former=tuple(former[row.customer_id]),
            agreed=agreed.get(row.customer_id),
            suspended=suspended.get(row.customer_id, {}),
        )
        for row in rows
    ]


class _Page:
    """The records of a period, of the customers with ``first`` <= id <= ``last``."""

    def __init__(self, connection: Connection, period: Period, first: str, last: str) -> None:
        self._connection = connection
        self._period = period
        self._first = first
        self._last = last

    def spans(self) -> dict[str, dict[str, Any]]:
        """Each customer's first and last month."""
        name, period = invoices.c.customer_id, invoices.c.period
        query = select(name, func.min(period), func.max(period)).where(self._of_page(invoices)).group_by(name)
        rows = self._connection.execute(query)
        return {name: {"first": Period(first), "last": Period(last)} for name, first, last in rows}

    def debts(self) -> dict[str, DebtSnapshot]:
        d = debts.c
        rows = self._rows(debts, d.customer_id, d.stage)
        snapshots = {row.customer_id: DebtSnapshot(CollectionStage(row.stage)) for row in rows}
        in_need = d.outcome.is_(None), d.stage.in_(NEED_PERSON), self._of_page(debts), d.period == self._period
        columns = d.customer_id, d.stage, collections.c.state, collections.c.updated_at
        waiting = select(*columns).join(collections, OF_ACCOUNT).where(*in_need)
        for row in self._connection.execute(waiting):
            collection = Collection.model_validate(row.state)
            alert = of_collection(collection, row.updated_at, collection.debt(self._period))
            is_braked = bool(collection.brake and not collection.halt)
            snapshots[row.customer_id] = DebtSnapshot(
                CollectionStage(row.stage), alert.text, alert.remedies[0], is_braked
            )
        return snapshots

    def former(self) -> dict[str, list[FormerAddress]]:
        """Each customer's former addresses."""
        former: defaultdict[str, list[FormerAddress]] = defaultdict(list)
        for customer_id, email, is_shared in self._connection.execute(FORMER.where(self._of_page(addresses))):
            former[customer_id].append(FormerAddress(email, is_shared))
        return former

    def months(self) -> dict[str, MonthSnapshot]:
        email = invoices.c.state[("customer", "email")].as_string().label("email")
        emails = invoices.c.state["invoice"]["sales"]["emails"].label("emails")
        drift = invoices.c.state["drift"].as_string().label("drift")
        rows = self._rows(invoices, *_MONTH, email, emails, drift)
        if not rows:
            return {}
        needs, edited = self._needs(), self._edited()
        is_of_another = lines.c.sheet != str(self._period)  # SQL: not true of a line without a sheet
        own, problems = self._lines(
            lines.c.period == self._period, or_(lines.c.sheet.is_(None), lines.c.sheet == str(self._period))
        )
        earlier, _ = self._lines(lines.c.period == self._period, is_of_another)
        of_line = invoices.c.customer_id == lines.c.customer_id, invoices.c.period == lines.c.period
        skipped = select(invoices.c.period).where(*of_line, invoices.c.stage == Stage.SKIPPED).exists()
        by_hand = and_(lines.c.sheet.is_(None), lines.c.description.like(f"% ({self._period})"))
        later, _ = self._lines(  # a skipped month has billed none of the late sales
            lines.c.period > str(self._period),
            or_(lines.c.sheet == str(self._period), by_hand),
            ~skipped,
        )
        months = {}
        for row in rows:
            values = dict(row._mapping)
            name = values.pop("customer_id")
            values["stage"] = Stage(values["stage"])
            values["drift"] = bool(values["drift"])
            values["emails"] = tuple(values["emails"] or ())
            text, halted, braked = needs.get(name, ("", False, False))
            months[name] = MonthSnapshot(
                **values,
                needs=text,
                halted=halted,
                braked=braked,
                lines=tuple(line for line in own[name] if line.tariff_minor is None),
                tariffs=tuple(line for line in own[name] if line.tariff_minor is not None),
                problems=tuple(problems[name]),
                **edited.get(name, {}),
                later=tuple(later[name]),
                earlier=tuple(earlier[name]),
            )
        return months

    def _needs(self) -> dict[str, tuple[str, bool, bool]]:
        """What a person has to do, whether a halt or failure stopped the month, and whether the brake alone did."""
        waiting = invoices.c.outcome.is_(None) & invoices.c.stage.in_(_NEEDING)
        columns = (invoices.c.customer_id, invoices.c.state, invoices.c.updated_at)
        needs = {}
        for row in self._rows(invoices, *columns, where=waiting):
            month = Month.model_validate(row.state)
            is_halted = bool(month.halt or month.failure)
            waits_for = month.waits_for(row.updated_at)
            text = waits_for.text if waits_for else ""
            needs[row.customer_id] = text, is_halted, bool(month.brake) and not is_halted
        return needs

    def _edited(self) -> dict[str, dict[str, Any]]:
        """What people changed or removed: the sheet's rows of such lines, and the ids of tariffs' lines."""
        edits = decisions.c.accepted & (decisions.c.command == "edit") & (decisions.c.period == str(self._period))
        names = select(decisions.c.customer_id).where(self._of_page(decisions), edits)
        edited = {}
        columns = (invoices.c.customer_id, invoices.c.state)
        for row in self._rows(invoices, *columns, where=invoices.c.customer_id.in_(names)):
            if (invoice := Month.model_validate(row.state).invoice) is not None:
                in_sheet = {line.line_id: line.in_sheet for line in invoice.lines if line.in_sheet}
                kept = {"left_out": invoice.left_out, "waived": invoice.waived}
                edited[row.customer_id] = {"in_sheet": in_sheet, **kept}
        return edited

    def _lines(
        self, *where: ColumnElement[bool]
    ) -> tuple[dict[str, list[LineSnapshot]], dict[str, list[LineSnapshot]]]:
        """Lines, and rows that cannot be read, by customer in the order of the invoice."""
        texts, numbers = ("customer_id", "kind", "line_id", "description", "digest", "raw"), ("amount_minor", "row")
        columns = (lines.c[name] for name in (*texts, *numbers, "tariff_minor"))
        query = select(*columns).where(self._of_page(lines), *where)
        readable: defaultdict[str, list[LineSnapshot]] = defaultdict(list)
        problems: defaultdict[str, list[LineSnapshot]] = defaultdict(list)
        for row in self._connection.execute(query.order_by(lines.c.customer_id, lines.c.position)):
            amount_minor, digest, raw = row.amount_minor or 0, row.digest or "", row.raw or ""
            line = LineSnapshot(row.line_id, row.description, amount_minor, row.row, digest, raw, row.tariff_minor)
            (readable if row.kind == "line" else problems)[row.customer_id].append(line)
        return readable, problems

    def _rows(
        self, table: Table, *columns: ColumnElement[Any], where: ColumnElement[bool] | None = None
    ) -> list[Row[Any]]:
        query = select(*columns).where(self._of_page(table), table.c.period == self._period)
        return list(self._connection.execute(query if where is None else query.where(where)).all())

    def _of_page(self, table: Table) -> ColumnElement[bool]:
        return table.c.customer_id.between(self._first, self._last)
