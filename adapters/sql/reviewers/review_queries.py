"""Queries of the reviewers' pages: totals, what needs a person, pages of the list of invoices.

Lists are filtered, sorted and counted by indexes alone. Only the rows on the page are read: each holds a whole month.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    RowMapping,
    Select,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
)

from adapters.sql.core.database import as_models, in_thread
from adapters.sql.core.statements import OF_ACCOUNT
from adapters.sql.reviewers.audit import SqlAudit
from adapters.sql.schema.months import INVOICE_NEEDS, collections, customers, debts, invoices
from adapters.sql.schema.reviewers import brakes
from billing.collections.stages import CollectionStage
from billing.invoices.month import Month
from billing.invoices.stages import Stage, stop_of
from billing.period import Period
from billing.reviewers.queries import (
    PAGE_ROWS,
    ActionNeeded,
    InvoiceFilter,
    InvoiceListRow,
    ReviewedVersion,
    Sort,
    StageTotal,
)

NEED_PERSON = [stage for stage in CollectionStage if stage.needs_person]
_IN_NEED = text(INVOICE_NEEDS)
_OWED_NEEDS = "the collection needs a person"
_MANY = 500  # values in one query


class SqlReviewQueries(SqlAudit):
    """``MonthOverview`` and ``InvoiceList`` of ``billing.reviewers.queries`` in SQL, and the months on record."""

    @in_thread
    def current_period(self) -> Period | None:
        newest = select(func.max(invoices.c.period))
        begun = newest.where(invoices.c.stage != Stage.SCHEDULED)
        with self._reading("find its current month") as connection:
            period = connection.scalar(begun) or connection.scalar(newest)
            return Period(period) if period else None

    @in_thread
    def periods(self) -> list[Period]:
        with self._reading("list its months") as connection:
            first = connection.scalar(select(func.min(invoices.c.period)))
            last = connection.scalar(select(func.max(invoices.c.period)))
        periods = [Period(last)] if last else []
        while periods and periods[-1] > first:
            periods.append(periods[-1].previous())
        return periods

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
    def needs(self, period: Period, limit: int, first: Sequence[str] = ()) -> list[ActionNeeded]:
        shared = (customers.c.customer_id, customers.c.name, customers.c.timezone)
        i, d = invoices.c, debts.c
        months = select(*shared, i.stage, i.currency, i.total_minor.label("amount_minor"), i.next_at, i.needs)
        months = months.add_columns((i.version > 0).label("drafted"))
        months = months.join(invoices, i.customer_id == customers.c.customer_id)
        months = months.where(i.period == period, i.outcome.is_(None))
        owed = select(*shared, d.stage, d.currency, d.outstanding_minor.label("amount_minor"), d.next_at)
        owed = owed.join(debts, d.customer_id == customers.c.customer_id)
        owed = owed.where(*_owed_in_need(period))
        urgent = months.where(i.customer_id.in_(first[:limit])).order_by(i.customer_id)
        months = months.where(_IN_NEED, i.customer_id.not_in(first[:limit]))
        months = months.order_by(i.next_at.asc().nulls_first(), i.customer_id).limit(limit)
        owed = owed.add_columns(literal(_OWED_NEEDS).label("needs"), literal(True).label("collecting"))
        owed = owed.order_by(d.next_at.asc().nulls_first(), d.customer_id).limit(limit)
        with self._reading(f"list what needs a person in {period}") as connection:
            before, open_months, collecting = (
                as_models(ActionNeeded, connection.execute(query).mappings()) for query in (urgent, months, owed)
            )
        return [*before, *sorted([*open_months, *collecting], key=_urgency)][:limit]

    @in_thread
    def pulse(self, period: Period) -> str:
        """A text that differs after every change of the month. It counts revisions, which only grow."""
        with self._reading(f"see whether {period} has changed") as connection:
            counted = select(func.count(), func.sum(invoices.c.revision)).where(invoices.c.period == period)
            owed = select(func.count(), func.sum(collections.c.revision))
            owed = owed.select_from(debts).join(collections, OF_ACCOUNT)
            counts: list[Any] = [*connection.execute(counted).one()]
            counts += connection.execute(owed.where(debts.c.period == period)).one()
            counts += connection.execute(select(func.count(), func.count(brakes.c.released_at))).one()
        return "-".join(str(count or 0) for count in counts)

    # -- the list

    @in_thread
    def count(self, wanted: InvoiceFilter) -> int:
        with self._reading(f"count in {wanted.period}") as connection:
            return connection.scalar(_matching(wanted, func.count())) or 0

    @in_thread
    def rows(self, wanted: InvoiceFilter, page: int) -> list[InvoiceListRow]:
        order = _order(wanted)
        chosen = _matching(wanted, invoices.c.customer_id).order_by(*order)
        chosen = chosen.limit(PAGE_ROWS).offset((page - 1) * PAGE_ROWS)
        columns: dict[str, Any] = {name: customers.c[name] for name in ("customer_id", "name", "email", "timezone")}
        owed = exists().where(debts.c.customer_id == invoices.c.customer_id, *_owed_in_need(wanted.period))
        columns["needs"] = case((owed, _OWED_NEEDS), else_=invoices.c.needs).label("needs")
        query = select(*({**invoices.c, **columns}[name] for name in InvoiceListRow.model_fields))
        query = query.join(invoices, invoices.c.customer_id == customers.c.customer_id)
        query = query.where(invoices.c.period == wanted.period, invoices.c.customer_id.in_(chosen.scalar_subquery()))
        with self._reading(f"list {wanted.period}") as connection:
            return [_row(dict(row)) for row in connection.execute(query.order_by(*order)).mappings()]

    @in_thread
    def seen(self, wanted: InvoiceFilter) -> list[ReviewedVersion]:
        with self._reading(f"list {wanted.period}") as connection:
            query = _matching(wanted, *_seen_columns()).order_by(invoices.c.customer_id)
            return [_as_seen(row) for row in connection.execute(query).mappings()]

    @in_thread
    def open_among(self, period: Period, customer_ids: Sequence[str]) -> set[str]:
        is_open = invoices.c.outcome.is_(None)
        with self._reading(f"look at {period}") as connection:
            return {
                customer_id
                for part in _parts(period, customer_ids)
                for customer_id in connection.scalars(select(invoices.c.customer_id).where(*part, is_open))
            }

    @in_thread
    def now_of(self, period: Period, customer_ids: Sequence[str]) -> dict[str, ReviewedVersion]:
        with self._reading(f"look at {period}") as connection:
            return {
                row["customer_id"]: _as_seen(row)
                for part in _parts(period, customer_ids)
                for row in connection.execute(select(*_seen_columns()).where(*part)).mappings()
            }

    @in_thread
    def months_of(self, period: Period, customer_ids: Sequence[str]) -> list[Month]:
        with self._reading(f"read months of {period}") as connection:
            return [
                Month.model_validate(state)
                for part in _parts(period, customer_ids)
                for state in connection.scalars(select(invoices.c.state).where(*part))
            ]


def _parts(period: Period, customer_ids: Sequence[str]) -> Iterator[tuple[ColumnElement[bool], ColumnElement[bool]]]:
    """The conditions for the invoices of these customers, some hundred in one query."""
    for start in range(0, len(customer_ids), _MANY):
        yield invoices.c.period == period, invoices.c.customer_id.in_(customer_ids[start : start + _MANY])


def _seen_columns() -> list[ColumnElement[Any]]:
    return [invoices.c["needs" if name == "stop" else name] for name in ReviewedVersion.model_fields]


def _as_seen(row: RowMapping) -> ReviewedVersion:
    values: dict[str, Any] = dict(row)
    return ReviewedVersion.model_validate(values | {"stop": stop_of(values.pop("needs"))})


def _matching(wanted: InvoiceFilter, *columns: Any) -> Select[Any]:
    """A query of ``columns`` of the matching invoices."""
    c = invoices.c
    where: list[ColumnElement[bool]] = [c.period == wanted.period]
    if wanted.stage is not None:
        where.append(c.stage == wanted.stage)
    if wanted.currency:
        where.append(c.currency == wanted.currency)
    if wanted.flag is not None:
        where.append(c.flags.like(f"%|{wanted.flag}|%"))
    if wanted.needs:
        needed = c.customer_id.in_(_in_need(wanted.period))
        where.append(or_(needed, c.customer_id.in_(wanted.first)) if wanted.first else needed)
    query = select(*columns).select_from(invoices)
    if wanted.search:
        names = tuple(customers.c[name] for name in ("customer_id", "name", "email", "phone"))
        query = query.join(customers, customers.c.customer_id == c.customer_id)
        where.append(or_(*(name.icontains(wanted.search, autoescape=True) for name in names)))
    return query.where(*where)


def _in_need(period: Period) -> CompoundSelect[Any]:
    """The customers whose month or debt needs a person."""
    months = invoices.alias("months")
    open_months = select(months.c.customer_id).where(months.c.period == period, _IN_NEED, months.c.outcome.is_(None))
    return union_all(open_months, select(debts.c.customer_id).where(*_owed_in_need(period)))


def _owed_in_need(period: Period) -> list[ColumnElement[bool]]:
    c = debts.c
    return [c.period == period, c.stage.in_(NEED_PERSON), c.outcome.is_(None)]


def _urgency(need: ActionNeeded) -> tuple[float, str]:
    """Sorts as the queries do: what has no next instant comes first."""
    return need.next_at.timestamp() if need.next_at else float("-inf"), need.customer_id


def _order(wanted: InvoiceFilter) -> list[ColumnElement[Any]]:
    """The chosen order; rows without a value for it always come last."""
    c = invoices.c
    key: ColumnElement[Any] = {
        Sort.CUSTOMER: c.customer_id,
        Sort.STAGE: case({stage: number for number, stage in enumerate(Stage)}, value=c.stage, else_=len(Stage)),
        Sort.AMOUNT: c.total_minor,
        Sort.CHANGE: _change(),
        Sort.NEXT: c.next_at,
    }[wanted.sort]
    directed = key.desc().nulls_last() if wanted.descending else key.asc().nulls_first()
    first: dict[Sort, ColumnElement[Any]] = {
        Sort.AMOUNT: c.currency,  # amounts of different currencies cannot be compared
        Sort.CHANGE: key.is_(None),
        Sort.NEXT: c.outcome.is_not(None),  # an open month without an instant is due now
    }
    groups = [first[wanted.sort]] if wanted.sort in first else []
    if wanted.first:
        groups.insert(0, c.customer_id.not_in(wanted.first))
    return [*groups, directed] if wanted.sort is Sort.CUSTOMER else [*groups, directed, c.customer_id]


def _change() -> ColumnElement[Any]:
    """The absolute value of ``InvoiceListRow.change``."""
    c = invoices.c
    usual = case((c.version > 0, func.nullif(c.usual_minor, 0)), else_=None)
    return func.abs((c.total_minor - c.carried_minor - usual) * literal(1.0) / func.abs(usual))


def _row(values: dict[str, Any]) -> InvoiceListRow:
    return InvoiceListRow.model_validate(values | {"flags": [flag for flag in values["flags"].split("|") if flag]})
