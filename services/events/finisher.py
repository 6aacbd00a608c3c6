"""Records deliveries: those that end while others are being recorded are recorded together, in one transaction."""

import asyncio
from datetime import UTC, datetime

from billing.events.event import OutgoingEvent
from billing.events.ports import EventOutbox


class EventFinisher:
    def __init__(self, outbox: EventOutbox) -> None:
        self._outbox = outbox
        self._delivered: list[OutgoingEvent] = []
        self._turn = asyncio.Lock()

    async def finish(self, event: OutgoingEvent) -> None:
        """Returns once it is on record. Raises ``LedgerUnavailable``: it stays claimed, and is delivered again."""
        self._delivered.append(event)
        async with self._turn:
            if all(event is not other for other in self._delivered):  # recorded with the one before
                return
            together, self._delivered = self._delivered, []
            try:
                await self._outbox.events_are_done(together, datetime.now(UTC))
            except BaseException:
                self._delivered += [other for other in together if other is not event]  # each tries for itself
                raise
