"""How many events are delivered at once, and claimed at once: none waits for another destination's."""

import asyncio
from typing import Any

from adapters.sql.ledger import SqlLedger
from billing.events.event import Destination, OutgoingEvent
from sandbox.timeline import until
from services.alerts import Alerts
from services.events.dispatcher import EventDispatcher
from tests.contract.event_fixtures import QUICKLY, SECONDS, Waker, ledger, put
from tests.contract.test_event_delivery import delivered

__all__ = ["ledger"]  # fixture


class Telling:
    """A sender that takes everything at once, or nothing before ``go_on``; it keeps what it was given."""

    def __init__(self, *, is_hanging: bool = False) -> None:
        self.customers = list[str | None]()
        self.go_on = asyncio.Event()
        if not is_hanging:
            self.go_on.set()

    async def send(self, event: OutgoingEvent) -> None:
        self.customers.append(event.customer_id)
        await self.go_on.wait()


async def test_a_receiver_that_hangs_holds_up_no_other_destination(ledger: SqlLedger) -> None:
    receiver, collections = Telling(is_hanging=True), Telling()
    await put(ledger, *[f"c{number}" for number in range(50)])
    senders = {Destination.RECEIVER: receiver, Destination.COLLECTION: collections}
    dispatcher = EventDispatcher(ledger, senders, Alerts(ledger, Waker(), enabled=True), poll=QUICKLY)
    async with dispatcher.open():

        async def is_full() -> bool:
            return len(receiver.customers) == 20

        async def is_told() -> bool:
            return collections.customers == ["kiwi"]

        await until(is_full, SECONDS)
        await put(ledger, "kiwi", destination=Destination.COLLECTION)
        await until(is_told, SECONDS)
        assert len(receiver.customers) == 20
        receiver.go_on.set()
        await delivered(ledger)
    assert len(receiver.customers) == 50


class Counting:
    """An outbox that counts how often it is asked for events, and how many it has given."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger
        self.claims = 0
        self.destinations_due = ledger.destinations_due
        self.watch_events = ledger.watch_events
        self.watch_alerts = ledger.watch_alerts
        self.events_are_done = ledger.events_are_done
        self.event_has_failed = ledger.event_has_failed

    async def claim_events(self, *arguments: Any, **named: Any) -> list[OutgoingEvent]:
        events = await self._ledger.claim_events(*arguments, **named)
        self.claims += bool(events)
        return events


async def test_a_backlog_is_claimed_by_the_dozen_and_not_once_for_each_event(ledger: SqlLedger) -> None:
    await put(ledger, *[f"c{number}" for number in range(100)])
    outbox, senders = Counting(ledger), {Destination.RECEIVER: Telling()}
    async with EventDispatcher(outbox, senders, Alerts(ledger, Waker(), enabled=True), poll=QUICKLY).open():
        await delivered(ledger)
    assert outbox.claims <= 10
