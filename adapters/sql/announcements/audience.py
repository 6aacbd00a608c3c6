"""Whom an audience has: connected accounts, and the number and time zone of each. All of it in the database."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, distinct, false, func, or_, select, true

from adapters.sql.schema.billers import service_accounts, service_tags
from adapters.sql.schema.months import customers
from adapters.sql.schema.services import tasks
from adapters.sql.subscribers.changes import A
from billing.announcements.announcement import PAGE
from billing.announcements.audience import Audience, Reach
from billing.customers.erasure import ERASED_PHONE
from billing.subscribers.service import ServiceState
from billing.tasks.task import TaskKind

_K = tasks.c
_KNOWN = service_accounts.outerjoin(customers, customers.c.customer_id == A.customer_id)
_CONNECTED = A.state.in_((ServiceState.ACTIVE, ServiceState.LIMITED, ServiceState.SUSPENDED))
_IS_SERVED = and_(_CONNECTED, customers.c.closed_at.is_(None))
_EVERYBODY = select(func.count()).select_from(_KNOWN).where(_IS_SERVED)
_IS_DOUBTED = and_(_K.kind == TaskKind.NO_WORKING_NUMBER, _K.ended_at.is_(None))


def concerned(audience: Audience, timezone: str) -> Select[*tuple[Any, ...]]:
    """Account, customer, number, time zone and page of each account that is concerned.

    A page has ``PAGE`` numbers of one zone, and all accounts of each.
    """
    found = _found(audience, timezone).subquery()
    rank = func.dense_rank().over(partition_by=found.c.timezone, order_by=found.c.recipient)
    return select(*found.c, ((rank - 1) // PAGE).label("page"))


def _found(audience: Audience, timezone: str) -> Select[*tuple[Any, ...]]:
    """Account, customer, number and time zone of each account that is concerned.

    A customer has one number: its own, else the least of those of its accounts that are concerned. A number has one
    time zone, whoever shares it.
    """
    phone = func.coalesce(_number(customers.c.phone), func.min(_number(A.phone)).over(partition_by=A.customer_id))
    zone = func.coalesce(customers.c.timezone, timezone)
    given = (
        select(A.number.label("account"), A.customer_id, phone.label("recipient"), zone.label("timezone"))
        .select_from(_KNOWN)
        .where(_IS_SERVED, _matches(audience))
        .subquery()
    )
    one_zone = func.min(given.c.timezone).over(partition_by=given.c.recipient).label("timezone")
    return select(given.c.account, given.c.customer_id, given.c.recipient, one_zone)


def reach(connection: Connection, audience: Audience, timezone: str) -> Reach:
    """A customer has one number, and that one zone: so customers and numbers of the zones add up."""
    found = _found(audience, timezone).subquery()
    by_zone = select(
        *(found.c.timezone, func.count(), func.count(distinct(found.c.customer_id))),
        *(func.count(distinct(found.c.recipient)), found.c.recipient.is_(None).label("is_unknown")),
    ).group_by(found.c.timezone, "is_unknown")
    matching = select(A.customer_id).select_from(_KNOWN).where(_IS_SERVED, _matches(audience))
    doubted = select(func.count(distinct(_K.customer_id))).where(_IS_DOUBTED, _K.customer_id.in_(matching))
    zones = connection.execute(by_zone).all()
    listed = select(A.number).select_from(_KNOWN).where(_IS_SERVED, A.number.in_(audience.accounts))
    known = set(connection.scalars(listed)) if audience.accounts else set[str]()
    return Reach(
        accounts=sum(accounts for _, accounts, *_ in zones),
        all_accounts=connection.scalar(_EVERYBODY) or 0,
        customers=sum(persons for _, _, persons, *_ in zones),
        without_number=sum(persons for _, _, persons, _, is_unknown in zones if is_unknown),
        doubtful=connection.scalar(doubted) or 0,
        texts={zone: numbers for zone, _, _, numbers, is_unknown in zones if not is_unknown},
        unknown=tuple(sorted(set(audience.accounts) - known))[:100],
    )


def _number(phone: ColumnElement[Any]) -> ColumnElement[Any]:
    """None for what an erasure has left."""
    return case((and_(phone.like("+%"), phone != ERASED_PHONE), phone))


def _matches(audience: Audience) -> ColumnElement[bool]:
    if audience.everybody:
        return true()
    tagged = select(service_tags.c.number).where(service_tags.c.tag.in_(audience.tags))
    return or_(
        false(),
        *([A.node.in_(audience.nodes)] if audience.nodes else []),
        *([A.number.in_(tagged)] if audience.tags else []),
        *([A.number.in_(audience.accounts)] if audience.accounts else []),
        *(A.address_key.contains(key, autoescape=True) for key in audience.address_keys),
    )
