"""Changes of service reach provisioning: over a real socket, in order, whatever fails; and not what is not true."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.provisioning import http_provisioning
from adapters.provisioning.http_provisioning import HttpProvisioning, has_fault
from adapters.sql.ledger import SqlLedger
from billing.errors import ReceiverUnavailable
from billing.events.event import Destination
from billing.subscribers.provisioning import Provisioning
from billing.subscribers.service import CallState, ServiceCause, ServiceChange
from billing.tasks.listing import TaskFilter
from billing.tasks.task import TaskKind, TaskOutcome
from bootstrap_adapters import SANDBOX_PROVISIONING_SECRET
from sandbox.stack.stand_ins import serve as served
from sandbox.stand_ins.control import control
from sandbox.stand_ins.faults import Faults
from sandbox.stand_ins.provisioning import provisioning_app, switched, told
from sandbox.timeline import until
from services.alerts import Alerts
from services.events.dispatcher import EventDispatcher
from services.provisioning import PeopleAsProvisioning, ServiceSender
from tests.contract.event_fixtures import QUICKLY, SECONDS, Waker
from tests.contract.service_fixtures import (
    ACTIVE,
    DUE,
    NUMBER,
    OTHER,
    SUSPENDED,
    WHY,
    by_person,
    payment,
    subscribe,
    with_bill,
)

HOURS = timedelta(hours=3)


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    """A ledger that tells provisioning."""
    ledger = await SqlLedger.connect(url, (Destination.PROVISIONING,))
    yield ledger
    await ledger.close()


@asynccontextmanager
async def dispatching(
    ledger: SqlLedger, provisioning: Provisioning, pause: timedelta = QUICKLY, claim: timedelta = timedelta(minutes=1)
) -> AsyncIterator[None]:
    alerts = Alerts(ledger, Waker(), enabled=True)
    sender = ServiceSender(ledger, provisioning, alerts, HOURS)
    senders = {Destination.PROVISIONING: sender}
    dispatcher = EventDispatcher(ledger, senders, alerts, claim=claim, pause=lambda tries: pause, poll=QUICKLY)
    async with dispatcher.open():
        yield


@asynccontextmanager
async def network(folder: Path) -> AsyncIterator[tuple[HttpProvisioning, int, Path]]:
    journal = folder / "provisioning.jsonl"
    async with served(Faults(provisioning_app(journal))) as port:
        provisioning = HttpProvisioning(f"http://127.0.0.1:{port}/services", [SANDBOX_PROVISIONING_SECRET])
        yield provisioning, port, journal
        await provisioning.close()


async def changes_once(ledger: SqlLedger, *calls: CallState | None, number: str = NUMBER) -> list[ServiceChange]:
    """The account's history, once this has become of its calls."""

    async def has_come() -> bool:
        return [change.call for change in await ledger.service_changes(number)] == list(calls)

    await until(has_come, SECONDS)
    return await ledger.service_changes(number)


DONE, DROPPED, REFUSED = CallState.DONE, CallState.SUPERSEDED, CallState.REFUSED


async def test_each_change_is_told_in_order_and_the_answer_is_kept(ledger: SqlLedger, tmp_path: Path) -> None:
    await with_bill(ledger)
    async with network(tmp_path) as (provisioning, _, journal), dispatching(ledger, provisioning):
        await changes_once(ledger, None, DONE)
        await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
        await changes_once(ledger, None, DONE, DONE)
        assert switched(journal) == {NUMBER: "suspended"}
        await ledger.book(payment(1000), DUE)
        history = await changes_once(ledger, None, DONE, DONE, DONE)
    assert [call["event"]["data"]["state"] for call in told(journal)] == ["active", "suspended", "active"]
    assert history[-1].answer == '{"status":"ok","is_copy":false}'
    assert "+7701" not in journal.read_text(), "no phone leaves"


async def test_log_says_whose_service_was_switched_and_no_account_number(
    ledger: SqlLedger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "services")
    await with_bill(ledger)
    async with network(tmp_path) as (provisioning, _, _), dispatching(ledger, provisioning):
        await changes_once(ledger, None, DONE)
        await until(lambda: _says(caplog, "delivered: acme, service.connected"), SECONDS)
    assert NUMBER not in caplog.text


async def _says(caplog: pytest.LogCaptureFixture, words: str) -> bool:
    return words in caplog.text


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500, "times": 3},
        {"kind": "status", "status": 500, "executed": True, "times": 2},
        {"kind": "rate_limit"},
        {"kind": "html_502"},
        {"kind": "garbage_200"},
        {"kind": "drop_before", "times": 2},
        {"kind": "drop_after", "times": 2},
        {"kind": "slow", "seconds": 30, "executed": True},
    ],
)
async def test_whatever_fails_the_account_is_switched(
    ledger: SqlLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    monkeypatch.setattr(http_provisioning, "TIMEOUT_SECONDS", 0.5)
    await with_bill(ledger)
    async with network(tmp_path) as (provisioning, port, journal):
        await control(port, "faults", {"path": "/services$", **fault})
        async with dispatching(ledger, provisioning):
            await changes_once(ledger, None, DONE)
    assert switched(journal) == {NUMBER: "active"}
    assert [call["is_copy"] for call in told(journal)].count(False) == 1


async def test_an_error_inside_of_a_200_is_told_to_people_once_and_asked_again(
    ledger: SqlLedger, tmp_path: Path
) -> None:
    await with_bill(ledger)
    async with network(tmp_path) as (provisioning, port, journal):
        await control(port, "unknown", {"number": NUMBER})
        async with dispatching(ledger, provisioning):
            history = await changes_once(ledger, None, REFUSED)
            assert history[-1].answer == '{"status":"error","message":"no such account"}'
            await subscribe(ledger, OTHER)
            await changes_once(ledger, None, DONE, number=OTHER)  # another account does not wait
            await control(port, "known", {"number": NUMBER})
            await changes_once(ledger, None, DONE)
    assert switched(journal) == {OTHER: "active", NUMBER: "active"}
    (alert,) = await ledger.alerts()
    assert f"provisioning refuses to have account {NUMBER} active" in alert.text


async def test_a_suspension_that_is_not_told_before_the_money_comes_is_dropped_and_the_restore_goes_at_once(
    ledger: SqlLedger, tmp_path: Path
) -> None:
    await with_bill(ledger)
    pause = timedelta(hours=1)
    async with network(tmp_path) as (provisioning, port, journal), dispatching(ledger, provisioning, pause):
        await changes_once(ledger, None, DONE)
        await control(port, "faults", {"path": "/services$", "kind": "status", "status": 503, "times": 1})
        await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)

        async def has_failed() -> bool:
            pages = [page async for page in ledger.outgoing_events(undelivered_only=True)]
            return any(event.fault for page in pages for event in page)

        await until(has_failed, SECONDS)
        await ledger.book(payment(1000), DUE)
        await changes_once(ledger, None, DONE, DROPPED, DONE)
    assert [call["event"]["data"]["state"] for call in told(journal)] == ["active", "active"]


async def test_a_suspension_is_looked_at_again_just_before_it_is_told(ledger: SqlLedger, tmp_path: Path) -> None:
    await with_bill(ledger)
    await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
    now = datetime.now(UTC)
    (first,) = await ledger.claim_events(Destination.PROVISIONING, now, now + timedelta(minutes=1), 20)
    await ledger.events_are_done([first], now)
    (claimed,) = await ledger.claim_events(Destination.PROVISIONING, now, now + timedelta(minutes=1), 20)
    await ledger.book(payment(1000), DUE)  # between the claim and the call
    async with network(tmp_path) as (provisioning, _, journal):
        assert await ServiceSender(ledger, provisioning, Alerts(ledger, Waker(), enabled=True)).send(claimed)
        assert told(journal) == []
    assert (await ledger.service_changes(NUMBER))[2].call is DROPPED


async def test_people_hear_of_a_restore_that_provisioning_does_not_take_in_time(
    ledger: SqlLedger, tmp_path: Path
) -> None:
    await with_bill(ledger)
    await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
    await ledger.book(payment(1000), DUE)
    now, clock = datetime.now(UTC), DUE + HOURS
    async with network(tmp_path) as (provisioning, port, _):
        sender = ServiceSender(ledger, provisioning, Alerts(ledger, Waker(), enabled=True), HOURS, lambda: clock)
        (first,) = await ledger.claim_events(Destination.PROVISIONING, now, now + timedelta(minutes=1), 20)
        await ledger.events_are_done([first], now)
        (restore,) = await ledger.claim_events(Destination.PROVISIONING, now, now + timedelta(minutes=1), 20)
        await control(port, "faults", {"path": "/services$", "kind": "status", "status": 503, "times": None})
        for late, alerts in ((timedelta(0), 0), (timedelta(seconds=1), 1), (timedelta(hours=1), 1)):
            clock = DUE + HOURS + late
            with pytest.raises(ReceiverUnavailable):
                await sender.send(restore)
            assert len(await ledger.alerts()) == alerts
    (alert,) = await ledger.alerts()
    assert f"account {NUMBER} is paid and restored" in alert.text


async def test_without_an_address_people_switch_accounts_by_tasks_and_need_not_suspend_who_has_paid(
    ledger: SqlLedger,
) -> None:
    await with_bill(ledger)
    async with dispatching(ledger, PeopleAsProvisioning(ledger)):
        await changes_once(ledger, None, DONE)
        await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
        await changes_once(ledger, None, DONE, DONE)
        await ledger.book(payment(1000), DUE)
        await changes_once(ledger, None, DONE, DONE, DONE)
    tasks = await ledger.tasks(TaskFilter(kind=TaskKind.PROVISION, open_only=False))
    assert [
        (task.values["state"], task.end and task.end.outcome) for task in sorted(tasks, key=lambda t: t.number)
    ] == [
        ("active", None),
        ("suspended", TaskOutcome.NEEDLESS),
        ("active", None),
    ]
    assert {task.account for task in tasks} == {NUMBER}
    given = [task.due_at - task.opened_at for task in sorted(tasks, key=lambda t: t.number) if task.due_at]
    assert given == [timedelta(days=1), timedelta(days=1), HOURS], "whoever has paid waits for it"


async def test_a_break_on_request_is_told_and_its_end_too(ledger: SqlLedger, tmp_path: Path) -> None:
    await with_bill(ledger)
    async with network(tmp_path) as (provisioning, _, journal), dispatching(ledger, provisioning):
        await ledger.change_service(NUMBER, by_person(SUSPENDED, ServiceCause.REQUEST, "holiday"))
        await changes_once(ledger, None, DONE, DONE)
        await ledger.change_service(NUMBER, by_person(ACTIVE, ServiceCause.REQUEST, "back"))
        await changes_once(ledger, None, DONE, DONE, DONE)
    assert switched(journal) == {NUMBER: "active"}


async def test_the_doctor_reaches_provisioning(tmp_path: Path) -> None:
    async with network(tmp_path) as (provisioning, _, _):
        assert await provisioning.ping() == "127.0.0.1 takes signed changes of service"


@pytest.mark.parametrize(
    ("body", "is_faulty"),
    [
        (b"", False),
        (b'{"status": "ok"}', False),
        (b'{"status": "ok", "error": null}', False),
        (b"[]", False),
        (b'{"status": "ERROR"}', True),
        (b'{"error": {"code": 7}}', True),
        (b'{"success": false}', True),
        (b"<html>bad gateway</html>", True),
        (b"\xff\xfe", True),
    ],
)
def test_what_in_a_200_is_a_fault(body: bytes, is_faulty: bool) -> None:
    assert has_fault(body) is is_faulty
