"""Events arrive: at least once, in order for each customer, from several processes, whatever fails."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.events.http_receiver import HttpReceiver
from adapters.sql.ledger import SqlLedger
from billing.events.event import Destination
from sandbox.stack.stand_ins import serve
from sandbox.stand_ins.control import control
from sandbox.stand_ins.event_receiver import SECRET, read_events, receiver_app
from sandbox.stand_ins.faults import Faults
from sandbox.timeline import until
from services.alerts import Alerts
from services.events.dispatcher import EventDispatcher
from tests.contract.event_fixtures import QUICKLY, SECONDS, Waker, ledger, listed, put, telling
from tests.forks import Fork

__all__ = ["ledger"]  # fixture


@asynccontextmanager
async def dispatching(ledger: SqlLedger, address: str) -> AsyncIterator[None]:
    receiver = HttpReceiver(address, [SECRET])
    alerts = Alerts(ledger, Waker(), enabled=True)
    dispatcher = EventDispatcher(
        ledger, {Destination.RECEIVER: receiver}, alerts, pause=lambda tries: QUICKLY * tries, poll=QUICKLY
    )
    async with dispatcher.open():
        yield
    await receiver.close()


async def delivered(ledger: SqlLedger) -> None:
    async def empty() -> bool:
        return not await listed(ledger, undelivered_only=True)

    await until(empty, SECONDS)


def in_order(events: Sequence[dict[str, Any]]) -> dict[str | None, list[str]]:
    """The ids of each customer's events, by their first arrival."""
    arrived: dict[str | None, list[str]] = {}
    for event in events:
        ids = arrived.setdefault(event["customer_id"], [])
        if event["id"] not in ids:
            ids.append(event["id"])
    return arrived


FAULTS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["status", "drop_before", "drop_after", "html_502", "slow"]),
        "times": st.integers(1, 8),
        "probability": st.sampled_from([0.2, 0.5, 1.0]),
        "seconds": st.just(0.05),
    }
)


@settings(max_examples=20, deadline=timedelta(minutes=1), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    customers=st.lists(st.sampled_from(["acme", "kiwi", "lima", None]), max_size=20),
    faults=st.lists(FAULTS, max_size=4),
    seed=st.integers(0, 1000),
)
def test_whatever_fails_every_event_arrives_in_its_customers_order(
    tmp_path_factory: pytest.TempPathFactory, customers: list[str | None], faults: list[dict[str, Any]], seed: int
) -> None:
    async def live() -> None:
        folder = tmp_path_factory.mktemp("delivery")
        app = Faults(receiver_app(folder / "events.jsonl"))
        async with telling(f"sqlite:///{folder}/ledger.db") as ledger, serve(app) as port:
            await control(port, "faults/seed", {"seed": seed})
            for fault in faults:
                await control(port, "faults", fault)
            await put(ledger, *customers)
            async with dispatching(ledger, f"http://127.0.0.1:{port}/events"):
                await delivered(ledger)
            arrived = in_order(read_events(folder / "events.jsonl"))
            for customer_id in {*customers}:
                written = [f"{n:04}" for n, owner in enumerate(customers) if owner == customer_id]
                assert arrived.pop(customer_id) == written
            assert not arrived

    asyncio.run(live())


class Choosy:
    """A receiver that refuses one customer's events until it is told not to."""

    def __init__(self) -> None:
        self.refuses: str | None = "acme"
        self.taken: list[dict[str, Any]] = []

    async def take(self, request: Request) -> None:
        event = await request.json()
        if event["customer_id"] == self.refuses:
            raise HTTPException(500)
        self.taken.append(event)


async def test_one_customers_failures_hold_up_nobody_else_and_reviewers_hear_of_them_once_a_day(
    ledger: SqlLedger,
) -> None:
    choosy, app = Choosy(), FastAPI()
    app.post("/events")(choosy.take)
    others = [f"c{number}" for number in range(30)]
    await put(ledger, "acme", "acme", *others, "acme", *others, at=datetime.now(UTC) - timedelta(minutes=61))
    async with serve(app) as port, dispatching(ledger, f"http://127.0.0.1:{port}/events"):

        async def only_acmes_wait() -> bool:
            waiting = await listed(ledger, undelivered_only=True)
            return {event.customer_id for event in waiting} == {"acme"} and waiting[0].tries > 2

        await until(only_acmes_wait, SECONDS)
        assert {event["customer_id"] for event in choosy.taken} == {*others}
        waiting = await listed(ledger, undelivered_only=True)
        assert [event.tries > 0 for event in waiting] == [True, False, False], "the later ones are held back"
        assert waiting[0].fault == "127.0.0.1 answers 500"
        choosy.refuses = None
        await delivered(ledger)
    assert in_order(choosy.taken)["acme"] == ["0000", "0001", "0032"]
    assert len(choosy.taken) == 63
    (alert,) = await ledger.alerts()
    assert "cannot be delivered, and is tried again until it can: 127.0.0.1 answers 500" in alert.text


async def test_a_delivery_that_has_begun_is_recorded_although_the_process_ends(ledger: SqlLedger) -> None:
    begun, go_on, app = asyncio.Event(), asyncio.Event(), FastAPI()

    @app.post("/events")
    async def take() -> None:
        begun.set()
        await go_on.wait()

    await put(ledger, "acme", "acme")
    async with serve(app) as port, dispatching(ledger, f"http://127.0.0.1:{port}/events"):
        async with asyncio.timeout(SECONDS):
            await begun.wait()
        asyncio.get_running_loop().call_later(0.1, go_on.set)
    assert [bool(event.done_at) for event in await listed(ledger)] == [True, False]


DISPATCH = """
import asyncio, sys
from datetime import timedelta
from adapters.events.http_receiver import HttpReceiver
from adapters.sql.ledger import SqlLedger
from billing.events.event import Destination
from services.events.dispatcher import EventDispatcher
async def main(url, address, secret, claim_seconds):
    ledger = await SqlLedger.connect(url, (Destination.RECEIVER,))
    receiver = HttpReceiver(address, [secret])
    quickly, claim = timedelta(milliseconds=20), timedelta(seconds=float(claim_seconds))
    senders = {Destination.RECEIVER: receiver}
    dispatcher = EventDispatcher(ledger, senders, None, claim=claim, pause=lambda tries: quickly * tries, poll=quickly)
    print("ready", flush=True)
    sys.stdin.readline()
    async with dispatcher.open():
        await asyncio.to_thread(sys.stdin.read)
    await receiver.close()
    await ledger.close()
asyncio.run(main(*sys.argv[1:]))
"""


@asynccontextmanager
async def processes(count: int, *arguments: str) -> AsyncIterator[list[Fork]]:
    """Processes that dispatch until the block ends."""
    running = [Fork(DISPATCH, *arguments) for _ in range(count)]
    for process in running:
        assert await asyncio.to_thread(process.stdout.readline) == "ready\n"
        process.stdin.write("\n")
        process.stdin.flush()
    try:
        yield running
    finally:
        for process in running:
            if process.poll() is None:
                _, errors = await asyncio.to_thread(process.communicate)
                assert process.returncode == 0, errors


@pytest.mark.parametrize("fault", [None, {"kind": "drop_after"}])
async def test_two_processes_deliver_everything_in_order_and_never_the_same_event_at_once(
    ledger: SqlLedger, url: str, tmp_path: Path, fault: dict[str, Any] | None
) -> None:
    journal, customers = tmp_path / "events.jsonl", [f"c{number % 7}" for number in range(70)]
    async with serve(Faults(receiver_app(journal))) as port:
        if fault:
            await control(port, "faults", {"times": None, "probability": 0.3, **fault})
        await put(ledger, *customers)
        async with processes(2, url, f"http://127.0.0.1:{port}/events", SECRET, "60"):
            await delivered(ledger)
    events = read_events(journal)
    for customer_id, ids in in_order(events).items():
        assert ids == [f"{number:04}" for number, owner in enumerate(customers) if owner == customer_id]
    copies = len(events) - len(customers)
    assert copies > 0 if fault else copies == 0


async def test_what_a_killed_process_was_delivering_is_delivered_by_another_one(ledger: SqlLedger, url: str) -> None:
    begun, taken, app = asyncio.Event(), list[str](), FastAPI()

    @app.post("/events")
    async def take(request: Request) -> None:
        event = await request.json()
        if not begun.is_set():
            begun.set()
            await asyncio.Event().wait()  # the first request is never answered
        taken.append(event["id"])

    await put(ledger, "acme", "acme")
    async with serve(app) as port:
        address = f"http://127.0.0.1:{port}/events"
        async with processes(1, url, address, SECRET, "2") as (process,):
            async with asyncio.timeout(SECONDS):
                await begun.wait()
            process.kill()
            await asyncio.to_thread(process.wait)
        async with dispatching(ledger, address):
            await delivered(ledger)
    assert taken == ["0000", "0001"]
