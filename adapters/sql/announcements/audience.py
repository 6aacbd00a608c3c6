"""Whom an audience has: connected accounts, and the number and time zone of each. All of it in the database."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, distinct, exists, false, func, or_, select, true

from adapters.sql.schema.billers import service_accounts, service_tags
from adapters.sql.schema.months import customers
from adapters.sql.schema.services import tasks
from adapters.sql.subscribers.changes import A
from billing.announcements.announcement import PAGE
from billing.announcements.audience import Audience, Reach
from billing.customers.erasure import ERASED_PHONE
from billing.subscribers.service import ServiceState
from billing.tasks.task import TaskKind

_CONNECTED = A.state.in_((ServiceState.ACTIVE, ServiceState.LIMITED, ServiceState.SUSPENDED))
_OF_CUSTOMER = customers.c.customer_id == A.customer_id
_KNOWN = service_accounts.outerjoin(customers, _OF_CUSTOMER)
_IS_DOUBTED = exists().where(
    tasks.c.customer_id == A.customer_id, tasks.c.kind == TaskKind.NO_WORKING_NUMBER, tasks.c.ended_at.is_(None)
)


def concerned(audience: Audience, timezone: str) -> Select[*tuple[Any, ...]]:
    """Account, customer, number, time zone and page of each account that is concerned.

    A customer has one number: its own, else the least of those of its accounts that are concerned. A number has one
    time zone, whoever shares it. A page has ``PAGE`` numbers of one zone, and all accounts of each.
    """
    phone = func.coalesce(_number(customers.c.phone), func.min(_number(A.phone)).over(partition_by=A.customer_id))
    zone = func.coalesce(customers.c.timezone, timezone)
    given = (
        select(A.number.label("account"), A.customer_id, phone.label("recipient"), zone.label("timezone"))
        .select_from(_KNOWN)
        .where(_CONNECTED, customers.c.closed_at.is_(None), _matches(audience))
        .subquery()
    )
    one_zone = func.min(given.c.timezone).over(partition_by=given.c.recipient).label("timezone")
    placed = select(given.c.account, given.c.customer_id, given.c.recipient, one_zone).subquery()
    rank = func.dense_rank().over(partition_by=placed.c.timezone, order_by=placed.c.recipient)
    return select(*placed.c, ((rank - 1) // PAGE).label("page"))


def reach(connection: Connection, audience: Audience, timezone: str) -> Reach:
    found = concerned(audience, timezone).subquery()
    is_doubted = select(func.count(distinct(A.customer_id))).where(A.number.in_(select(found.c.account)), _IS_DOUBTED)
    everybody = select(func.count()).select_from(_KNOWN).where(_CONNECTED, customers.c.closed_at.is_(None))
    counted = select(
        func.count(),
        func.count(distinct(found.c.customer_id)),
        func.count(distinct(case((found.c.recipient.is_(None), found.c.customer_id)))),
    ).select_from(found)
    zones = (
        select(found.c.timezone, func.count(distinct(found.c.recipient)))
        .where(found.c.recipient.is_not(None))
        .group_by(found.c.timezone)
    )
    accounts, persons, without_number = connection.execute(counted).one()
    listed = set(connection.scalars(select(found.c.account))) if audience.accounts else set[str]()
    return Reach(
        accounts=accounts,
        all_accounts=connection.scalar(everybody) or 0,
        customers=persons,
        without_number=without_number,
        doubtful=connection.scalar(is_doubted) or 0,
        texts={row[0]: row[1] for row in connection.execute(zones)},
        unknown=tuple(sorted(set(audience.accounts) - listed))[:100],
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
