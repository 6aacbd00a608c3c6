"""What production is told leaves at once, in order for each order, and waits for the emergency brake."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from adapters.sql.ledger import SqlLedger
from billing.errors import AlertUnavailable, BrakeOn, ReceiverUnavailable
from billing.events.event import Destination, OutgoingEvent
from orders.events import ReleaseData
from orders.order import ReleaseKind
from sandbox.timeline import until
from services.alerts import Alerts
from services.events.dispatcher import EventDispatcher
from tests.contract.event_fixtures import QUICKLY, SECONDS, Waker, listed
from tests.contract.order_fixtures import ledger
from tests.ordering import payment, request

__all__ = ["ledger"]  # fixture

HOUR = timedelta(hours=1)


class Production:
    """Takes every release, but those of the orders that it ``refuses``, with the error that it is given."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        self.refuses: dict[str, Exception] = {}

    async def send(self, event: OutgoingEvent) -> None:
        data = ReleaseData.model_validate(event.payload["data"])
        if error := self.refuses.get(data.number):
            raise error
        self.taken.append((data.number, data.kind))


class Woken:
    """A digest that is woken, but not at the first time."""

    def __init__(self) -> None:
        self.times = 0

    async def wake(self) -> None:
        self.times += 1
        if self.times == 1:
            raise AlertUnavailable("Temporal is down")


@asynccontextmanager
async def dispatching(ledger: SqlLedger, production: Production, poll: timedelta = HOUR) -> AsyncIterator[None]:
    alerts, senders = Alerts(ledger, Waker(), enabled=True), {Destination.PRODUCTION: production}
    async with EventDispatcher(ledger, senders, alerts, pause=lambda tries: QUICKLY, poll=poll).open():
        yield


async def taken(production: Production, count: int) -> None:
    async def is_taken() -> bool:
        return len(production.taken) == count

    await until(is_taken, SECONDS)


async def opened(ledger: SqlLedger, number: str, deposit_percent: int | None = None) -> None:
    await ledger.open_order(request(number, deposit_percent=deposit_percent), datetime.now(UTC))


async def paid(ledger: SqlLedger, number: str, amount_minor: int = 10000) -> None:
    await ledger.book(payment(amount_minor, f"{number} {amount_minor}", number), datetime.now(UTC))


async def test_a_release_leaves_at_once_from_the_process_that_has_booked_the_money(ledger: SqlLedger) -> None:
    production = Production()
    async with dispatching(ledger, production):
        for number in range(10):
            await opened(ledger, f"order-{number}")
            await paid(ledger, f"order-{number}")
            await taken(production, number + 1)
    assert [number for number, _ in production.taken] == [f"order-{number}" for number in range(10)]


async def test_an_order_that_is_not_taken_holds_up_its_own_shipment_and_no_other_order(ledger: SqlLedger) -> None:
    production = Production()
    production.refuses = {"1": ReceiverUnavailable("it is down")}
    async with dispatching(ledger, production, poll=QUICKLY):
        await opened(ledger, "1", 30)
        await opened(ledger, "2")
        await paid(ledger, "1", 3000)
        await paid(ledger, "1", 7000)
        await paid(ledger, "2")
        await taken(production, 1)
        assert production.taken == [("2", ReleaseKind.PRODUCTION)]
        production.refuses = {}
        await taken(production, 3)
    assert production.taken[1:] == [("1", ReleaseKind.PRODUCTION), ("1", ReleaseKind.SHIPMENT)]


async def test_people_hear_at_once_of_money_that_this_process_has_booked_twice(ledger: SqlLedger) -> None:
    woken = Woken()
    dispatcher = EventDispatcher(ledger, {Destination.PRODUCTION: Production()}, Alerts(ledger, woken, enabled=True))
    async with dispatcher.open():
        await opened(ledger, "1")
        await paid(ledger, "1")
        assert woken.times == 0
        await paid(ledger, "1", 4000)

        async def is_woken() -> bool:
            return woken.times > 1  # the first time in vain: Temporal is down

        await until(is_woken, SECONDS)


async def test_what_the_brake_stops_is_tried_again_when_the_error_says_so(ledger: SqlLedger) -> None:
    production = Production()
    production.refuses = {"1": BrakeOn("the emergency brake is on")}
    async with dispatching(ledger, production, poll=QUICKLY):
        await opened(ledger, "1")
        await paid(ledger, "1")

        async def is_stopped() -> OutgoingEvent | None:
            waiting = await listed(ledger, undelivered_only=True)
            return next((event for event in waiting if event.fault), None)

        stopped = await until(is_stopped, SECONDS)
    assert stopped.next_at is not None
    assert timedelta(seconds=50) < stopped.next_at - datetime.now(UTC) < timedelta(seconds=61)
