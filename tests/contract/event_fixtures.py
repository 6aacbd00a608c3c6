"""What the tests of events share: a ledger that writes them, and events to put there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from adapters.sql.events.outbox import put_events
from adapters.sql.ledger import SqlLedger
from billing.events.event import Destination, Event, EventType, OutgoingEvent
from billing.model import Model
from tests.contract.ledger_fixtures import AT

SECONDS = 60.0
QUICKLY = timedelta(milliseconds=20)


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    """A ledger that writes events for a receiver."""
    async with telling(url) as ledger:
        yield ledger


@asynccontextmanager
async def telling(url: str) -> AsyncIterator[SqlLedger]:
    ledger = await SqlLedger.connect(url, (Destination.RECEIVER,))
    await ledger.migrate()
    yield ledger
    await ledger.close()


async def listed(
    ledger: SqlLedger, undelivered_only: bool = False, customer_id: str | None = None
) -> list[OutgoingEvent]:
    """Oldest first."""
    pages = [page async for page in ledger.outgoing_events(undelivered_only, customer_id)]
    return [event for page in pages for event in page][::-1]


async def put(
    ledger: SqlLedger,
    *customers: str | None,
    at: datetime = AT,
    destination: Destination = Destination.RECEIVER,
) -> None:
    """An event for each of them, in this order."""
    ids = [f"{number:04}" for number in range(len(customers))]
    events = [
        Event(id=name, type=EventType.PING, created_at=at, customer_id=customer_id, data=Model())
        for name, customer_id in zip(ids, customers, strict=True)
    ]

    def write() -> None:
        with ledger._writing("put events") as connection:
            put_events(connection, destination, events)

    await ledger.run(write)


class Waker:
    """Nobody sends digests here."""

    async def wake(self) -> None: ...
