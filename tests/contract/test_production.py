"""Releases reach production: over a real socket, whatever fails, and never while the brake is on."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import Response

from adapters.production import http_production
from adapters.production.http_production import HttpProduction
from adapters.sql.ledger import SqlLedger
from billing.events.verdicts import Verdict
from bootstrap_adapters import SANDBOX_PRODUCTION_SECRET
from orders.events import ReleaseData
from orders.order import Rejected
from sandbox.stand_ins.control import control, local_http
from sandbox.stand_ins.production import calls, jobs
from sandbox.timeline import until
from services.orders.releases import ReleaseSender
from tests.contract.conftest import Serve
from tests.contract.event_fixtures import SECONDS
from tests.contract.production_fixtures import DATA, answered, dispatching, event_of, ledger, paid, standing, workshop
from tests.ordering import send_again

__all__ = ["ledger"]  # fixture


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
