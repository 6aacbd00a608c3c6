"""Orders that are paid, and a production that hears of their releases."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.production.http_production import HttpProduction
from adapters.sql.ledger import SqlLedger
from billing.events.event import Destination
from bootstrap_adapters import SANDBOX_PRODUCTION_SECRET
from orders.events import ReleaseData
from orders.order import Answered, OrderStanding
from orders.production import Production
from sandbox.stack.stand_ins import serve as served
from sandbox.stand_ins.faults import Faults
from sandbox.stand_ins.production import production_app
from sandbox.timeline import until
from services.alerts import Alerts
from services.events.dispatcher import EventDispatcher
from services.orders.releases import ReleaseSender
from tests.contract.event_fixtures import QUICKLY, SECONDS, Waker
from tests.ordering import payment, request


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    """A ledger that tells production."""
    ledger = await SqlLedger.connect(url, (Destination.PRODUCTION,))
    yield ledger
    await ledger.close()


@asynccontextmanager
async def dispatching(ledger: SqlLedger, production: Production) -> AsyncIterator[Counter[bool]]:
    """Answers how often releases were held, and not, when the dispatcher looked."""
    alerts, sender = Alerts(ledger, Waker(), enabled=True), ReleaseSender(ledger, production)
    looks = Counter[bool]()

    async def is_held() -> bool:
        held = await sender.is_held()
        looks[held] += 1
        return held

    held = {Destination.PRODUCTION: is_held}
    senders = {Destination.PRODUCTION: sender}
    dispatcher = EventDispatcher(ledger, senders, alerts, pause=lambda tries: QUICKLY * tries, poll=QUICKLY, held=held)
    async with dispatcher.open():
        yield looks


@asynccontextmanager
async def workshop(folder: Path) -> AsyncIterator[tuple[HttpProduction, int, Path]]:
    journal = folder / "production.jsonl"
    async with served(Faults(production_app(journal))) as port:
        production = HttpProduction(f"http://127.0.0.1:{port}/releases", [SANDBOX_PRODUCTION_SECRET])
        yield production, port, journal
        await production.close()


async def paid(ledger: SqlLedger, number: str = "1042") -> None:
    now = datetime.now(UTC)
    await ledger.open_order(request(number), now)
    await ledger.book(payment(10000, f"for {number}", number), now)


async def standing(ledger: SqlLedger, number: str = "1042") -> OrderStanding:
    found = await ledger.order(number)
    assert found is not None
    return found


async def answered(ledger: SqlLedger, kind: type = Answered, number: str = "1042") -> str:
    """Production's answer, once it is that kind of answer."""

    async def is_there() -> bool:
        (release,) = (await standing(ledger, number)).order.releases
        return isinstance(release.answer, kind)

    await until(is_there, SECONDS)
    (release,) = (await standing(ledger, number)).order.releases
    assert release.answer is not None
    return release.answer.text


async def event_of(ledger: SqlLedger) -> Any:
    pages = [page async for page in ledger.outgoing_events()]
    (event,) = [event for page in pages for event in page if event.destination is Destination.PRODUCTION]
    return event


DATA = ReleaseData.model_validate(
    {
        "number": "1042",
        "version": 2,
        "kind": "production",
        "customer_id": "buyer",
        "lines": [{"description": "Sign\n\u202eÄ", "quantity": 2, "amount_minor": 9000}],
        "file_digest": "a" * 64,
        "currency": "eur",
        "price_minor": 9000,
        "owed_minor": 0,
    }
)
