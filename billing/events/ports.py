"""The outbox of events, and those who deliver them. Every method may be called again after any failure."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol

from billing.apart import Failed
from billing.events.event import Destination, OutgoingEvent


class EventSender(Protocol):
    async def send(self, event: OutgoingEvent) -> bool | None:
        """Hands the event over; after a failure it may have arrived. True: the outbox has it as done already.

        Raises ``ReceiverUnavailable``.
        """


class EventProbe(Protocol):
    async def ping(self) -> str:
        """Sends an event that tells of nothing; who has taken it. Raises ``ReceiverUnavailable``."""


class EventOutbox(Protocol):
    def watch_events(self, news: Callable[[], None]) -> None:
        """Has ``news`` called, in any thread, after this process has put events into the outbox."""

    def watch_alerts(self, news: Callable[[], None]) -> None:
        """As ``watch_events``, for alerts that are written with what they are about."""

    async def destinations_due(self, among: Collection[Destination], now: datetime) -> set[Destination]:
        """Those with events that can be claimed."""

    async def claim_events(
        self,
        destination: Destination,
        now: datetime,
        until: datetime,
        limit: int,
        failed: list[Failed] | None = None,
    ) -> list[OutgoingEvent]:
        """The destination's events that are due, for this process alone ``until`` then.

        Of each customer, or order, it is the oldest, and no other. One that cannot be read holds up its customer only,
        and is added to ``failed``.
        """

    async def events_are_done(self, events: Sequence[OutgoingEvent], at: datetime) -> None:
        """Their destinations have taken these claimed events; the next ones of their customers are due."""

    async def event_has_failed(self, event: OutgoingEvent, fault: str, next_at: datetime) -> None:
        """A claimed event is to be tried again at ``next_at``; no effect if another process has claimed it since."""
