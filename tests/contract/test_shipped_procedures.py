"""The procedures that are shipped, each from its opening to its end, on a real ledger; no worker and no server runs."""

from datetime import date, datetime, timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import InvalidInput
from billing.events.event import Destination
from billing.subscribers.service import ServiceState
from billing.tariffs.items import Fee
from orders.changes import Reopen
from orders.service.service_order import ServiceStage
from tests.contract.event_fixtures import listed
from tests.contract.procedure_fixtures import NO, connects, does, ledger, opens, standing, subscriptions
from tests.ordering import by
from tests.service_ordering import LATER, YES, shown, task_of

__all__ = ["ledger"]  # fixture


async def told(ledger: SqlLedger, number: str) -> list[str]:
    """The steps that tell the customer, oldest first."""
    events = [event for event in await listed(ledger) if event.destination is Destination.CUSTOMER]
    data = [dict(event.payload["data"]) for event in events]  # type: ignore[call-overload]
    return [str(each["step"]) for each in data if each["number"] == number]


async def service_state(ledger: SqlLedger) -> ServiceState:
    (service,) = await ledger.services_of("dana")
    return service.state


async def test_a_subscriber_is_connected_through_four_departments(ledger: SqlLedger) -> None:
    await connects(ledger)
    assert await service_state(ledger) is ServiceState.ACTIVE
    assert await subscriptions(ledger) == [("internet-100", date(2026, 12, 3), None)]
    assert await told(ledger, "77") == ["received", "ask_for_fee", "tell_visit", "tell_connected"]
    assert (await shown(ledger, "77")).order.values["installation.serials"] == ("A1", "B2")


async def test_a_connection_that_is_not_paid_for_puts_the_equipment_back(ledger: SqlLedger) -> None:
    await opens(ledger, "77", "connect", values={"tariff": "internet-100", "address": "Abay Ave. 1"})
    await does(ledger, "77", "feasibility", possible=YES, equipment=YES)
    await does(ledger, "77", "equipment", to_be_bought=NO, what="a router")
    await ledger.pass_time("77", LATER + timedelta(weeks=2))
    await does(ledger, "77", "give_back")
    assert (await standing(ledger, "77")).outcome == "cancelled"
    assert (await ledger.balance("dana")).is_even


async def test_another_tariff_begins_on_its_day_and_the_one_before_ends(ledger: SqlLedger) -> None:
    account = await connects(ledger)
    await opens(ledger, "78", "change_tariff", account=account, values={"tariff": "internet-500"})
    await does(ledger, "78", "look", visit=NO, first_day="2026-12-15")
    waiting = await standing(ledger, "78")
    assert waiting.next_at is not None
    await ledger.pass_time("78", waiting.next_at)
    await does(ledger, "78", "switch", waiting.next_at)
    assert (await standing(ledger, "78")).outcome == "changed"
    assert await subscriptions(ledger) == [
        ("internet-100", date(2026, 12, 3), date(2026, 12, 14)),
        ("internet-500", date(2026, 12, 15), None),
    ]


async def test_a_subscriber_is_disconnected_and_what_is_missing_is_billed(ledger: SqlLedger) -> None:
    account = await connects(ledger)
    day = datetime.fromisoformat("2026-12-20T12:00:00+05:00")
    await opens(ledger, "79", "disconnect", day, account=account)
    await does(ledger, "79", "plan_visit", day, day="2026-12-20", crew="north")
    await does(ledger, "79", "dismantle", day, serials="A1")
    await does(ledger, "79", "equipment", day, all_back=NO, price="15000")
    await does(ledger, "79", "documents", day)
    assert (await standing(ledger, "79")).outcome == "disconnected"
    assert await service_state(ledger) is ServiceState.DISCONNECTED
    assert await subscriptions(ledger) == [("internet-100", date(2026, 12, 3), date(2026, 12, 20))]
    (fee,) = [item for item in (await ledger.agreed("dana")).items if isinstance(item, Fee)]
    assert (fee.amount_minor, fee.text) == (15000_00, "Equipment that was not given back")
    assert await told(ledger, "79") == ["received", "ask_for_debt", "tell_visit", "tell_disconnected"]


@pytest.mark.parametrize(
    ("category", "department", "step", "hours"),
    [("No connection", "crew", "repair", 4), ("Bill or payment", "accounting", "money", 48),
     ("Contract", "operator", "office", 24)],
)  # fmt: skip
async def test_a_request_goes_by_its_category_and_is_answered(
    ledger: SqlLedger, category: str, department: str, step: str, hours: int
) -> None:
    account = await connects(ledger)
    await opens(ledger, "80", "request", account=account, values={"category": category, "text": "Help"})
    task = await task_of(ledger, "80")
    assert (task.department, task.due_at) == (department, LATER + timedelta(hours=hours))
    await does(ledger, "80", step, answer="Done")
    assert (await standing(ledger, "80")).outcome == "answered"
    assert (await told(ledger, "80"))[0] == "received"


async def test_an_answered_request_is_reopened_within_some_days(ledger: SqlLedger) -> None:
    account = await connects(ledger)
    values = {"category": "Bill or payment", "text": "Help"}
    await opens(ledger, "80", "request", account=account, values=values)
    with pytest.raises(InvalidInput, match="80 is open"):
        await ledger.change_service_order("80", Reopen(**by("early")), LATER)
    await does(ledger, "80", "money", answer="Paid on Monday")
    reopened, _ = await ledger.change_service_order("80", Reopen(**by("again")), LATER + timedelta(days=4))
    assert (reopened.stage, reopened.step) == (ServiceStage.AWAITING_TASK, "office")
    await does(ledger, "80", "office", answer="Paid on Tuesday")
    assert (await standing(ledger, "80")).outcome == "answered"
    with pytest.raises(InvalidInput, match="could be reopened until"):
        await ledger.change_service_order("80", Reopen(**by("late")), LATER + timedelta(days=9))
    with pytest.raises(InvalidInput, match="77 ended as connected, and is not reopened"):
        await ledger.change_service_order("77", Reopen(**by("no")), LATER)


async def test_an_order_whose_fee_has_no_amount_in_the_customers_currency_is_refused_at_once(ledger: SqlLedger) -> None:
    with pytest.raises(InvalidInput, match="the fee connection has no amount in JPY; add one to the procedure's file"):
        await opens(ledger, "77", "connect", currency="jpy", values={"tariff": "internet-100", "address": "Abay 1"})
    assert await ledger.service_standing("77") is None
    assert await ledger.services_of("dana") == []
