"""Orders by the procedures that are shipped, and people who do their steps."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters.procedures import procedure_files
from adapters.sql.ledger import SqlLedger
from billing.events.event import Destination
from billing.tariffs.items import Subscription
from billing.tasks.documents import NewDocument
from billing.tasks.member import Member
from billing.tasks.task import Completion
from orders.procedures.checks import Known
from orders.procedures.files import procedures_of
from orders.procedures.procedure import Procedure
from orders.procedures.texts import ProcedureText
from orders.service.service_order import ServiceStanding
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


async def subscriptions(ledger: SqlLedger) -> list[tuple[str, date, date | None]]:
    items = [item for item in (await ledger.agreed("dana")).items if isinstance(item, Subscription)]
    return [(item.tariff, item.starts_on, item.ends_on) for item in items]
