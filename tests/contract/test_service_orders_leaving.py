"""A subscriber who leaves, what is owed, and what coverage finds of service orders."""

from datetime import date, timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from billing.receivables.incoming import PaymentKind
from billing.subscribers.service import ServiceState
from billing.tasks.member import Member
from billing.tasks.task import NewTask, Task, TaskKind, TaskOutcome
from orders.service.findings import service_order_findings
from orders.service.service_order import ServiceStage
from tests.contract.service_fixtures import DUE, NUMBER, with_bill
from tests.contract.service_fixtures import payment as of_bill
from tests.contract.test_ledger_service_orders import ledger as ledger  # a fixture
from tests.contract.test_ledger_service_orders import owed
from tests.ordering import back
from tests.service_ordering import (
    AT,
    DISCONNECT,
    FEE_MINOR,
    LATER,
    YES,
    connected,
    done,
    opened,
    payment,
    request,
    shown,
    task_of,
)
from wording.remedies import command_line


async def disconnecting(ledger: SqlLedger, account: str, **values: str) -> None:
    wanted = request("90", procedure="disconnect", subscriber=None, buyer=None, account=account, values=values)
    await ledger.open_service_order(wanted, DISCONNECT, LATER)


async def test_a_subscriber_is_disconnected_on_the_day_and_missing_equipment_is_billed(ledger: SqlLedger) -> None:
    account = await connected(ledger)
    await disconnecting(ledger, account, date="2026-12-10")
    standing = await ledger.service_standing("90")
    assert standing is not None
    assert standing.stage is ServiceStage.AWAITING_DATE
    assert standing.next_at is not None
    day = standing.next_at
    assert (day.isoformat()) == "2026-12-09T19:00:00+00:00"
    assert (await ledger.pass_time("90", day)).step == "dismantle"
    await done(ledger, "90", day + timedelta(hours=9), missing="15000")
    assert (await shown(ledger, "90")).standing.outcome == "disconnected"
    items = {item.kind: item for item in (await ledger.agreed("dana")).items}
    assert items["subscription"].ends_on == items["fee"].starts_on == date(2026, 12, 10)
    (service,) = await ledger.services_of("dana")
    assert service.state is ServiceState.DISCONNECTED


async def leaving(ledger: SqlLedger) -> Task:
    """acme wants to go, and owes a bill; the task by which accounting decides."""
    await with_bill(ledger)
    wanted = request("91", procedure="disconnect", subscriber=None, buyer=None, account=NUMBER, values={})
    opened = await ledger.open_service_order(wanted, DISCONNECT, DUE)
    assert opened.standing.stage is ServiceStage.AWAITING_PAYMENT
    return await task_of(ledger, "91")


async def test_whoever_owes_something_is_not_disconnected_before_it_is_paid(ledger: SqlLedger) -> None:
    task = await leaving(ledger)
    assert task.department == "accounting"
    await ledger.book(of_bill(999), DUE)
    assert (await shown(ledger, "91")).order.step == "debt"
    await ledger.book(of_bill(1, "2"), DUE)
    found = await shown(ledger, "91")
    assert (found.order.step, found.order.values["debt.outcome"]) == ("dismantle", "settled")
    ended = await ledger.task(task.number)
    assert ended is not None
    assert ended.end is not None
    assert ended.end.outcome is TaskOutcome.NEEDLESS


@pytest.mark.parametrize(("allow", "step", "outcome"), [("yes", "dismantle", "allowed"), ("no", "stay", "refused")])
async def test_a_person_decides_about_whoever_owes_something(
    ledger: SqlLedger, allow: str, step: str, outcome: str
) -> None:
    await leaving(ledger)
    await done(ledger, "91", DUE, allow=allow, why="they move abroad")
    found = await shown(ledger, "91")
    assert (found.order.step, found.order.values["debt.outcome"]) == (step, outcome)
    debt = next(each for each in found.steps if each.step == "debt")
    assert (debt.by, debt.reason) == ("of-accounting", "they move abroad")


async def test_money_for_a_fee_that_goes_back_is_told(ledger: SqlLedger) -> None:
    await opened(ledger)
    await done(ledger, possible=YES)
    await ledger.book(payment(), LATER)
    await ledger.book(back(FEE_MINOR, payment(), PaymentKind.CHARGEBACK), LATER)
    assert (await owed(ledger), (await shown(ledger)).order.step) == (FEE_MINOR, "install")
    (alert,) = [alert for alert in await ledger.alerts() if alert.order_number == "77"]
    assert "5000.00 KZT are owed again" in alert.text


async def test_coverage_finds_orders_that_stand_still_and_tasks_that_are_nobodys(ledger: SqlLedger) -> None:
    await opened(ledger)
    for days, still, unowned in ((0.5, 0, 0), (1.5, 0, 1), (4.5, 1, 1)):
        faults = await ledger.service_order_faults(AT + timedelta(days=days), [])
        assert (len(faults.still), len(faults.unowned)) == (still, unowned)
    assert [finding.kind.value for finding in service_order_findings(faults)] == [
        "order stands still",
        "task without an owner",
    ]
    task = await task_of(ledger)
    (remedy,) = list(service_order_findings(faults))[1].remedies
    assert command_line(remedy) == f"python starter.py tasks show {task.number}"
    await ledger.claim_task(task.number, Member("ann", ("operator",)), AT)
    assert (await ledger.service_order_faults(AT + timedelta(days=4.5), [])).unowned == ()


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (TaskKind.DISCONNECT, "of crew, to disconnect account 1000009 of acme, is nobody's"),
        (TaskKind.PROVISION, "of crew, to switch account 1000009 of acme, is nobody's"),
        (TaskKind.NO_WORKING_NUMBER, "of operator, to find a working phone number of acme, is nobody's"),
        (TaskKind.ENTER_AMOUNTS, "of accounting, to enter amounts of acme, is nobody's"),
    ],
)
async def test_coverage_finds_tasks_of_no_order_that_are_nobodys(ledger: SqlLedger, kind: TaskKind, what: str) -> None:
    new = NewTask(kind=kind, key="k", customer_id="acme", account=NUMBER, due_at=AT + timedelta(days=2))
    task = await ledger.open_task(new, AT)
    assert (await ledger.service_order_faults(AT + timedelta(days=1), [])).unowned == ()
    faults = await ledger.service_order_faults(AT + timedelta(days=1, seconds=1), [])
    (finding,) = service_order_findings(faults)
    assert (finding.customer_id, finding.order_number) == ("acme", "")
    assert finding.text == f"task {task.number} {what}"
    assert [command_line(remedy) for remedy in finding.remedies] == [f"python starter.py tasks show {task.number}"]
    await ledger.claim_task(task.number, Member("ann", (task.department,)), AT)
    assert (await ledger.service_order_faults(AT + timedelta(days=1, seconds=1), [])).unowned == ()
