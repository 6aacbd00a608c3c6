"""Queries of the reviewers' pages: the months on record, pages of the list of invoices.

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
    union_all,
)

from adapters.sql.core.database import as_models, in_thread
from adapters.sql.core.statements import OF_ACCOUNT
from adapters.sql.reviewers.month_overview import IN_NEED, OWED_NEEDS, SqlMonthOverview, owed_in_need, year_before
from adapters.sql.schema.months import collections, customers, debts, invoices
from adapters.sql.schema.reviewers import brakes
from billing.invoices.month import Month
from billing.invoices.ports import InvoiceRow
from billing.invoices.stages import Stage, stop_of
from billing.period import Period
from billing.reviewers.queries import (
    PAGE_ROWS,
    InvoiceFilter,
    InvoiceListRow,
    ReviewedVersion,
    Sort,
)

_MANY = 500  # values in one query


class SqlReviewQueries(SqlMonthOverview):
    """``InvoiceList`` of ``billing.reviewers.queries`` in SQL, and the months on record."""

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
        owed = exists().where(debts.c.customer_id == invoices.c.customer_id, *owed_in_need(wanted.period))
        columns["needs"] = case((owed, OWED_NEEDS), else_=invoices.c.needs).label("needs")
        query = select(*({**invoices.c, **columns}[name] for name in InvoiceListRow.model_fields))
        query = query.join(invoices, invoices.c.customer_id == customers.c.customer_id)
        query = query.where(invoices.c.period == wanted.period, invoices.c.customer_id.in_(chosen.scalar_subquery()))
        with self._reading(f"list {wanted.period}") as connection:
            return [_row(dict(row)) for row in connection.execute(query.order_by(*order)).mappings()]

    @in_thread
    def histories(self, period: Period, customer_ids: Sequence[str]) -> dict[str, list[InvoiceRow]]:
        c, found = invoices.c, dict[str, list[InvoiceRow]]()
        query = select(*(c[name] for name in InvoiceRow.model_fields))
        query = query.where(c.customer_id.in_(customer_ids), c.period.between(year_before(period), period))
        with self._reading(f"read the year up to {period}") as connection:
            for row in as_models(InvoiceRow, connection.execute(query).mappings()):
                found.setdefault(row.customer_id, []).append(row)
        return found

    @in_thread
    def seen(self, wanted: InvoiceFilter) -> list[ReviewedVersion]:
        with self._reading(f"list {wanted.period}") as connection:
            query = _matching(wanted, *_seen_columns()).order_by(invoices.c.customer_id)
            return [_as_seen(row) for row in connection.execute(query).mappings()]

    @in_thread
    def reason_of(self, period: Period, stop: str) -> str | None:
        reasons = select(invoices.c.needs).where(invoices.c.period == period, IN_NEED, invoices.c.outcome.is_(None))
        with self._reading(f"look at {period}") as connection:
            found = connection.scalars(reasons.distinct())
            return next((reason for reason in found if stop_of(reason) == stop), None)

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
    if wanted.reason:
        where += [c.needs == wanted.reason, c.outcome.is_(None)]
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
    open_months = select(months.c.customer_id).where(months.c.period == period, IN_NEED, months.c.outcome.is_(None))
    return union_all(open_months, select(debts.c.customer_id).where(*owed_in_need(period)))


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
