"""The outbox of events: written with the money that they tell of, claimed by one process at a time, kept 90 days."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from adapters.sql.core.columns import UtcInstant
from adapters.sql.core.database import EVENTS, NEWS, SqlDatabase, ahead, as_models, in_thread
from adapters.sql.core.statements import lock, where_given
from adapters.sql.schema.journal import outgoing_events
from billing.apart import Failed
from billing.errors import NotFound
from billing.events.event import Destination, Event, OutgoingEvent
from billing.reviewers.brake import Brake

KEPT = timedelta(days=90)
"""How long a delivered event can be listed and resent."""
_PAGE = 500
_FORGOTTEN_AT_ONCE = 200  # with a delivery, once a second, so that no timer is needed, and none takes long
_FORGET_EVERY = timedelta(seconds=1)
_O = outgoing_events.c
_EVENT = [_O[name] for name in OutgoingEvent.model_fields]
_IS_OPEN = _O.done_at.is_(None)
_IS_THERE = _O.destination == bindparam("destination")
_AMONG = _O.destination.in_(bindparam("destinations", expanding=True))
_OLDEST = select(func.min(_O.number)).where(_IS_OPEN, _AMONG).group_by(_O.destination, _O.lane)
_NOW = bindparam("now", type_=UtcInstant)
_HAS_COME = [or_(column.is_(None), column <= _NOW) for column in (_O.next_at, _O.claimed_until)]
_IS_DUE = and_(_O.number.in_(_OLDEST.scalar_subquery()), *_HAS_COME)  # the oldest of its lane, which nobody delivers
_DUE = select(_O.destination).where(_IS_DUE).distinct()
_FIRST_DUE = select(_O.number).where(_IS_DUE).order_by(_O.number).limit(bindparam("most"))
_UNTIL = bindparam("until", type_=UtcInstant)
_CLAIM = (
    update(outgoing_events)
    .where(_O.number.in_(_FIRST_DUE.scalar_subquery()))
    .values(claimed_until=_UNTIL)
    .returning(*_EVENT)
)
_INSERT = insert(outgoing_events)
_DONE = {"done_at": bindparam("at"), "tries": _O.tries + 1, "fault": None, "next_at": None, "claimed_until": None}
_IS_OURS = or_(_O.destination != Destination.PRODUCTION, _O.claimed_until == bindparam("claim", type_=UtcInstant))
_FINISH = update(outgoing_events).where(_O.number == bindparam("of"), _IS_OPEN, _IS_OURS).values(_DONE)
_WAITS = (
    select(_O.number)
    .where(_IS_OPEN, _IS_THERE, _O.lane == bindparam("lane"), _O.claimed_until.is_(None))
    .limit(1)
    .with_for_update()
)
_OUTLIVED = (
    select(_O.number)
    .where(_O.done_at.is_not(None), _O.done_at < bindparam("forgotten"))
    .order_by(_O.done_at)
    .limit(_FORGOTTEN_AT_ONCE)
    .with_for_update(skip_locked=True)
)
_FORGET = delete(outgoing_events).where(_O.number.in_(_OUTLIVED.scalar_subquery()))


class SqlOutbox(SqlDatabase):
    """The part of ``SqlLedger`` about events; it delivers to the destinations that it was connected with."""

    _forgot_at: datetime | None = None

    @ahead
    def destinations_due(self, among: Collection[Destination], now: datetime) -> set[Destination]:
        with self._reading("look for events to deliver") as connection:  # without a lock, for it is asked all the time
            due = connection.scalars(_DUE, {"destinations": list(among), "now": now})
            return set(map(Destination, due))

    @ahead
    def claim_events(
        self,
        destination: Destination,
        now: datetime,
        until: datetime,
        limit: int,
        failed: list[Failed] | None = None,
    ) -> list[OutgoingEvent]:
        due = {"destinations": [destination], "now": now, "most": limit, "until": until}
        with self._writing("claim events") as connection:
            lock(connection, outgoing_events.name)
            claimed = connection.execute(_CLAIM, due).mappings().all()  # also what cannot be read: others come next
        return as_models(OutgoingEvent, sorted(claimed, key=itemgetter("number")), failed, "event_id")

    @ahead
    def events_are_done(self, events: Sequence[OutgoingEvent], at: datetime) -> None:
        """The destinations have taken the events, even if another process has claimed them since.

        A release counts only if it was not sent again meanwhile: then it is still to be delivered. Events that were
        delivered long ago are deleted with them.
        """
        with self._writing("record the delivery of events") as connection:
            finish(connection, events, at)
            if self._forgot_at is None or abs(at - self._forgot_at) >= _FORGET_EVERY:
                connection.execute(_FORGET, {"forgotten": at - KEPT})
                self._forgot_at = at

    @in_thread
    def event_has_failed(self, event: OutgoingEvent, fault: str, next_at: datetime) -> None:
        """The event is to be tried again at ``next_at``; no effect if another process has claimed it since."""
        is_ours = _O.number == event.number, _IS_OPEN, _O.claimed_until == event.claimed_until
        changes = {"tries": _O.tries + 1, "fault": fault, "next_at": next_at, "claimed_until": None}
        with self._writing(f"record the fault of event {event.event_id}") as connection:
            connection.execute(update(outgoing_events).where(*is_ours).values(changes))

    @in_thread
    def resend_event(self, event_id: str) -> None:
        """Has the event delivered now, even if it was delivered before. Raises ``NotFound``."""
        with self._writing(f"resend event {event_id}") as connection:
            if not send_again(connection, event_id):
                raise NotFound(f"there is no event {event_id}; see: python starter.py events list")

    async def outgoing_events(
        self, undelivered_only: bool = False, customer_id: str | None = None
    ) -> AsyncIterator[list[OutgoingEvent]]:
        """The events that match everything given, newest first, in pages."""
        where = where_given(outgoing_events, customer_id=customer_id) + ([_IS_OPEN] if undelivered_only else [])
        query = select(*_EVENT).where(*where).order_by(_O.number.desc()).limit(_PAGE)
        while page := await self.run(partial(self._events_page, query)):
            yield page
            query = query.where(_O.number < page[-1].number)

    def _events_page(self, query: Select[*tuple[Any, ...]]) -> list[OutgoingEvent]:
        with self._reading("list its events") as connection:
            return as_models(OutgoingEvent, connection.execute(query).mappings())


def put_events(connection: Connection, destination: Destination, events: Iterable[Event], lane: str = "") -> None:
    """Puts events into the outbox, in the transaction of the money that they tell of.

    What fails holds back the later events of its ``lane``; "": of its customer.
    """
    rows = [
        {
            "event_id": event.id,
            "destination": destination,
            "type": event.type,
            "customer_id": event.customer_id,
            "lane": lane or event.customer_id or "",
            "payload": event.model_dump(mode="json"),
            "created_at": event.created_at,
            "tries": 0,
        }
        for event in events
    ]
    if rows:
        connection.execute(_INSERT, rows)
        connection.info[NEWS].add(EVENTS)


def tell_once(connection: Connection, destination: Destination, event: Event, lane: str) -> None:
    """As ``put_events``, for a destination that is told how its lane stands when it is told: an event that waits, and
    that nobody delivers yet, tells of this one too.
    """
    waiting = connection.scalar(_WAITS, {"destination": destination, "lane": lane})  # whoever claims it waits for us
    if waiting is None:
        put_events(connection, destination, [event], lane)


def finish(connection: Connection, events: Iterable[OutgoingEvent], at: datetime) -> None:
    """The events are done; no effect on those that are done already, nor on a release that was sent again meanwhile."""
    ours = ({"of": event.number, "claim": event.claimed_until, "at": at} for event in events)
    connection.execute(_FINISH, sorted(ours, key=itemgetter("of")))


def send_again(connection: Connection, event_id: str, destination: Destination | None = None) -> bool:
    """Has an event delivered now, even if it was before, to its destinations or this one; False if there is none."""
    is_it = [_O.event_id == event_id, *([_O.destination == destination] if destination else [])]
    connection.info[NEWS].add(EVENTS)
    anew = {"done_at": None, "next_at": None, "claimed_until": None}
    return bool(connection.execute(update(outgoing_events).where(*is_it).values(anew)).rowcount)


def backlog(
    connection: Connection, destinations: Collection[Destination], brake: Brake | None
) -> tuple[int, datetime | None]:
    """How many events wait for these destinations, and since when.

    What the brake holds is no backlog; what it has held is one since its release. ``brake``: the last pull. Nor are
    texts that wait for contact hours: coverage finds whoever is told too late.
    """
    resting = {Destination.ANNOUNCEMENT, *([Destination.PRODUCTION] if brake is not None and brake.on else [])}
    going = [each for each in destinations if each not in resting]
    since: ColumnElement[Any] = _O.created_at
    if brake is not None and brake.released_at is not None:
        was_held = and_(_O.destination == Destination.PRODUCTION, _O.created_at < brake.released_at)
        since = case((was_held, literal(brake.released_at, UtcInstant)), else_=since)
    waiting = select(func.count(), func.min(since, type_=UtcInstant)).where(_IS_OPEN, _O.destination.in_(going))
    count, oldest = connection.execute(waiting).one()
    return count, oldest
