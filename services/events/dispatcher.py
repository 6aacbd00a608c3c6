"""Delivers the events of the outbox: at least once, in order for each customer, for as long as it takes.

An event that fails holds back the later ones of its customer, and nobody else's; nor does a slow receiver hold up
another destination. What is told of an order is in order for each order instead. What this process has written itself
is delivered at once. Worker and console both run a dispatcher; each claims what it delivers for a while. What a killed
process had claimed is delivered by another one after that: receivers know a copy by its id.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from functools import partial

from billing.apart import Failed, why
from billing.errors import BillingError, OutsideContactHours
from billing.events.event import OVERDUE, Destination, EventType, OutgoingEvent, pause
from billing.events.ports import EventOutbox, EventSender
from billing.reviewers.alerts import of_backlog
from services.alerts import Alerts
from services.background import running
from services.effects import log_effect
from services.events.finisher import EventFinisher

CLAIM = timedelta(minutes=1)
"""How long a process has an event to itself: longer than a delivery takes."""
POLL = timedelta(seconds=1)
"""How often to look: another process may have written events, or have been killed."""
_POLL_SECONDS_MAX = 30.0  # while the ledger cannot be read
_AT_ONCE = 20  # for each destination
_CLAIMED_LEAST = 10  # a claim reads the whole backlog, and locks it: not for one event alone
_GRACE_SECONDS = 3.0
_OF_ACCOUNTS = frozenset(type for type in EventType if type.startswith("service."))
_LAST_SECONDS = 0.5  # an event that waits tells of later changes, too

_log = logging.getLogger(__name__)


class EventDispatcher:
    """``senders`` by destination; without any, nothing runs. ``pause`` follows the n-th failure of an event.

    What is ``held`` is not claimed, so it goes out at once when it no longer is. Who is told ``last`` waits a moment
    while anybody else is being told.
    """

    def __init__(
        self,
        outbox: EventOutbox,
        senders: Mapping[Destination, EventSender],
        alerts: Alerts,
        claim: timedelta = CLAIM,
        pause: Callable[[int], timedelta] = pause,
        poll: timedelta = POLL,
        held: Mapping[Destination, Callable[[], Awaitable[bool]]] | None = None,
        last: Collection[Destination] = (),
    ) -> None:
        self._outbox = outbox
        self._finisher = EventFinisher(outbox)
        self._senders = senders
        self._alerts = alerts
        self._held = held or {}
        self._last = last
        self._told_last_at = 0.0  # by the event loop's clock
        self._claim = claim
        self._pause = pause
        self._poll_seconds = poll.total_seconds()
        self._news = asyncio.Event()
        self._alert_news = asyncio.Event()
        self._in_work: dict[Destination, set[asyncio.Task[None]]] = {destination: set() for destination in senders}
        self._told_on: date | None = None  # people hear of a backlog once a day

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Delivers until the block ends; deliveries that have begun may then take a few seconds to end."""
        if not self._senders:
            yield
            return
        loop = asyncio.get_running_loop()
        self._outbox.watch_events(lambda: _tell(loop, self._news))
        self._outbox.watch_alerts(lambda: _tell(loop, self._alert_news))
        try:
            async with running(self._work(), self._tell_people()):
                yield
        finally:
            if in_work := set().union(*self._in_work.values()):
                _, unfinished = await asyncio.wait(in_work, timeout=_GRACE_SECONDS)
                for delivery in unfinished:
                    delivery.cancel()

    async def _work(self) -> None:
        failures = 0
        while True:
            self._news.clear()
            try:
                await self._begin()
                failures = 0
            except Exception as error:  # of any kind: the next look reads again
                failures += 1
                _log.warning("the outbox of events cannot be read: %s", error or type(error).__name__)
            wait_seconds = min(self._poll_seconds * 2 ** min(failures, 10), _POLL_SECONDS_MAX)
            with suppress(TimeoutError):  # not wait_for, which before Python 3.12 may swallow a cancellation
                async with asyncio.timeout(wait_seconds):
                    await self._news.wait()

    async def _tell_people(self) -> None:
        """Wakes the digest for alerts that this process has written with what they are about."""
        failures = 0
        while True:
            await self._alert_news.wait()
            self._alert_news.clear()
            try:
                await self._alerts.resume()
                failures = 0
            except Exception as error:  # of any kind: people hear of it later
                failures += 1
                _log.warning("people cannot be told yet: %s", error or type(error).__name__)
                self._alert_news.set()
                await asyncio.sleep(min(self._poll_seconds * 2 ** min(failures, 10), _POLL_SECONDS_MAX))

    async def _begin(self) -> None:
        """Begins to deliver what is due; each destination has room of its own, so that none waits for another's."""
        able = [each for each, in_work in self._in_work.items() if _AT_ONCE - len(in_work) >= _CLAIMED_LEAST]
        due = await self._outbox.destinations_due(able, datetime.now(UTC)) if able else set()
        for destination in filter(due.__contains__, able):
            is_held = self._held.get(destination)
            if not self._waits(destination) and (is_held is None or not await is_held()):
                await self._claim_and_deliver(destination, self._in_work[destination])

    async def _claim_and_deliver(self, destination: Destination, in_work: set[asyncio.Task[None]]) -> None:
        unread, now = list[Failed](), datetime.now(UTC)
        room = _AT_ONCE - len(in_work)
        events = await self._outbox.claim_events(destination, now, now + self._claim, room, unread)
        for failure in unread:
            _log.warning("event %s cannot be read: %s", failure.customer_id, failure.reason)
        for event in events:
            task = asyncio.create_task(self._deliver(event))
            in_work.add(task)
            task.add_done_callback(partial(self._delivered, in_work))

    def _waits(self, destination: Destination) -> bool:
        """Whether others go first; not for long, for they may never end."""
        if destination not in self._last:
            return False
        now, others = asyncio.get_running_loop().time(), self._in_work.keys() - set(self._last)
        if any(self._in_work[other] for other in others) and now - self._told_last_at < _LAST_SECONDS:
            return True
        self._told_last_at = now
        return False

    def _delivered(self, in_work: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
        in_work.discard(task)
        self._news.set()

    async def _deliver(self, event: OutgoingEvent) -> None:
        """An outcome that cannot be recorded leaves the event claimed; it is delivered again after that."""
        name = f"event {event.event_id}, {event.type} of {event.customer_id or 'nobody'}"
        try:
            fault, retry_after, is_early = await self._sent(event)
            now = datetime.now(UTC)
            if fault is None:
                came = f"{event.type} to {event.destination}, event {event.event_id}, try {event.tries + 1}"
                log_effect(_log, "delivered", event.customer_id, _about(event), came)
                return
            wait = retry_after or self._pause(event.tries + 1)
            _log.warning("%s: again in %g s: %s", name, wait.total_seconds(), fault)
            await self._outbox.event_has_failed(event, fault, now + wait)
            if not is_early and now - event.created_at > OVERDUE and self._told_on != now.date():
                await self._alerts.tell(of_backlog(event.created_at, fault, now))
                self._told_on = now.date()
        except Exception as error:  # of any kind: the others go on
            _log.warning("%s: %s", name, error or type(error).__name__)

    async def _sent(self, event: OutgoingEvent) -> tuple[str | None, timedelta | None, bool]:
        """Why the event could not be handed over (None: it was), and when to try again, if the error says so.

        The last: nothing is wrong, it is only too early for it.
        """
        try:
            is_on_record = await self._senders[event.destination].send(event)
        except BillingError as error:
            return str(error), error.retry_after, isinstance(error, OutsideContactHours)
        except Exception as error:  # a defect of ours: it holds up its customer only
            return why(error), None, False
        if not is_on_record:
            await self._finisher.finish(event)
        return None, None, False


def _tell(loop: asyncio.AbstractEventLoop, news: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the loop has ended: another process delivers
        loop.call_soon_threadsafe(news.set)


def _about(event: OutgoingEvent) -> str:
    """The month or order that it is about; "" for others: an account's number is in no log."""
    if event.type in _OF_ACCOUNTS:
        return ""
    data = event.payload.get("data")
    known = data if isinstance(data, dict) else {}
    return str(next((known[name] for name in ("period", "order", "number") if known.get(name)), ""))
