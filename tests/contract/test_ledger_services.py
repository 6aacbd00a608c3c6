"""Service accounts in the ledger: restricted only while something is overdue, restored with the money."""

from datetime import timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import BrakeOn, DebtChanged, InvalidInput, NotFound
from billing.events.event import Destination, OutgoingEvent
from billing.receivables.instructions import InstructionKind, InstructionRequest
from billing.subscribers.service import CallState, NewService, ServiceCause, ServiceState
from billing.tasks.listing import TaskFilter
from billing.tasks.member import Member
from billing.tasks.task import Completion, TaskKind, TaskOutcome
from tests.contract.event_fixtures import listed
from tests.contract.ledger_fixtures import AT
from tests.contract.service_fixtures import (
    ACTIVE,
    DUE,
    LIMITED,
    NUMBER,
    OTHER,
    SUSPENDED,
    WHY,
    by_person,
    payment,
    states,
    subscribe,
    with_bill,
)
from tests.contract.service_fixtures import ledger as ledger  # a fixture

LATER = DUE + timedelta(hours=1)
BOB, CUT = Member("bob", ("crew",)), Completion(reason="cut at the box")


async def told(ledger: SqlLedger, destination: Destination, undelivered_only: bool = False) -> list[str]:
    events = await listed(ledger, undelivered_only)
    return [event.type for event in events if event.destination == destination and event.type.startswith("service")]


async def test_an_account_is_suspended_once_and_restored_in_the_transaction_of_the_money(ledger: SqlLedger) -> None:
    await with_bill(ledger)
    for _ in range(2):
        (change,) = await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
        assert (change.state, change.cause, change.position) == (SUSPENDED, ServiceCause.NON_PAYMENT, 3)
    await ledger.book(payment(1000), LATER)
    assert await states(ledger) == [ACTIVE]
    history = await ledger.service_changes(NUMBER)
    assert [(change.state, change.cause) for change in history] == [
        (ServiceState.ORDERED, ServiceCause.REGISTERED),
        (ACTIVE, ServiceCause.CONNECTED),
        (SUSPENDED, ServiceCause.NON_PAYMENT),
        (ACTIVE, ServiceCause.PAID),
    ]
    assert history[-1].at == LATER
    assert await told(ledger, Destination.RECEIVER) == ["service.connected", "service.suspended", "service.restored"]
    assert await ledger.restrict("acme", SUSPENDED, "rung 14", LATER, *WHY) == (history[2],)  # a late repeat
    assert await states(ledger) == [ACTIVE]


async def test_nothing_is_restricted_while_the_ledger_has_the_money(ledger: SqlLedger) -> None:
    await with_bill(ledger)
    with pytest.raises(DebtChanged):
        await ledger.restrict("acme", SUSPENDED, "too early", AT, *WHY)
    await ledger.book(payment(1000), DUE)
    with pytest.raises(DebtChanged):
        await ledger.restrict("acme", LIMITED, "rung 7", LATER, *WHY)
    with pytest.raises(DebtChanged):
        await ledger.ask_to_disconnect("acme", "rung 30", LATER, LATER)
    with pytest.raises(NotFound):
        await ledger.restrict("nobody", LIMITED, "rung 7", LATER, *WHY)
    assert await states(ledger) == [ACTIVE]


async def test_nothing_is_restricted_while_the_brake_is_on_but_restored_it_is(ledger: SqlLedger) -> None:
    await with_bill(ledger)
    await ledger.restrict("acme", LIMITED, "rung 7", DUE, *WHY)
    await ledger.pull_brake("ann", "wrong prices", "cli", DUE)
    with pytest.raises(BrakeOn):
        await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
    await ledger.book(payment(1000), LATER)
    assert await states(ledger) == [ACTIVE]


async def test_parts_restore_nothing_until_nothing_is_overdue(ledger: SqlLedger) -> None:
    await with_bill(ledger)
    await subscribe(ledger, OTHER)
    await ledger.restrict("acme", LIMITED, "rung 7", DUE, *WHY)
    assert await states(ledger) == [LIMITED, LIMITED]
    changes = await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
    assert [change.number for change in changes] == [NUMBER, OTHER]
    for reference, amount_minor, state in (("1", 300, SUSPENDED), ("2", 600, SUSPENDED), ("3", 100, ACTIVE)):
        await ledger.book(payment(amount_minor, reference), LATER)
        assert await states(ledger) == [state, state]


async def test_money_that_a_person_assigns_restores(ledger: SqlLedger) -> None:
    await with_bill(ledger)
    await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
    nameless = payment(1000, customer_id=None)
    await ledger.book(nameless, LATER)
    assert await states(ledger) == [SUSPENDED]
    assignment = InstructionRequest(
        instruction_id="i1",
        kind=InstructionKind.ASSIGN,
        payment=nameless.name,
        customer_id="acme",
        by="ann",
        reason="their bank has told us",
        via="cli",
    )
    await ledger.instruct(assignment, {}, LATER)
    assert await states(ledger) == [ACTIVE]


async def test_a_break_that_was_asked_for_is_neither_restricted_nor_restored_by_money(ledger: SqlLedger) -> None:
    await with_bill(ledger)
    await ledger.change_service(NUMBER, by_person(SUSPENDED, ServiceCause.REQUEST, "holiday"))
    assert await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY) == ()
    await ledger.book(payment(1000), LATER)
    assert await states(ledger) == [SUSPENDED]
    await ledger.change_service(NUMBER, by_person(ACTIVE, ServiceCause.REQUEST, "back"))
    assert await states(ledger) == [ACTIVE]


async def test_what_cannot_become_of_an_account_is_refused_with_advice(ledger: SqlLedger) -> None:
    await with_bill(ledger)
    with pytest.raises(InvalidInput, match="is active: suspend or close it"):
        await ledger.change_service(NUMBER, by_person(ACTIVE, ServiceCause.REQUEST, "again"))
    closed = by_person(ServiceState.DISCONNECTED, ServiceCause.TERMINATED, "close")
    assert await ledger.change_service(NUMBER, closed) == await ledger.change_service(NUMBER, closed)
    with pytest.raises(InvalidInput, match="register another account"):
        await ledger.change_service(NUMBER, by_person(ACTIVE, ServiceCause.REQUEST, "restore"))
    with pytest.raises(NotFound):
        await ledger.change_service(OTHER, closed)
    with pytest.raises(InvalidInput, match="has a service already"):
        await ledger.register_service(
            NewService(customer_id="acme", key="again", number=NUMBER, by="ann", reason="typo"), AT
        )


async def test_a_number_to_pay_by_is_no_service_until_it_is_registered(ledger: SqlLedger) -> None:
    await with_bill(ledger)
    account = await ledger.open_number("acme", OTHER, "ann", "asked", AT)
    assert await ledger.service(account.number) is None
    wanted = NewService(customer_id="acme", key="web 4", by="ann", reason="order 4")
    service = await ledger.register_service(wanted, AT)
    assert (service.number, service.state) == (OTHER, ServiceState.ORDERED)
    assert await ledger.register_service(wanted, LATER) == service
    new = await ledger.register_service(wanted.evolve(key="web 5"), AT)
    assert new.number not in (NUMBER, OTHER)


async def claimed(ledger: SqlLedger) -> list[OutgoingEvent]:
    return await ledger.claim_events(Destination.PROVISIONING, LATER, LATER + timedelta(minutes=1), 20)


async def test_a_suspension_that_provisioning_does_not_know_of_is_dropped_when_money_comes(ledger: SqlLedger) -> None:
    await with_bill(ledger)
    await ledger.events_are_done(await claimed(ledger), LATER)
    await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
    (event,) = await claimed(ledger)
    await ledger.event_has_failed(event, "down", LATER + timedelta(minutes=10))
    await ledger.book(payment(1000), LATER)
    assert await told(ledger, Destination.PROVISIONING, True) == ["service.restored"]
    calls = [change.call for change in await ledger.service_changes(NUMBER)]
    assert calls == [None, CallState.WAITING, CallState.SUPERSEDED, CallState.WAITING]
    (event,) = await claimed(ledger)  # at once
    assert event.type == "service.restored"


async def test_a_suspension_that_fails_while_it_is_told_does_not_hold_the_restore_back(ledger: SqlLedger) -> None:
    await with_bill(ledger)
    await ledger.events_are_done(await claimed(ledger), LATER)
    await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
    (event,) = await claimed(ledger)
    await ledger.book(payment(1000), LATER)
    await ledger.event_has_failed(event, "down", LATER + timedelta(minutes=10))
    again = LATER + timedelta(minutes=1, seconds=1)
    (event,) = await ledger.claim_events(Destination.PROVISIONING, again, again + timedelta(minutes=1), 20)
    assert event.type == "service.suspended"  # and it is looked at again before it is told
    await ledger.events_are_done([event], again)
    (event,) = await ledger.claim_events(Destination.PROVISIONING, again, again + timedelta(minutes=1), 20)
    assert event.type == "service.restored"


async def test_a_task_to_disconnect_ends_by_itself_when_money_comes(ledger: SqlLedger) -> None:
    await with_bill(ledger)
    assert await ledger.ask_to_disconnect("acme", "rung 30", DUE, LATER) == ()  # nothing is suspended
    await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
    (task,) = await ledger.ask_to_disconnect("acme", "rung 30", DUE, LATER)
    assert await ledger.ask_to_disconnect("acme", "rung 30", DUE, LATER) == (task,)
    assert (task.kind, task.account, task.due_at) == (TaskKind.DISCONNECT, NUMBER, LATER)
    await ledger.book(payment(1000), LATER)
    ended = await ledger.task(task.number)
    assert ended is not None
    assert ended.end is not None
    assert (ended.end.outcome, ended.end.by, ended.end.reason) == (
        TaskOutcome.NEEDLESS,
        None,
        "nothing is overdue any more",
    )
    with pytest.raises(InvalidInput, match="nothing is overdue any more"):
        await ledger.complete_task(task.number, BOB, CUT, LATER)
    assert await states(ledger) == [ACTIVE]
    assert await ledger.tasks(TaskFilter()) == []


async def test_whoever_has_disconnected_an_account_has_it_disconnected_here(ledger: SqlLedger) -> None:
    await with_bill(ledger)
    await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
    (task,) = await ledger.ask_to_disconnect("acme", "rung 30", DUE, LATER)
    done = await ledger.complete_task(task.number, BOB, CUT, LATER)
    assert await ledger.complete_task(task.number, BOB, CUT, LATER) == done
    assert await states(ledger) == [ServiceState.DISCONNECTED]
    await ledger.book(payment(1000), LATER)
    assert await states(ledger) == [ServiceState.DISCONNECTED]
    assert (await told(ledger, Destination.PROVISIONING))[-1] == "service.disconnected"


async def test_a_person_who_restores_an_account_ends_its_task_to_disconnect(ledger: SqlLedger) -> None:
    await with_bill(ledger)
    await subscribe(ledger, OTHER)
    await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
    await ledger.ask_to_disconnect("acme", "rung 30", DUE, LATER)
    await ledger.change_service(NUMBER, by_person(ACTIVE, ServiceCause.REQUEST, "kept", LATER))
    (left,) = await ledger.tasks(TaskFilter())
    assert left.account == OTHER


async def test_where_an_account_is_can_be_said_again_and_what_is_not_said_stays(ledger: SqlLedger) -> None:
    await with_bill(ledger)
    wanted = NewService(
        customer_id="acme", address="Abay Ave. 1", node="n-1", tags=("fiber", "vip"), by="ann", reason="7"
    )
    first = await ledger.register_service(wanted, AT)
    assert (first.node, first.tags) == ("n-1", ("fiber", "vip"))
    again = await ledger.register_service(wanted.evolve(node="n-2", tags=()), LATER)
    assert (again.number, again.node, again.tags) == (first.number, "n-2", ("fiber", "vip"))
    placed = await ledger.place_service(first.number, None, ("vip",))
    assert (placed.node, placed.tags) == ("n-2", ("vip",))
    assert (await ledger.place_service(first.number, None, ())).tags == ()
    with pytest.raises(NotFound):
        await ledger.place_service("2000016", "n-1", None)
