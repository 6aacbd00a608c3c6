"""Releases reach production: over a real socket, whatever fails, and never while the brake is on."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from adapters.production import http_production
from adapters.production.http_production import HttpProduction
from adapters.sql.ledger import SqlLedger
from billing.errors import ReceiverUnavailable
from billing.events.event import Destination, OutgoingEvent
from billing.events.verdicts import Verdict, answer_text
from bootstrap_adapters import SANDBOX_PRODUCTION_SECRET
from orders.events import ReleaseData
from orders.order import Answered, OrderStage, OrderStanding, Rejected, ReleaseKind
from orders.production import Production
from sandbox.stack.stand_ins import serve as served
from sandbox.stand_ins.control import control, local_http
from sandbox.stand_ins.faults import Faults
from sandbox.stand_ins.production import calls, jobs, production_app
from sandbox.timeline import until
from services.alerts import Alerts
from services.events.dispatcher import EventDispatcher
from services.orders.releases import ReleaseSender, ReviewersAsProduction
from tests.contract.conftest import Serve
from tests.contract.test_event_delivery import QUICKLY, SECONDS, Waker
from tests.ordering import AT, cancel, payment, request, send_again


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


async def test_what_is_paid_is_begun_once_with_the_version_that_was_agreed(ledger: SqlLedger, tmp_path: Path) -> None:
    await paid(ledger)
    async with workshop(tmp_path) as (production, _, journal), dispatching(ledger, production):
        assert await answered(ledger) == "job-1 for order 1042"
    (job,) = jobs(journal).values()
    data = ReleaseData.model_validate(job["event"]["data"])
    assert (data.number, data.version, data.file_digest, data.owed_minor) == ("1042", 1, "a" * 64, 0)
    assert (job["event"]["type"], job["event"]["customer_id"]) == ("order.released", "buyer")
    assert "buyer.example" not in journal.read_text(), "no address leaves"
    assert not await ledger.alerts()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500, "times": 3},
        {"kind": "status", "status": 500, "executed": True, "times": 2},
        {"kind": "status", "status": 408},
        {"kind": "status", "status": 425},
        {"kind": "rate_limit"},
        {"kind": "html_502"},
        {"kind": "drop_before", "times": 2},
        {"kind": "drop_after", "times": 2},
        {"kind": "slow", "seconds": 30, "executed": True},
    ],
)
async def test_whatever_fails_the_job_is_begun_once(
    ledger: SqlLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    monkeypatch.setattr(http_production, "TIMEOUT_SECONDS", 0.5)
    await paid(ledger)
    async with workshop(tmp_path) as (production, port, journal):
        await control(port, "faults", {"path": "/releases$", **fault})
        async with dispatching(ledger, production):
            assert await answered(ledger) == "job-1 for order 1042"
    assert len(jobs(journal)) == 1
    copies = [call["is_copy"] for call in calls(journal)]
    assert copies == [False] + [True] * (len(copies) - 1)
    assert (len(copies) > 1) == (fault["kind"] in ("drop_after", "slow") or fault.get("executed", False))


@pytest.mark.parametrize("status", [400, 404, 410, 422])
async def test_a_refusal_for_good_is_told_once_and_sent_again_by_a_person(
    ledger: SqlLedger, tmp_path: Path, status: int
) -> None:
    await paid(ledger)
    async with workshop(tmp_path) as (production, port, journal):
        await control(port, "faults", {"path": "/releases$", "kind": "status", "status": status})
        async with dispatching(ledger, production):
            assert (await answered(ledger, Rejected)).startswith(f"{status} ")
            (alert,) = await ledger.alerts()
            assert f"production has rejected the release for production: {status}" in alert.text
            assert jobs(journal) == {}, "it is not asked again by itself"
            await ledger.change_order("1042", send_again(), datetime.now(UTC))
            assert await answered(ledger) == "job-1 for order 1042"
    assert len(calls(journal)) == 1
    assert len(await ledger.alerts()) == 1


async def test_while_the_brake_is_on_nothing_is_sent_and_afterwards_at_once(ledger: SqlLedger, tmp_path: Path) -> None:
    await paid(ledger)
    await ledger.pull_brake("ann", "wrong prices", "cli", datetime.now(UTC))
    async with workshop(tmp_path) as (production, _, journal):
        with pytest.raises(Exception, match="the emergency brake is on"):
            await ReleaseSender(ledger, production).send(await event_of(ledger))
        async with dispatching(ledger, production) as looks:

            async def has_looked() -> bool:
                return looks[True] > 2

            await until(has_looked, SECONDS)
            assert (await event_of(ledger)).tries == 0
            await ledger.release_brake("ann", "right prices", "cli", datetime.now(UTC))
            await answered(ledger)
        assert (await event_of(ledger)).tries == 1
    assert len(calls(journal)) == 1


async def event_of(ledger: SqlLedger) -> Any:
    pages = [page async for page in ledger.outgoing_events()]
    (event,) = [event for page in pages for event in page if event.destination is Destination.PRODUCTION]
    return event


async def test_one_order_that_production_cannot_take_holds_up_no_other_of_its_buyer(
    ledger: SqlLedger, serve: Serve
) -> None:
    app = FastAPI()

    @app.post("/releases")
    async def take(request: Request) -> Response:
        number = (await request.json())["data"]["number"]
        return Response("begun" if number == "1043" else "later", 200 if number == "1043" else 503)

    await paid(ledger, "1042")
    await paid(ledger, "1043")
    production = HttpProduction(f"{await serve(app)}/releases", [SANDBOX_PRODUCTION_SECRET])
    async with dispatching(ledger, production):
        assert await answered(ledger, number="1043") == "begun"
    assert (await standing(ledger, "1042")).order.releases[0].answer is None
    await production.close()


# -- answers


async def verdict_of(serve: Serve, response: Response, data: ReleaseData) -> Verdict:
    app = FastAPI()
    app.post("/releases")(lambda: response)
    production = HttpProduction(f"{await serve(app)}/releases", [SANDBOX_PRODUCTION_SECRET])
    try:
        return await production.release("1", {"id": "1"}, data)
    finally:
        await production.close()


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


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", ""),
        (b"job\x00 7\x1b[31m\r\nred", "job 7 [31m red"),
        (b"\xff\xfe", "\N{REPLACEMENT CHARACTER}" * 2),
        ("\u202ejob 7".encode(), "job 7"),
        (b"x" * 5000, "x" * 999 + "…"),
        (b"x" * 1_000_000, "x" * 999 + "…"),
    ],
)
async def test_an_answer_is_kept_cut_and_without_control_characters(serve: Serve, body: bytes, text: str) -> None:
    verdict = await verdict_of(serve, Response(body, media_type="text/plain"), DATA)
    assert (verdict.accepted, answer_text(verdict.text)) == (True, text)


async def test_a_redirect_is_not_followed_and_says_which_setting(serve: Serve) -> None:
    with pytest.raises(ReceiverUnavailable, match="answers 307; set BILLING_PRODUCTION_URL to where it redirects to"):
        await verdict_of(serve, RedirectResponse("/elsewhere", 307), DATA)


async def test_the_doctor_asks_and_a_wrong_secret_is_found(tmp_path: Path) -> None:
    async with workshop(tmp_path) as (production, port, journal):
        assert await production.ping() == "127.0.0.1 takes signed releases"
        stranger = HttpProduction(f"http://127.0.0.1:{port}/releases", ["a guessed secret"])
        with pytest.raises(ReceiverUnavailable, match=r"production at 127\.0\.0\.1 answers 401"):
            await stranger.ping()
        await stranger.close()
        assert calls(journal) == []


# -- the stand-in


async def test_the_stand_in_answers_a_copy_alike_and_goes_on_from_its_journal(tmp_path: Path) -> None:
    event = {"id": "1", "type": "order.released", "data": DATA.model_dump(mode="json")}
    verdicts = []
    for _ in range(2):
        async with workshop(tmp_path) as (production, port, journal):
            verdicts += [await production.release("1", event, DATA) for _ in range(2)]
            other: Mapping[str, object] = event | {"data": {**event["data"], "version": 3}}  # type: ignore[dict-item]
            assert await production.release("1", other, DATA) == Verdict(
                accepted=False, text="409 this key came with another release before"
            )
            async with local_http() as http:
                shown = (await http.get(f"http://127.0.0.1:{port}/jobs")).json()
            assert shown["1"]["number"] == "1042"
    assert [verdict.text for verdict in verdicts] == ["job-1 for order 1042"] * 4
    assert [call["is_copy"] for call in calls(journal)] == [False, True, True, True]
    assert json.loads(journal.read_text().splitlines()[0])["key"] == "1"


# -- without an address


async def test_without_an_address_the_reviewers_are_told_once(ledger: SqlLedger) -> None:
    await paid(ledger)
    alerts = Alerts(ledger, Waker(), enabled=True)
    async with dispatching(ledger, ReviewersAsProduction(alerts, has_reviewers=True)):
        assert "told to the reviewers" in await answered(ledger)
    sender = ReleaseSender(ledger, ReviewersAsProduction(alerts, has_reviewers=True))
    await sender.send(await event_of(ledger))  # a copy
    (alert,) = await ledger.alerts()
    assert alert.text.startswith("Order 1042, version 1, may be produced")
    assert (alert.customer_id, alert.order_number) == ("buyer", "1042")


async def test_a_release_that_nobody_would_hear_of_waits(ledger: SqlLedger) -> None:
    nobody = ReviewersAsProduction(Alerts(ledger, Waker(), enabled=False), has_reviewers=False)
    with pytest.raises(ReceiverUnavailable, match="set BILLING_PRODUCTION_URL or BILLING_REVIEWERS_EMAIL"):
        await nobody.release("1", {}, DATA)


class Workshop:
    """Answers as it is told; it knows what it was asked for."""

    def __init__(self, accepts: bool) -> None:
        self.accepts = accepts
        self.asked: list[str] = []

    async def release(self, event_id: str, payload: Mapping[str, object], data: ReleaseData) -> Verdict:
        self.asked.append(data.kind)
        return Verdict(accepted=self.accepts, text="an answer")


async def events(ledger: SqlLedger, kind: ReleaseKind) -> OutgoingEvent:
    found = [event async for page in ledger.outgoing_events() for event in page]
    return next(event for event in found if event.payload["data"]["kind"] == kind)  # type: ignore[index]


async def test_a_shipment_waits_until_production_has_agreed(ledger: SqlLedger) -> None:
    await ledger.open_order(request(deposit_percent=30), AT)
    await ledger.book(payment(10000), AT)
    workshop = Workshop(accepts=False)
    sender = ReleaseSender(ledger, workshop)
    production, shipment = [await events(ledger, kind) for kind in ReleaseKind]
    with pytest.raises(ReceiverUnavailable, match="the shipment of order 1042 waits"):
        await sender.send(shipment)
    await sender.send(production)
    with pytest.raises(ReceiverUnavailable, match="the shipment of order 1042 waits"):
        await sender.send(shipment)
    assert workshop.asked == ["production"]
    await ledger.change_order("1042", send_again(), AT)
    workshop.accepts = True
    await sender.send(production)
    await sender.send(shipment)
    assert workshop.asked == ["production", "production", "shipment"]
    assert (await standing(ledger)).stage is OrderStage.FULFILLED


async def test_what_was_rejected_is_not_asked_again_without_a_person(ledger: SqlLedger) -> None:
    await paid(ledger)
    workshop = Workshop(accepts=False)
    production = await events(ledger, ReleaseKind.PRODUCTION)
    for _ in range(2):  # killed between the answer and the end of the delivery
        await ReleaseSender(ledger, workshop).send(production)
    assert workshop.asked == ["production"]


async def test_what_was_cancelled_after_a_rejection_does_not_ship(ledger: SqlLedger) -> None:
    await ledger.open_order(request(deposit_percent=30), AT)
    await ledger.book(payment(10000), AT)
    workshop = Workshop(accepts=False)
    production, shipment = [await events(ledger, kind) for kind in ReleaseKind]
    await ReleaseSender(ledger, workshop).send(production)
    await ledger.change_order("1042", cancel(), AT)
    await ReleaseSender(ledger, workshop).send(shipment)
    assert workshop.asked == ["production"]
