"""A service order's walk: each step's effect is written with what it follows from, and once."""

from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import InvalidInput, NotFound
from billing.events.event import Destination
from billing.receivables.journal import Subject
from billing.subscribers.service import ServiceState
from billing.tariffs.items import Subscription
from billing.tasks.listing import TaskFilter
from billing.tasks.log import TaskAct
from billing.tasks.member import Member
from orders.procedures.steps import PaymentStep
from orders.service.service_order import ServiceStage
from tests.contract.event_fixtures import listed
from tests.ordering import cancel, halt, resume
from tests.ordering import request as made_to_order
from tests.service_ordering import (
    AT,
    CONNECT,
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
    with_tariff,
)

ALL = tuple(Destination)


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    """A ledger that tells everybody."""
    ledger = await SqlLedger.connect(url, ALL)
    yield ledger
    await ledger.close()


async def steps(ledger: SqlLedger, number: str = "77") -> list[str]:
    return [f"{each.step} {each.outcome or '…'}" for each in (await shown(ledger, number)).steps]


async def owed(ledger: SqlLedger, number: str = "77") -> int:
    return (await ledger.balance("dana")).owed_for(Subject.fee(number), "kzt")


async def credit(ledger: SqlLedger) -> int:
    return -(await ledger.balance("dana")).carried_minor("kzt")


async def told(ledger: SqlLedger, destination: Destination) -> list[str]:
    events = [event for event in await listed(ledger) if event.destination is destination]
    return [str(event.payload["data"].get("step")) for event in events]  # type: ignore[attr-defined]


async def test_an_order_registers_its_subscriber_and_asks_the_first_department(ledger: SqlLedger) -> None:
    first, again = await opened(ledger), await opened(ledger)
    assert (first.is_new, again.is_new) == (True, False)
    assert first.standing == again.standing
    (service,) = await ledger.services_of("dana")
    assert (service.number, service.state) == (first.account, ServiceState.ORDERED)
    task = await task_of(ledger)
    assert (task.department, task.account, task.due_at) == ("operator", first.account, AT + timedelta(days=2))
    assert first.standing.stage is ServiceStage.AWAITING_TASK


async def test_a_subscriber_is_connected_step_by_step(ledger: SqlLedger) -> None:
    account = await connected(ledger)
    order = (await shown(ledger)).order
    assert await steps(ledger) == [
        "feasibility done", "fee settled", "install done", "activate done", "bill done", "told done",
        "connected connected",
    ]  # fmt: skip
    assert order.stage is ServiceStage.COMPLETED
    (service,) = await ledger.services_of("dana")
    assert service.state is ServiceState.ACTIVE
    customer = await ledger.customer("dana")
    assert customer is not None
    assert (customer.currency, customer.phone) == ("kzt", "+77011234567")
    (subscription,) = (await ledger.agreed("dana")).items
    assert isinstance(subscription, Subscription)
    assert (subscription.account, subscription.starts_on) == (account, date(2026, 12, 1))
    assert await told(ledger, Destination.CUSTOMER) == ["told"]
    assert await told(ledger, Destination.BILLING) == ["bill"]
    assert (await told(ledger, Destination.RECEIVER)).count("install") == 1
    assert await ledger.tasks(TaskFilter()) == []


async def test_the_fee_is_billed_once_and_a_part_of_it_is_not_enough(ledger: SqlLedger) -> None:
    await opened(ledger)
    await done(ledger, possible=YES)
    assert await owed(ledger) == FEE_MINOR
    await ledger.book(payment(2000_00), LATER)
    assert (await shown(ledger)).standing.stage is ServiceStage.AWAITING_PAYMENT
    await ledger.book(payment(3000_00, "two"), LATER)
    await ledger.book(payment(3000_00, "two"), LATER)
    assert (await shown(ledger)).order.step == "install"
    assert (await owed(ledger), await credit(ledger)) == (0, 0)


async def test_money_that_names_the_order_is_for_its_fee(ledger: SqlLedger) -> None:
    await opened(ledger)
    await done(ledger, possible=YES)
    await ledger.book(payment(5500_00, subject=Subject.order("77")), LATER)
    assert (await shown(ledger)).order.step == "install"
    assert (await owed(ledger), await credit(ledger)) == (0, 500_00)
    (alert,) = await ledger.alerts()
    assert "500.00 KZT of payment one (bank-app) is credit of dana: it is more than was owed for the fee" in alert.text


async def test_credit_that_is_there_pays_the_fee_at_once(ledger: SqlLedger) -> None:
    await opened(ledger)
    await ledger.book(payment(6000_00), AT)
    await done(ledger, possible=YES)
    assert (await shown(ledger)).order.step == "install"
    assert await credit(ledger) == 1000_00


async def test_what_is_not_possible_is_refused_and_the_account_is_closed(ledger: SqlLedger) -> None:
    await opened(ledger)
    await done(ledger, possible="no")
    assert (await shown(ledger)).standing.outcome == "refused"
    (service,) = await ledger.services_of("dana")
    assert service.state is ServiceState.DISCONNECTED
    assert await owed(ledger) == 0


async def test_a_fee_that_nobody_pays_expires_and_what_was_paid_of_it_is_credit(ledger: SqlLedger) -> None:
    await opened(ledger)
    await done(ledger, possible=YES)
    await ledger.book(payment(2000_00), LATER)
    expires_at = LATER + timedelta(days=14)
    assert (await ledger.pass_time("77", expires_at - timedelta(seconds=1))).step == "fee"
    assert (await ledger.pass_time("77", expires_at)).outcome == "refused"
    assert (await ledger.pass_time("77", expires_at)).outcome == "refused"
    assert (await owed(ledger), await credit(ledger)) == (0, 2000_00)
    await ledger.book(payment(3000_00, "late"), expires_at)
    assert (await credit(ledger), (await shown(ledger)).standing.outcome) == (5000_00, "refused")


async def test_a_task_is_returned_and_done_anew(ledger: SqlLedger) -> None:
    await opened(ledger)
    await done(ledger, possible=YES)
    await ledger.book(payment(), LATER)
    crew = Member("karl", ("crew",))
    await ledger.return_task((await task_of(ledger)).number, crew, "feasibility", "another house", LATER)
    returned = await task_of(ledger)
    assert (returned.department, (await shown(ledger)).steps[2].reason) == ("operator", "another house")
    await done(ledger, possible="no")
    assert (await shown(ledger)).standing.outcome == "refused"


async def test_a_fee_that_was_paid_is_not_asked_for_again_after_a_return(ledger: SqlLedger) -> None:
    await opened(ledger)
    await done(ledger, possible=YES)
    await ledger.book(payment(), LATER)
    task = await task_of(ledger)
    await ledger.return_task(task.number, Member("karl", ("crew",)), "feasibility", "another house", LATER)
    await done(ledger, possible=YES)
    assert (await shown(ledger)).order.step == "install"
    assert (await owed(ledger), await credit(ledger)) == (0, 0)


async def test_a_cancelled_order_is_undone_and_its_fee_is_credit(ledger: SqlLedger) -> None:
    await opened(ledger)
    await done(ledger, possible=YES)
    await ledger.book(payment(), LATER)
    standing, text = await ledger.change_service_order("77", cancel(), LATER)
    assert (standing.stage, standing.outcome, text) == (ServiceStage.CANCELLED, "refused", "cancelled")
    assert (await owed(ledger), await credit(ledger)) == (0, FEE_MINOR)
    assert await ledger.tasks(TaskFilter()) == []
    (service,) = await ledger.services_of("dana")
    assert service.state is ServiceState.DISCONNECTED
    assert await ledger.change_service_order("77", cancel(), LATER) == (standing, text)


async def test_a_cancellation_that_is_too_late_says_what_to_do_instead(ledger: SqlLedger) -> None:
    await connected(ledger)
    with pytest.raises(InvalidInput, match="77 ended as connected"):
        await ledger.change_service_order("77", cancel(), LATER)


async def test_a_halted_order_keeps_what_is_done_and_goes_on_with_it(ledger: SqlLedger) -> None:
    await opened(ledger)
    await ledger.change_service_order("77", halt(), LATER)
    await done(ledger, possible=YES)
    assert (await shown(ledger)).standing.stage is ServiceStage.HALTED
    assert await owed(ledger) == 0
    standing, _ = await ledger.change_service_order("77", resume(), LATER)
    assert (standing.step, standing.owed_minor) == ("fee", FEE_MINOR)


async def test_a_step_that_cannot_be_done_halts_the_order_and_loses_nothing(ledger: SqlLedger) -> None:
    await opened(ledger)  # no such tariff
    await done(ledger, possible=YES)
    await ledger.book(payment(), LATER)
    await done(ledger)
    order = (await shown(ledger)).order
    assert (order.step, order.stage) == ("bill", ServiceStage.HALTED)
    assert order.halt is not None
    assert "there is no tariff internet-100" in order.halt.reason
    assert await ledger.customer("dana") is None
    (alert,) = await ledger.alerts()
    assert "there is no tariff internet-100" in alert.text
    await with_tariff(ledger)
    standing, _ = await ledger.change_service_order("77", resume(), LATER)
    assert standing.outcome == "connected"


async def test_a_payment_is_booked_though_what_follows_from_it_cannot_be_done(ledger: SqlLedger) -> None:
    steps = [step.evolve(next=({"go": "bill"},)) if isinstance(step, PaymentStep) else step for step in CONNECT.steps]
    await ledger.open_service_order(request(), CONNECT.evolve(steps=tuple(steps)), AT)
    await done(ledger, possible=YES)
    assert await ledger.book(payment(), LATER)
    assert not await ledger.book(payment(), LATER)
    order = (await shown(ledger)).order
    assert (order.step, order.stage) == ("bill", ServiceStage.HALTED)
    assert (await owed(ledger), await credit(ledger), len(await ledger.alerts())) == (0, 0, 1)


async def test_a_late_task_is_told_and_goes_to_whom_it_escalates(ledger: SqlLedger) -> None:
    await opened(ledger)
    await done(ledger, possible=YES)
    await ledger.book(payment(), LATER)
    due_at = LATER + timedelta(days=2)
    assert (await shown(ledger)).standing.next_at == due_at
    await ledger.pass_time("77", due_at)
    await ledger.pass_time("77", due_at)
    task = await task_of(ledger)
    assert task.department == "operator"
    assert [(entry.act, entry.department) for entry in await ledger.task_log(task.number)] == [
        (TaskAct.ESCALATED, "operator")
    ]
    assert len(await ledger.alerts()) == 1
    await ledger.pass_time("77", due_at + timedelta(days=1))
    assert len(await ledger.alerts()) == 2


async def test_a_late_task_that_somebody_has_claimed_stays_theirs_when_its_order_is_resumed(ledger: SqlLedger) -> None:
    await opened(ledger)
    await done(ledger, possible=YES)
    await ledger.book(payment(), LATER)
    late = LATER + timedelta(days=2)
    await ledger.pass_time("77", late)
    number = (await task_of(ledger)).number
    await ledger.claim_task(number, Member("olga", ("operator",)), late)
    for change in (halt(), resume()):
        await ledger.change_service_order("77", change, late)
    await ledger.pass_time("77", late)
    assert (await task_of(ledger)).owner == "olga"
    assert [entry.act for entry in await ledger.task_log(number)] == [TaskAct.ESCALATED, TaskAct.CLAIMED]


async def test_numbers_of_both_kinds_of_orders_are_one_space(ledger: SqlLedger) -> None:
    await opened(ledger)
    with pytest.raises(InvalidInput, match="order 77 is another order already"):
        await ledger.open_order(made_to_order("77"), AT)
    await ledger.open_order(made_to_order("78"), AT)
    with pytest.raises(InvalidInput, match="order 78 is another order already"):
        await opened(ledger, number="78")
    with pytest.raises(InvalidInput, match="order 77 is another order already"):
        await opened(ledger, values={"tariff": "other"})


async def test_a_request_says_what_its_procedure_asks_for(ledger: SqlLedger) -> None:
    with pytest.raises(InvalidInput, match="colour: connect asks for no such thing; tariff: Tariff is missing"):
        await opened(ledger, values={"colour": "red"})
    with pytest.raises(InvalidInput, match="subscriber: Who is connected is missing"):
        await opened(ledger, subscriber=None)
    wanted = request("79", procedure="disconnect", subscriber=None, buyer=None, account="1000009", values={})
    with pytest.raises(NotFound, match="there is no service account 1000009"):
        await ledger.open_service_order(wanted, DISCONNECT, AT)
    assert await ledger.service_standing("77") is None
    assert await ledger.services_of("dana") == []
