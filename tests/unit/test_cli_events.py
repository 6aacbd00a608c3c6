"""``events``: what is told to other systems, from the command line; and what the doctor says of their receiver."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.sql.ledger import SqlLedger
from billing.events.event import Destination
from billing.invoices.month import Month
from tests.empty_ledger import empty_ledger
from tests.unit import months
from tests.unit.command_line import NOW, Run, run

__all__ = ["run"]  # fixtures


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., None]:
    """Records months in the ledger of ``run``; the first of their events cannot be delivered, the others wait."""

    async def record(recorded: tuple[Month, ...]) -> None:
        empty_ledger(tmp_path / "data")
        ledger = await SqlLedger.connect(f"sqlite:///{tmp_path}/data/ledger.db", (Destination.RECEIVER,))
        for month in recorded:
            await ledger.record(month, NOW)
        for event in await ledger.claim_events(Destination.RECEIVER, NOW, NOW + timedelta(minutes=1), 1):
            await ledger.event_has_failed(event, "erp.example.com answers 500", NOW + timedelta(minutes=5))
        await ledger.close()

    return lambda *recorded: asyncio.run(record(recorded))


def test_events_are_listed_with_what_became_of_them(run: Run, told: Callable[..., None]) -> None:
    assert run("events", "list").exit_code == 1, "there is no ledger yet"
    told(months.announced(1250))
    shown = " ".join(run("events", "list", "--undelivered").stdout.split())
    assert "bill.issued" in shown
    (event,) = json.loads(run("events", "list", "--json").stdout)["events"]
    assert (event["fault"], event["tries"], event["customer_id"]) == ("erp.example.com answers 500", 1, "acme")
    assert event["payload"]["data"]["amount_minor"] == 1250
    assert json.loads(run("events", "list", "--customer", "kiwi", "--json").stdout) == {"events": []}
    assert "no events" in run("events", "list", "--customer", "kiwi").stdout


def test_an_event_is_resent_by_its_id(run: Run, told: Callable[..., None]) -> None:
    told(months.announced(1250))
    (event,) = json.loads(run("events", "list", "--json").stdout)["events"]
    assert "delivered again" in run("events", "resend", event["event_id"]).stdout
    (event,) = json.loads(run("events", "list", "--json").stdout)["events"]
    assert (event["next_at"], event["done_at"]) == (None, None)
    refused = run("events", "resend", "nothing")
    assert refused.exit_code == 1
    assert "there is no event nothing; see: python starter.py events list" in refused.stderr


def test_the_doctor_says_whether_the_receiver_takes_events(
    run: Run, told: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    told()
    assert "events" not in {check["name"] for check in json.loads(run("doctor", "--json").stdout)["checks"]}
    monkeypatch.setenv("BILLING_EVENTS_URL", "http://127.0.0.1:1/events")
    monkeypatch.setenv("BILLING_EVENTS_SECRET", "x" * 32)
    checks = {check["name"]: check for check in json.loads(run("doctor", "--json").stdout)["checks"]}
    assert not checks["events"]["ok"]
    assert "127.0.0.1 cannot be reached: ConnectError" in checks["events"]["detail"]
