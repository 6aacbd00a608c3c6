"""Queries of a month's page: totals by stage, work for people by reason, the coming steps, the year's sums."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Subquery,
    and_,
    case,
    func,
    literal,
    null,
    or_,
    select,
    text,
    union_all,
)

from adapters.sql.core.database import as_models, in_thread
from adapters.sql.reviewers.audit import SqlAudit
from adapters.sql.schema.months import INVOICE_NEEDS, customers, debts, invoices
from billing.collections.stages import CollectionStage
from billing.invoices.stages import Stage
from billing.period import Period
from billing.reviewers.overview import CHARGED, ActionNeeded, Coming, ComingStep, StageTotal, Work, YearSum

NEED_PERSON = [stage for stage in CollectionStage if stage.needs_person]
IN_NEED = text(INVOICE_NEEDS)
OWED_NEEDS = "the collection needs a person"
_MEMBERS = 20  # of each reason
_BY_REASON = (Stage.HALTED, Stage.AWAITING_SALES)
"""Stages in which many months wait for the same; in the others each waits for its own amount."""
_GOING_ON = (Stage.SCHEDULED, Stage.MONITORING, Stage.LAST_CALL)


class SqlMonthOverview(SqlAudit):
    """``MonthOverview`` of ``billing.reviewers.overview`` in SQL."""

    @in_thread
    def totals(self, period: Period) -> list[StageTotal]:
        c = invoices.c
        drafts = func.coalesce(func.sum(case((c.version > 0, 1), else_=0)), 0)
        counted = select(
            c.stage,
            c.currency,
            func.count().label("customers"),
            drafts.label("drafts"),
            func.sum(c.total_minor).label("total_minor"),
        )
        with self._reading(f"add {period} up") as connection:
            rows = connection.execute(counted.where(c.period == period).group_by(c.stage, c.currency))
            return as_models(StageTotal, rows.mappings())

    @in_thread
    def work(self, period: Period, without: Sequence[str] = ()) -> list[Work]:
        needed = _needed(period, without)
        with self._looking(f"list what needs a person in {period}") as connection:
            members = _members(connection, needed)
            return sorted(_works(_counted(connection, needed), members), key=_urgency)

    @in_thread
    def open_of(self, period: Period, customer_ids: Sequence[str]) -> list[ActionNeeded]:
        i = invoices.c
        columns = i.stage, i.currency, i.total_minor.label("amount_minor"), i.next_at, i.needs
        query = select(*_PERSON, *columns, (i.version > 0).label("drafted")).join(customers, _OF_MONTH)
        query = query.where(i.period == period, i.outcome.is_(None), i.customer_id.in_(customer_ids))
        with self._reading(f"list what needs a person in {period}") as connection:
            return as_models(ActionNeeded, connection.execute(query.order_by(i.customer_id)).mappings())

    @in_thread
    def coming(self, period: Period, since: datetime, until: datetime) -> list[Coming]:
        with self._reading(f"list what comes in {period}") as connection:
            steps = [*_planned(connection, period, since, until), *_due(connection, period)]
        return [step for step in steps if since <= step.at < until]

    @in_thread
    def year(self, last: Period) -> list[YearSum]:
        first, i, d = year_before(last), invoices.c, debts.c
        closed = select(i.period, i.currency, i.stage, func.sum(i.total_minor))
        closed = closed.where(i.period.between(first, last), i.stage.in_((*CHARGED, Stage.SKIPPED)), i.version > 0)
        owed = select(d.period, d.currency, func.sum(d.outstanding_minor)).where(d.period.between(first, last))
        with self._reading("add the year up") as connection:
            totals = connection.execute(closed.group_by(i.period, i.currency, i.stage)).all()
            unpaid = connection.execute(owed.group_by(d.period, d.currency)).all()
        return _year(totals, {(period, currency): minor for period, currency, minor in unpaid})


_PERSON = customers.c.customer_id, customers.c.name, customers.c.timezone
_OF_MONTH = invoices.c.customer_id == customers.c.customer_id
_KEY = ("stage", "reason", "collecting")


def year_before(last: Period) -> str:
    """The first of the twelve months up to ``last``."""
    year, month = last.first_day.year, last.first_day.month
    return f"{year}-01" if month == 12 else f"{year - 1}-{month + 1:02}"


def owed_in_need(period: Period) -> list[ColumnElement[bool]]:
    c = debts.c
    return [c.period == period, c.stage.in_(NEED_PERSON), c.outcome.is_(None)]


def _needed(period: Period, without: Sequence[str]) -> Subquery:
    """The open months and the debts that need a person, with the reason by which they are grouped."""
    i, d = invoices.c, debts.c
    reason = case((and_(i.stage.in_(_BY_REASON), i.problems == 0), i.needs), else_=null())
    months = select(
        *(i.customer_id, i.stage, reason.label("reason"), i.currency, i.total_minor.label("amount_minor")),
        *(i.next_at, i.needs, (i.version > 0).label("drafted"), literal(False).label("collecting")),
    )
    months = months.where(i.period == period, i.outcome.is_(None), IN_NEED, i.customer_id.not_in(without))
    owed = select(
        *(d.customer_id, d.stage, null().label("reason"), d.currency, d.outstanding_minor.label("amount_minor")),
        *(d.next_at, literal(OWED_NEEDS).label("needs"), literal(True).label("drafted")),
        literal(True).label("collecting"),
    )
    return union_all(months, owed.where(*owed_in_need(period))).subquery("needed")


def _members(connection: Connection, needed: Subquery) -> dict[tuple[Any, ...], list[ActionNeeded]]:
    """The most urgent of each reason."""
    key, order = [needed.c[name] for name in _KEY], (needed.c.next_at.asc().nulls_first(), needed.c.customer_id)
    ranked = select(needed, func.row_number().over(partition_by=key, order_by=order).label("place")).subquery("ranked")
    query = select(*_PERSON, *(column for column in ranked.c if column.name != "customer_id"))
    query = query.join(ranked, ranked.c.customer_id == customers.c.customer_id).where(ranked.c.place <= _MEMBERS)
    members: dict[tuple[Any, ...], list[ActionNeeded]] = {}
    for row in connection.execute(query.order_by(ranked.c.place)).mappings():
        members.setdefault((row["stage"], row["reason"], bool(row["collecting"])), []).extend(
            as_models(ActionNeeded, [row])
        )
    return members


def _counted(connection: Connection, needed: Subquery) -> list[Row[Any]]:
    """Numbers and sums by reason and currency."""
    n = needed.c
    drafted = func.sum(case((n.drafted, n.amount_minor), else_=0)).label("minor")
    times = func.count(n.next_at).label("timed"), func.min(n.next_at).label("next_at")
    key = [n[name] for name in (*_KEY, "currency")]
    query = select(*key, func.count().label("number"), drafted, *times).group_by(*key)
    return list(connection.execute(query.order_by(*(column.asc().nulls_first() for column in key))))


def _works(rows: Sequence[Row[Any]], members: dict[tuple[Any, ...], list[ActionNeeded]]) -> Iterator[Work]:
    for key, by_currency in groupby(rows, key=lambda row: (row.stage, row.reason, bool(row.collecting))):
        sums = list(by_currency)
        stage, reason, collecting = key
        yield Work(
            stage=stage,
            reason=reason,
            collecting=collecting,
            count=sum(row.number for row in sums),
            next_at=None if any(row.timed < row.number for row in sums) else min(row.next_at for row in sums),
            sums={row.currency: row.minor for row in sums if row.minor},
            members=tuple(members.get(key, ())),
        )


def _urgency(work: Work) -> tuple[float, str, str]:
    """What has no next instant comes first."""
    return work.next_at.timestamp() if work.next_at else float("-inf"), work.stage, work.reason or ""


def _planned(connection: Connection, period: Period, since: datetime, until: datetime) -> Iterator[Coming]:
    """The steps of open months that wait for nobody. What comes to nothing is closed without one."""
    i = invoices.c
    has_card = customers.c.card_id.is_not(None).label("has_card")
    key = i.stage, i.import_at, i.notice_at, i.charge_at, i.currency, has_card
    query = select(*key, func.count().label("number"), func.sum(i.total_minor).label("minor"))
    query = query.join(customers, _OF_MONTH).group_by(*key)
    goes_on = i.outcome.is_(None), i.stage.in_(_GOING_ON), or_(i.stage == Stage.SCHEDULED, i.total_minor > 0)
    query = query.where(
        i.period == period, *goes_on, or_(i.notice_at >= since, i.charge_at >= since), i.import_at < until
    )
    for row in connection.execute(query):
        steps = [(ComingStep.CHARGE if row.has_card else ComingStep.DUE, row.charge_at)]
        if row.stage != Stage.LAST_CALL:
            steps.append((ComingStep.NOTICE, row.notice_at))
        if row.stage == Stage.SCHEDULED:
            steps.append((ComingStep.SALES, row.import_at))
        for step, at in steps:
            yield Coming(step=step, at=at, currency=row.currency, count=row.number, total_minor=row.minor)


def _due(connection: Connection, period: Period) -> Iterator[Coming]:
    """The due dates of bills that were sent."""
    i = invoices.c
    query = select(i.charge_at, i.currency, func.count().label("number"), func.sum(i.total_minor).label("minor"))
    query = query.where(i.period == period, i.stage == Stage.BILLED).group_by(i.charge_at, i.currency)
    for row in connection.execute(query):
        step, at = ComingStep.DUE, row.charge_at
        yield Coming(step=step, at=at, currency=row.currency, count=row.number, total_minor=row.minor)


def _year(totals: Sequence[Any], unpaid: dict[tuple[str, str], int]) -> list[YearSum]:
    sums: dict[tuple[str, str], YearSum] = {}
    for period, currency, stage, minor in totals:
        before = sums.get((period, currency)) or YearSum(period=period, currency=currency)
        name = "skipped_minor" if stage == Stage.SKIPPED else "charged_minor"
        sums[period, currency] = before.evolve(**{name: getattr(before, name) + int(minor)})
    for key, month in sums.items():
        owed_minor = min(int(unpaid.get(key, 0)), month.charged_minor)
        sums[key] = month.evolve(unpaid_minor=owed_minor, charged_minor=month.charged_minor - owed_minor)
    return [sums[key] for key in sorted(sums)]
