"""Stores the events of webhooks, and handles each after the answer, again and again until it succeeds.

Events come in any order, twice, and days late. So none is believed: its payment or card registration is looked up, and
the answer is what counts. Events that wait for one look-up share it. An event that fails for days is given up, with an
alert to the reviewers.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

from temporalio.exceptions import TemporalError

from activities.reconciliation import Reconciler
from billing.apart import Failed
from billing.errors import BillingError, CardMissing, InvalidInput, NotFound
from billing.payments.payment import PaymentEvent
from billing.payments.ports import EventInbox, EventRow
from billing.reviewers.alerts import of_lost_event
from clients.cards import Cards
from services.alerts import Alerts
from services.background import running
from services.gateways.gateway import Gateway
from services.gateways.reader import GATEWAY_ATTEMPT, GATEWAY_RETURNED

CARD_REGISTERED = "checkout.session.completed"
CARD_UPDATED = "payment_method.automatically_updated"
IGNORED = "ignored"
_OF_GATEWAYS = (GATEWAY_ATTEMPT, GATEWAY_RETURNED)
GIVEN_UP_AFTER = timedelta(days=3)
"""Stripe sends an event that it cannot deliver for as long."""

_PAGE = 100  # events looked at together, beside those in work
_AT_ONCE = 4  # charging needs Stripe's rate limit more
_HANDLE_SECONDS = 60.0
_FIRST_PAUSE_SECONDS = 1.0
_PAUSE_SECONDS_MAX = 60.0
_SWEEP_SECONDS = 30.0  # another console may have died between storing and handling
_HOPELESS = (CardMissing, InvalidInput, NotFound)

_log = logging.getLogger(__name__)


class Inbox:
    """``gateways`` by rail: their events name an attempt to pay, which is looked up there."""

    def __init__(
        self,
        ledger: EventInbox,
        reconciliation: Reconciler,
        cards: Cards,
        alerts: Alerts,
        gateways: Mapping[str, Gateway] | None = None,
    ) -> None:
        self._ledger = ledger
        self._alerts = alerts
        self._reconciliation = reconciliation
        self._cards = cards
        self._gateways = gateways or {}
        self._news = asyncio.Event()
        self._in_work: dict[str, int] = {}  # by subject: how many events
        self._failures: Counter[str] = Counter()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def put(self, event: PaymentEvent, now: datetime) -> bool:
        """Stores the event; False if it was stored before. Raises ``LedgerUnavailable``."""
        new = await self._ledger.save_event(event, now)
        if new and not _concerns_us(event.type, event.payment_id):
            await self._ledger.close_event(event.event_id, IGNORED)
        elif new:
            self._news.set()
        return new

    async def keep(self, event: PaymentEvent, now: datetime) -> datetime:
        """As ``put``; returns when the event was stored first.

        Of money that goes back, a copy may be about more of it, in the same second: it is looked up once more.
        """
        if not await self.put(event, now) and event.type == GATEWAY_RETURNED:
            again = f"{event.event_id}:{datetime.now(UTC).timestamp():.6f}"
            await self.put(event.model_copy(update={"event_id": again}), now)
        return await self._ledger.event_received_at(event.event_id) or now

    async def put_card(self, session_id: str, owner: str, now: datetime) -> None:
        """Has a card registration finalized as if its webhook had come; one at a time for each owner."""
        of_owner = f"return:{owner}:"
        if await self._ledger.has_open_event(of_owner):
            return  # the link may be opened with any session; for a real card the webhook comes too
        event_id = f"{of_owner}{session_id}"
        await self.put(PaymentEvent(event_id=event_id, type=CARD_REGISTERED, object_id=session_id, created_at=now), now)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Handles stored events until the block ends; leaves unfinished ones for the next sweep."""
        async with running(self._work()):
            yield

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                settling = set(self._in_work)  # events read now may show as open although they are settled meanwhile
                try:
                    unread: list[Failed] = []
                    events = await self._ledger.open_events(_PAGE + sum(self._in_work.values()), unread)
                    for event in unread:
                        _log.warning("event %s cannot be read, and is skipped", event.customer_id)
                        await self._ledger.close_event(event.customer_id, f"nothing done: {event.reason}")
                except Exception as error:  # of any kind: the next sweep reads again
                    _log.warning("stored events cannot be read: %s", error)
                else:
                    for subject, own in _by_subject(events).items():
                        if subject not in settling:
                            self._in_work[subject] = len(own)
                            group.create_task(self._settle(subject, own))
                with suppress(TimeoutError):  # not wait_for, which before Python 3.12 may swallow a cancellation
                    async with asyncio.timeout(_SWEEP_SECONDS):
                        await self._news.wait()

    async def _settle(self, subject: str, events: Sequence[EventRow]) -> None:
        """Handles the events of one subject. After a failure they stay open, and are retried after a pause."""
        try:
            async with self._slots, asyncio.timeout(_HANDLE_SECONDS):
                result = await self._handled(events[0])
                for event in events:
                    await self._ledger.close_event(event.event_id, result)
            del self._failures[subject]
        except Exception as error:  # of any kind: it is retried, and the others go on
            self._failures[subject] += 1
            pause = min(_FIRST_PAUSE_SECONDS * 2 ** min(self._failures[subject] - 1, 10), _PAUSE_SECONDS_MAX)
            _log.warning("%s: again in %g s: %s", subject, pause, error or type(error).__name__)
            await self._give_up(events, error)
            await asyncio.sleep(pause)
        finally:
            del self._in_work[subject]
            self._news.set()

    async def _give_up(self, events: Sequence[EventRow], error: Exception) -> None:
        """Closes events that are too old, once an alert is on its way; if that fails, the next sweep tries again."""
        now = datetime.now(UTC)
        why = str(error) if isinstance(error, BillingError | TemporalError) else type(error).__name__
        for event in events:
            if now - event.received_at > GIVEN_UP_AFTER:
                with suppress(Exception):  # of any kind: the others go on
                    lost = of_lost_event(event.event_id, event.payment_id, event.received_at, why, now)
                    await self._alerts.tell(lost)
                    await self._ledger.close_event(event.event_id, f"given up: {why}")

    async def _handled(self, event: EventRow) -> str:
        """The result, in words."""
        try:
            if event.type in _OF_GATEWAYS:
                return await self._looked_up(event)
            if event.payment_id:  # also of Checkout, which is for cards and for payments
                return await self._reconciliation.take_in(event.payment_id)
            if event.type == CARD_REGISTERED:
                return await self._cards.finalize_card(event.object_id)
            if event.type == CARD_UPDATED:
                return await self._cards.read_again(event.object_id)
        except _HOPELESS as error:
            return f"nothing done: {error}"
        return IGNORED

    async def _looked_up(self, event: EventRow) -> str:
        """The attempt to pay, taken in. Money that goes back must be found: what fails for days is told."""
        gateway = self._gateways.get(event.object_id)
        if gateway is None:
            raise BillingError(f"there is no rail {event.object_id} any more; set BILLING_RAILS and BILLING_WAYFORPAY")
        if event.type == GATEWAY_ATTEMPT:
            return await gateway.look_up(event.payment_id, datetime.now(UTC))
        try:
            return await gateway.look_up_returned(event.payment_id, datetime.now(UTC))
        except NotFound as error:
            raise BillingError(str(error)) from None


def _concerns_us(kind: str, payment_id: str) -> bool:
    return bool(payment_id) or kind in (CARD_REGISTERED, CARD_UPDATED)


def _by_subject(events: Sequence[EventRow]) -> dict[str, list[EventRow]]:
    """Events by the look-up that settles them, oldest first."""
    subjects: defaultdict[str, list[EventRow]] = defaultdict(list)
    for event in events:
        is_alone = not event.payment_id or event.type in _OF_GATEWAYS
        subjects[f"{event.type} {event.object_id} {event.payment_id}" if is_alone else event.payment_id].append(event)
    return subjects
