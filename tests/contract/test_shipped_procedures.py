"""The procedures that are shipped, each from its opening to its end, on a real ledger; no worker and no server runs."""

import re
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters.procedures import procedure_files
from adapters.sql.ledger import SqlLedger
from billing.errors import InvalidInput
from billing.events.event import Destination
from billing.invoices.invoice import Invoice
from billing.invoices.month import Month
from billing.period import Period
from billing.subscribers.service import ServiceState
from billing.tariffs.items import Fee, Subscription
from billing.tasks.documents import NewDocument
from billing.tasks.member import Member
from billing.tasks.task import Completion
from orders.changes import Correct, Halt, Reopen, Resume
from orders.procedures.checks import Known
from orders.procedures.files import procedures_of
from orders.procedures.procedure import Procedure
from orders.procedures.texts import ProcedureText
from orders.service.service_order import ServiceStage, ServiceStanding
from tests.contract.event_fixtures import listed
from tests.ordering import by
from tests.service_ordering import LATER, YES, payment, request, shown, task_of, with_tariff

SHIPPED = Path(__file__).parents[2] / "procedures"
PDF = b"%PDF-1.7 a signed contract"
NO = "no"


@cache
def shipped() -> dict[str, Procedure]:
    known = Known(departments=("operator", "accounting", "warehouse", "crew"), texts=tuple(ProcedureText))
    return procedures_of(procedure_files(SHIPPED, known))


def without_limit() -> Procedure:
    """The request whose answers may be of any length, as an order may still have it."""
    return asking_for("text")


def asking_for(kind: str) -> Procedure:
    """The request whose answers are fields of this type."""
    given: dict[str, Any] = shipped()["request"].model_dump(mode="json")
    for step in given["steps"]:
        for field in step.get("form", []):
            field |= {"type": kind, "max": None}
    return Procedure.model_validate(given)


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    """A ledger that tells everybody, with two tariffs."""
    ledger = await SqlLedger.connect(url, tuple(Destination))
    await with_tariff(ledger)
    await with_tariff(ledger, "internet-500", 9000_00)
    yield ledger
    await ledger.close()


async def opens(ledger: SqlLedger, number: str, procedure: str, at: datetime = LATER, **changes: Any) -> None:
    given: dict[str, Any] = {"procedure": procedure}
    if procedure != "connect":
        given |= {"buyer": None, "subscriber": None, "values": {}}
    await ledger.open_service_order(request(number, **given | changes), shipped()[procedure], at)


async def does(ledger: SqlLedger, number: str, step: str, at: datetime = LATER, **typed: str) -> None:
    """The department does the task of this step, with a file for each field that takes one."""
    task = await task_of(ledger, number)
    assert task.step == step
    who = Member("somebody", (task.department,))
    for field in task.form:
        if field.type.is_file and field.required:
            await ledger.add_document(task.number, who, NewDocument(field.name, "contract.pdf", PDF), at)
    await ledger.complete_task(task.number, who, Completion(typed=typed), at)


async def standing(ledger: SqlLedger, number: str) -> ServiceStanding:
    found = await ledger.service_standing(number)
    assert found is not None
    return found


async def connects(ledger: SqlLedger) -> str:
    """A subscriber, through four departments; the account's number."""
    await opens(ledger, "77", "connect", values={"tariff": "internet-100", "address": "Abay Ave. 1"})
    await does(ledger, "77", "feasibility", possible=YES, equipment=YES)
    await does(ledger, "77", "equipment", to_be_bought=YES, what="a router")
    await does(ledger, "77", "purchase")
    await ledger.book(payment(), LATER)
    await does(ledger, "77", "plan_visit", day="2026-12-03", crew="north")
    day = datetime.fromisoformat("2026-12-03T12:00:00+05:00")
    await does(ledger, "77", "installation", day, serials="A1\nB2")
    await does(ledger, "77", "documents", day)
    assert (await standing(ledger, "77")).outcome == "connected"
    account = (await shown(ledger, "77")).order.account
    assert account is not None
    return account


async def told(ledger: SqlLedger, number: str) -> list[str]:
    """The steps that tell the customer, oldest first."""
    events = [event for event in await listed(ledger) if event.destination is Destination.CUSTOMER]
    data = [dict(event.payload["data"]) for event in events]  # type: ignore[call-overload]
    return [str(each["step"]) for each in data if each["number"] == number]


async def service_state(ledger: SqlLedger) -> ServiceState:
    (service,) = await ledger.services_of("dana")
    return service.state


async def subscriptions(ledger: SqlLedger) -> list[tuple[str, date, date | None]]:
    items = [item for item in (await ledger.agreed("dana")).items if isinstance(item, Subscription)]
    return [(item.tariff, item.starts_on, item.ends_on) for item in items]


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


async def a_change_into_a_drafted_month(ledger: SqlLedger) -> None:
    """78 is to change the tariff on 15 December, and halts at its billing: that month has its draft by then."""
    account = await connects(ledger)
    await opens(ledger, "78", "change_tariff", account=account, values={"tariff": "internet-500"})
    await does(ledger, "78", "look", visit=NO, first_day="2026-12-15")
    at = (await standing(ledger, "78")).next_at
    assert at is not None
    await ledger.pass_time("78", at)
    customer = await ledger.customer("dana")
    assert customer is not None
    seen = (await ledger.agreed("dana")).revision
    month = Month.open(customer, Period("2026-12")).drafted(Invoice(currency="kzt", imported_at=at, tariffs_seen=seen))
    await ledger.record_draft(month, at)
    await does(ledger, "78", "switch", at)
    halted = await standing(ledger, "78")
    assert (halted.stage, halted.step) == (ServiceStage.HALTED, "billing")
    assert "2026-12 has its draft already" in halted.halt_text


def correction(typed: str, name: str = "look.first_day", change_id: str = "right") -> Correct:
    return Correct(**by(change_id), name=name, typed=typed)


async def test_a_day_that_was_wrong_is_corrected_and_the_order_comes_to_its_end(ledger: SqlLedger) -> None:
    await a_change_into_a_drafted_month(ledger)
    for _ in range(2):  # a repeat changes nothing
        found, effect = await ledger.change_service_order("78", correction("2027-01-01"), LATER)
        assert found.stage is ServiceStage.HALTED, "only a resume has it go on"
        assert effect == "First day of the new tariff: 2027-01-01, and not 2026-12-15"
    await ledger.change_service_order("78", Resume(**by("on")), LATER)
    assert (await standing(ledger, "78")).outcome == "changed"
    assert await subscriptions(ledger) == [
        ("internet-100", date(2026, 12, 3), date(2026, 12, 31)),
        ("internet-500", date(2027, 1, 1), None),
    ]
    log = [entry for entry in (await shown(ledger, "78")).log if entry.what == "corrected"]
    assert [(entry.by, entry.text) for entry in log] == [("ann", effect)]


@pytest.mark.parametrize(
    ("name", "typed", "why"),
    [
        ("look.first_day", "tomorrow", "look.first_day: write a day of this century"),
        ("look.first_day", " ", "look.first_day: say what it is instead"),
        ("look.first_day", "2026-12-15", "look.first_day is that already"),
        ("debt.outcome", "settled", "knows no 'debt.outcome'; you can correct: tariff, look.visit, look.first_day"),
        ("plan_visit.day", "2026-12-24", "knows no 'plan_visit.day'"),
    ],
)
async def test_a_correction_that_says_nothing_useful_is_refused(
    ledger: SqlLedger, name: str, typed: str, why: str
) -> None:
    await a_change_into_a_drafted_month(ledger)
    with pytest.raises(InvalidInput, match=re.escape(why)):
        await ledger.change_service_order("78", correction(typed, name), LATER)
    assert (await shown(ledger, "78")).order.values["look.first_day"] == "2026-12-15"


async def test_a_day_that_is_waited_for_moves_with_its_correction_and_only_while_halted(ledger: SqlLedger) -> None:
    account = await connects(ledger)
    await opens(ledger, "78", "change_tariff", account=account, values={"tariff": "internet-500"})
    await does(ledger, "78", "look", visit=NO, first_day="2026-12-15")
    with pytest.raises(InvalidInput, match="78 is not halted; halt it first"):
        await ledger.change_service_order("78", correction("2026-12-20"), LATER)
    await ledger.change_service_order("78", Halt(**by("halt")), LATER)
    await ledger.change_service_order("78", correction("2026-12-20"), LATER)
    await ledger.change_service_order("78", Resume(**by("on")), LATER)
    assert (await standing(ledger, "78")).ends_at == datetime.fromisoformat("2026-12-20T00:00:00+05:00")


async def test_a_task_is_due_by_what_the_corrected_order_says(ledger: SqlLedger) -> None:
    account = await connects(ledger)
    await opens(ledger, "80", "request", account=account, values={"category": "Contract", "text": "Help"})
    assert (await task_of(ledger, "80")).due_at == LATER + timedelta(days=1)
    await ledger.change_service_order("80", Halt(**by("halt")), LATER)
    found, _ = await ledger.change_service_order("80", correction("Something else", "category"), LATER)
    assert (await task_of(ledger, "80")).due_at == found.due_at == LATER + timedelta(days=3)


async def test_words_of_somebodys_own_stay_out_of_the_log(ledger: SqlLedger) -> None:
    account = await connects(ledger)
    values = {"category": "Contract", "text": "My name is written wrongly"}
    await opens(ledger, "80", "request", account=account, values=values)
    await ledger.change_service_order("80", Halt(**by("halt")), LATER)
    _, effect = await ledger.change_service_order("80", correction("My address is", "text"), LATER)
    assert effect.endswith(": corrected")
    assert (await shown(ledger, "80")).order.values["text"] == "My address is"


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
