"""A ledger that tells everybody, and what it says of its orders."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from billing.events.event import Destination, OutgoingEvent
from orders.order import OrderStanding
from tests.contract.event_fixtures import listed

ALL = (Destination.COLLECTION, Destination.RECEIVER, Destination.ORDER, Destination.PRODUCTION)


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    """A ledger that tells everybody."""
    ledger = await SqlLedger.connect(url, ALL)
    yield ledger
    await ledger.close()


async def standing(ledger: SqlLedger, number: str = "1042") -> OrderStanding:
    found = await ledger.order(number)
    assert found is not None
    return found


async def released(ledger: SqlLedger, number: str = "1042") -> list[str]:
    return [str(release.kind) for release in (await standing(ledger, number)).order.releases]


async def sent(ledger: SqlLedger) -> list[dict[str, object]]:
    """What production is told, oldest first."""
    events = [event for event in await listed(ledger) if event.destination is Destination.PRODUCTION]
    return [dict(event.payload["data"]) for event in events]  # type: ignore[call-overload]


async def credit(ledger: SqlLedger, customer_id: str = "buyer") -> int:
    return -(await ledger.balance(customer_id)).carried_minor("eur")


async def told(ledger: SqlLedger) -> list[str]:
    return [alert.text for alert in await ledger.alerts()]


async def claimed(ledger: SqlLedger, at: datetime) -> list[OutgoingEvent]:
    return await ledger.claim_events(Destination.PRODUCTION, at, at + timedelta(minutes=1), 10)
