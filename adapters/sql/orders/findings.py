"""What coverage asks about orders: counted from the journal anew, not from what is kept for lists."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlalchemy import (
    ColumnElement,
    Connection,
    Exists,
    Row,
    ScalarSelect,
    Select,
    and_,
    case,
    exists,
    func,
    or_,
    select,
    text,
)

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.errors import unfit
from adapters.sql.orders.rows import OF_ORDERS, ORDER, ORDERS, RELEASE, UNPAID, as_order, releases_of
from adapters.sql.schema.journal import journal_entries, transactions
from adapters.sql.schema.orders import ORDER_IS_OPEN
from billing.apart import Failed
from billing.receivables.journal import AccountKind
from orders.order import Order, OrderStanding, ReleaseKind

_E, _T = journal_entries.c, transactions.c
_RECEIVABLE = case((_E.kind == AccountKind.RECEIVABLE, _E.amount_minor), else_=0)
_MONEY = (
    select(
        ORDER.number.label("number"),
        func.coalesce(func.sum(_E.amount_minor), 0).label("unpaid"),
        func.coalesce(func.sum(_RECEIVABLE), 0).label("owed"),
        func.max(_T.at).label("moved_at"),
    )
    .join(
        journal_entries,
        (_E.customer_id == ORDER.customer_id)
        & _E.kind.in_(UNPAID)
        & OF_ORDERS
        & (_E.subject == ORDER.number)
        & (_E.currency == ORDER.currency),
    )
    .join(transactions, _T.number == _E.number)
    .group_by(ORDER.number)
)
_IS_OPEN = text(ORDER_IS_OPEN)
_PAGE = 500
_OPEN_NAMES = select(ORDER.opened_at, ORDER.number).where(_IS_OPEN).order_by(ORDER.opened_at, ORDER.number)


def _owed(*kinds: AccountKind) -> ScalarSelect[int]:
    """What these accounts have of an order, by the journal: a look-up in its covering index."""
    of_order = _E.customer_id == ORDER.customer_id, OF_ORDERS, _E.subject == ORDER.number, _E.currency == ORDER.currency
    return select(func.coalesce(func.sum(_E.amount_minor), 0)).where(_E.kind.in_(kinds), *of_order).scalar_subquery()


def _is_released(kind: ReleaseKind) -> Exists:
    return exists().where(RELEASE.number == ORDER.number, RELEASE.kind == kind)


_PART = case((ORDER.price_minor > ORDER.tolerance_minor, ORDER.price_minor - 1), else_=ORDER.tolerance_minor)
_ENOUGH = case((_is_released(ReleaseKind.PRODUCTION), ORDER.tolerance_minor), else_=_PART)
_MAYBE_UNRELEASED = select(ORDER.number).where(_IS_OPEN, ~_is_released(ReleaseKind.SHIPMENT), _owed(*UNPAID) <= _ENOUGH)
"""Open orders of which the next release may be due: before the first, a part may be the deposit."""
_MAYBE_UNPAID = select(ORDER.number).where(
    _is_released(ReleaseKind.PRODUCTION), _owed(AccountKind.RECEIVABLE) > ORDER.tolerance_minor
)
"""Orders of which more is owed than the last release allows; the first one may allow it."""


class _Found(NamedTuple):
    order: Order
    unpaid_minor: int
    owed_minor: int
    moved_at: datetime

    @property
    def standing(self) -> OrderStanding:
        given_up_minor = self.unpaid_minor - self.owed_minor
        return OrderStanding(order=self.order, owed_minor=self.unpaid_minor, given_up_minor=given_up_minor)


class SqlOrderFindings(SqlDatabase):
    """The part of ``SqlLedger`` that says which orders are not as they should be."""

    @in_thread
    def paid_unreleased(self, before: datetime, failed: list[Failed]) -> list[OrderStanding]:
        with self._looking("look for orders that are paid and not released") as connection:
            return [
                found.standing
                for found in _among(connection, failed, _MAYBE_UNRELEASED)
                if found.moved_at < before and next(found.order.paid_releases(found.unpaid_minor), None)
            ]

    @in_thread
    def released_unpaid(self, failed: list[Failed]) -> list[OrderStanding]:
        with self._looking("look for orders that are released and not paid") as connection:
            return [
                found.standing
                for found in _among(connection, failed, _MAYBE_UNPAID)
                if any(found.order.missing_minor(each.kind, found.owed_minor) for each in found.order.releases)
            ]

    async def open_orders(self, failed: list[Failed]) -> AsyncIterator[list[OrderStanding]]:
        query = _OPEN_NAMES.limit(_PAGE)
        while names := await self.run(partial(self._names, query)):
            yield await self.run(partial(self._standings, [name.number for name in names], failed))
            last = names[-1]
            is_later = and_(ORDER.opened_at == last.opened_at, ORDER.number > last.number)
            query = _OPEN_NAMES.where(or_(ORDER.opened_at > last.opened_at, is_later)).limit(_PAGE)

    def _names(self, query: Select[*tuple[Any, ...]]) -> Sequence[Row[Any]]:
        with self._reading("list open orders") as connection:
            return connection.execute(query).all()

    def _standings(self, numbers: list[str], failed: list[Failed]) -> list[OrderStanding]:
        with self._looking("read open orders") as connection:
            found = _found(connection, failed, ORDER.number.in_(numbers))
            return [each.standing for each in found]


def _among(connection: Connection, failed: list[Failed], query: Select[Any]) -> Iterator[_Found]:
    """The orders that the query names, with their money, the oldest first."""
    names = connection.scalars(query.order_by(ORDER.opened_at, ORDER.number)).all()
    for start in range(0, len(names), _PAGE):
        yield from _found(connection, failed, ORDER.number.in_(names[start : start + _PAGE]))


def _found(connection: Connection, failed: list[Failed], which: ColumnElement[bool]) -> Iterator[_Found]:
    """These orders with their money. One that cannot be read is added to ``failed``."""
    rows = connection.execute(ORDERS.where(which).order_by(ORDER.opened_at, ORDER.number)).mappings().all()
    money = {row["number"]: row for row in connection.execute(_MONEY.where(which)).mappings()}
    released = releases_of(connection, [row["number"] for row in rows])
    for row in rows:
        try:
            order = as_order(row, released.get(row["number"], ()))
        except ValidationError as error:
            failed.append(Failed(customer_id=row["customer_id"], reason=f"order {row['number']}: {unfit(error)}"))
            continue
        if moved := money.get(order.number):
            yield _Found(order, int(moved["unpaid"]), int(moved["owed"]), moved["moved_at"])
