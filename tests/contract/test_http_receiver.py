"""``HttpReceiver`` against a real HTTP server: what arrives, what counts as taken, and what a failure is called."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from adapters.events import http_receiver
from adapters.events.http_receiver import HttpReceiver
from billing.errors import ReceiverUnavailable
from billing.events.event import Destination, EventType, OutgoingEvent
from billing.events.ports import EventSender
from sandbox.stand_ins.control import control
from sandbox.stand_ins.event_receiver import SECRET, read_events, receiver_app
from sandbox.stand_ins.faults import Faults
from tests.contract.conftest import Serve

EVENT = OutgoingEvent(
    number=1,
    event_id="1",
    destination=Destination.RECEIVER,
    type=EventType.BILL_ISSUED,
    customer_id="acme",
    payload={"id": "1", "data": {"reference": "Añ 茶"}},
    created_at=datetime(2026, 12, 1, tzinfo=UTC),
    tries=0,
    next_at=None,
    fault=None,
    claimed_until=None,
    done_at=None,
)

Connect = Callable[..., HttpReceiver]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    opened: list[HttpReceiver] = []

    def receiver(url: str, *secrets: str) -> HttpReceiver:
        opened.append(HttpReceiver(url, secrets or [SECRET]))
        return opened[-1]

    yield receiver
    for each in opened:
        await each.close()


async def test_an_event_arrives_as_it_was_written_signed_with_each_secret(
    serve: Serve, tmp_path: Path, connect: Connect
) -> None:
    url = await serve(receiver_app(tmp_path / "events.jsonl"))
    sender: EventSender = connect(f"{url}/events", "the next secret", SECRET)
    await sender.send(EVENT)
    assert read_events(tmp_path / "events.jsonl") == [EVENT.payload]


async def test_a_ping_says_whom_it_has_reached(serve: Serve, tmp_path: Path, connect: Connect) -> None:
    url = await serve(receiver_app(tmp_path / "events.jsonl"))
    assert await connect(f"{url}/events").ping() == "127.0.0.1 takes signed events"
    (event,) = read_events(tmp_path / "events.jsonl")
    assert (event["type"], event["customer_id"], event["data"]) == ("ping", None, {})
    with pytest.raises(ReceiverUnavailable, match="answers 400"):
        await connect(f"{url}/events", "a wrong secret").ping()


@pytest.mark.parametrize(
    ("fault", "words", "is_taken"),
    [
        ({"kind": "status", "status": 500}, "127.0.0.1 answers 500", False),
        ({"kind": "status", "status": 404}, "127.0.0.1 answers 404", False),
        ({"kind": "drop_before"}, "127.0.0.1 cannot be reached: RemoteProtocolError", False),
        ({"kind": "drop_after"}, "127.0.0.1 cannot be reached: RemoteProtocolError", True),
        ({"kind": "slow", "seconds": 30, "executed": True}, "127.0.0.1 has not answered within 0.3 seconds", True),
    ],
)
async def test_a_failure_says_what_happened(
    serve: Serve,
    tmp_path: Path,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    fault: dict[str, Any],
    words: str,
    is_taken: bool,
) -> None:
    if fault["kind"] == "slow":
        monkeypatch.setattr(http_receiver, "TIMEOUT_SECONDS", 0.3)
    url = await serve(Faults(receiver_app(tmp_path / "events.jsonl")))
    await control(int(url.rpartition(":")[2]), "faults", fault)
    receiver = connect(f"{url}/events")
    with pytest.raises(ReceiverUnavailable, match=words):
        await receiver.send(EVENT)
    assert len(read_events(tmp_path / "events.jsonl")) == is_taken
    await receiver.send(EVENT)
    assert len(read_events(tmp_path / "events.jsonl")) == 1 + is_taken


async def test_nobody_there_is_a_failure(connect: Connect) -> None:
    with pytest.raises(ReceiverUnavailable, match=r"127\.0\.0\.1 cannot be reached: ConnectError"):
        await connect("http://127.0.0.1:9/events").send(EVENT)


async def test_a_redirect_is_not_followed(serve: Serve, tmp_path: Path, connect: Connect) -> None:
    app = receiver_app(tmp_path / "events.jsonl")
    app.post("/old")(lambda: RedirectResponse("/events", 307))
    url = await serve(app)
    with pytest.raises(ReceiverUnavailable, match="answers 307; set BILLING_EVENTS_URL to where it redirects to"):
        await connect(f"{url}/old").send(EVENT)
    assert read_events(tmp_path / "events.jsonl") == []


async def test_of_an_endless_answer_only_the_status_counts(serve: Serve, connect: Connect) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 100_000
            await asyncio.sleep(0)  # else the server would not notice that nobody reads on

    app = FastAPI()
    app.post("/events")(lambda: StreamingResponse(endless()))
    await connect(f"{await serve(app)}/events").send(EVENT)


async def test_an_answer_that_never_ends_is_not_waited_for(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stalling() -> AsyncIterator[bytes]:
        yield b"taken"
        await asyncio.Event().wait()

    monkeypatch.setattr(http_receiver, "TIMEOUT_SECONDS", 0.3)
    app = FastAPI()
    app.post("/events")(lambda: StreamingResponse(stalling()))
    await connect(f"{await serve(app)}/events").send(EVENT)


async def test_an_answer_is_not_unpacked(serve: Serve, connect: Connect) -> None:
    app = FastAPI()
    app.post("/events")(lambda: Response(json.dumps({}), headers={"Content-Encoding": "gzip"}))
    await connect(f"{await serve(app)}/events").send(EVENT)
