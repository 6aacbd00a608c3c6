"""Reads the lists of gateways, so that money is found without a public address, and whatever callbacks have missed.

Until when a list was read is kept in the ledger. Each look begins a while before that, for transactions change after
they were made; and once an hour, days before. Everything that is read may be read again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

from billing.apart import Failed, why
from billing.errors import NotFound, PaymentBusy, PaymentForbidden, PaymentUnknown
from billing.payments.gateway import GatewayPositions, GatewayState, GatewayTransaction
from billing.payments.payment import PaymentEvent
from billing.payments.ports import EventInbox
from services.background import running
from services.gateways.gateway import Gateway

POLL = timedelta(seconds=30)
OVERLAP, DEEP_OVERLAP = timedelta(hours=1), timedelta(days=4)
DEEP_EVERY = timedelta(hours=1)
FIRST = timedelta(days=1)
"""How far the first look reaches back: what came before is not ours."""
PIECE = timedelta(days=7)
"""After how much of a backlog it is noted that it was read."""
_SEEN_MAX = 100_000
GATEWAY_RETURNED, GATEWAY_ATTEMPT = "gateway.returned", "gateway.attempt"
"""Types of events that say: look this attempt up, for money goes back; or for its state has changed otherwise.

Their object is the rail, their payment the reference; without one, nothing is to be done.
"""
_PAUSE_SECONDS_MAX = 300.0
_UNPAID = (GatewayState.CREATED, GatewayState.PENDING, GatewayState.OVER)
_UNSURE = (PaymentBusy, PaymentForbidden, PaymentUnknown)

_log = logging.getLogger(__name__)


class _Ledger(GatewayPositions, EventInbox, Protocol):
    """The stores it uses."""


class GatewayReader:
    """``now`` is the clock by which is booked; ``then`` runs after each round, such as for refunds under way."""

    def __init__(
        self,
        gateways: Mapping[str, Gateway],
        ledger: _Ledger,
        now: Callable[[], datetime],
        then: Callable[[datetime], Awaitable[object]] | None = None,
        poll: timedelta = POLL,
    ) -> None:
        self._gateways = gateways
        self._ledger = ledger
        self._now = now
        self._then = then
        self._poll_seconds = poll.total_seconds()
        self._deep_at: dict[str, datetime] = {}
        self._seen: set[object] = set()  # what is in the books, or told, so that it need not be looked for again
        self._noted: dict[str, datetime] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Reads until the block ends."""
        async with running(*(self._work(gateway) for gateway in self._gateways.values())):
            yield

    async def read(self, gateway: Gateway, until: datetime) -> None:
        """Takes in the list from where it was read to, in pieces, until ``until`` by the gateway's clock.

        Raises ``LedgerUnavailable`` and ``PaymentError``: then the next look begins at the same place.
        """
        known = await self._ledger.read_until(gateway.rail)
        if known is None or known < self._noted.get(gateway.rail, known):
            self._seen.clear()  # another ledger, such as a restored one
        is_deep = abs(until - self._deep_at.get(gateway.rail, until - DEEP_EVERY)) >= DEEP_EVERY
        since = min(known, until) - OVERLAP if known else until - FIRST
        if known is None:  # if the first looks fail, theirs is the beginning all the same
            await self._ledger.note_read_until(gateway.rail, since)
        async for end in self._read_between(gateway, since, until):
            await self._ledger.note_read_until(gateway.rail, end, until + OVERLAP)
            self._noted[gateway.rail] = end
        await gateway.tell_doubts()
        if known is not None and is_deep:  # after the news, which it must not hold up
            async for _ in self._read_between(gateway, min(known, until) - DEEP_OVERLAP, since):
                pass
        self._deep_at |= {gateway.rail: until} if is_deep else {}

    async def _read_between(self, gateway: Gateway, since: datetime, until: datetime) -> AsyncIterator[datetime]:
        """Takes in a time of the list, in pieces; the end of each."""
        while since < until:
            end = min(until, since + PIECE)
            async for seen in gateway.shop.transactions(since, end):
                if seen not in self._seen:
                    await self._read_one(gateway, seen)
                    self._remember(seen)
            yield end
            since = end

    def _remember(self, seen: GatewayTransaction | Failed) -> None:
        if isinstance(seen, GatewayTransaction) and seen.returned_minor is None and seen.returned_at_most_minor:
            return  # more of it may have gone back the next time, which such a row does not say
        if len(self._seen) >= _SEEN_MAX:
            self._seen.clear()
        self._seen.add(seen)

    async def _read_one(self, gateway: Gateway, seen: GatewayTransaction | Failed) -> None:
        """What cannot be read is told, once; what has to be looked up is kept until that has worked."""
        now = self._now()
        if isinstance(seen, Failed):
            await gateway.tell(f"the list of {gateway.rail} has a transaction that cannot be read: {seen.reason}", now)
            return
        try:
            try:
                if not await gateway.is_known(seen):
                    await gateway.take(seen, now)
            except _UNSURE:
                await self._look_up(gateway, seen, now)
        except Exception as error:
            await gateway.tell(f"{seen.reference} ({gateway.rail}) cannot be taken in: {why(error)}", now)

    async def _look_up(self, gateway: Gateway, seen: GatewayTransaction, now: datetime) -> None:
        """Asks for it alone; if that fails, a console goes on with it."""
        try:
            await gateway.look_up(seen.reference, now)
        except (*_UNSURE, NotFound):
            await self._ledger.save_event(look_up_event(seen, now), now)

    async def _work(self, gateway: Gateway) -> None:
        failures = 0
        while True:
            try:
                await self.read(gateway, datetime.now(UTC))
                failures = 0
            except Exception as error:  # of any kind: the next look reads again
                failures += 1
                _log.warning("the list of %s cannot be read: %s", gateway.rail, error or type(error).__name__)
            try:
                if self._then is not None:
                    await self._then(self._now())
            except Exception as error:  # of any kind: the next round comes
                _log.warning("after the list of %s: %s", gateway.rail, error or type(error).__name__)
            await asyncio.sleep(min(self._poll_seconds * 2 ** min(failures, 10), _PAUSE_SECONDS_MAX))


def look_up_event(seen: GatewayTransaction, at: datetime, event_id: str = "") -> PaymentEvent:
    """An event by which the attempt is looked up until that has worked."""
    returned = "" if seen.returned_minor is None else str(seen.returned_minor)
    return PaymentEvent(
        event_id=event_id or f"gateway:{seen.rail}:{seen.reference}:{seen.code}:{returned}",
        type=GATEWAY_RETURNED if _is_going_back(seen) else GATEWAY_ATTEMPT,
        object_id=seen.rail,
        payment_id=seen.reference if seen.amount_minor else "",
        created_at=at,
    )


def is_taken_at_once(seen: GatewayTransaction) -> bool:
    """Whether a callback brings money, and is answered once that is booked; all others are looked up."""
    return seen.state is GatewayState.APPROVED


def _is_going_back(seen: GatewayTransaction) -> bool:
    """Whether money goes back; what has arrived, and cannot be booked at once, is an attempt to be looked up."""
    is_whole = seen.state is GatewayState.APPROVED and not seen.returned_minor
    return not (is_whole or seen.state in _UNPAID)
