"""The office of a provider on a bed: its staff, what they do with tasks, and its papers, for the judge to read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from billing.customers.contact_hours import ContactHours, Weekday
from billing.keys import order_workflow_id
from billing.money import parse_amount
from billing.payments.typed_payment import TypedPayment
from billing.subscribers.newcomer import NewSubscriber
from billing.tariffs.tariff import Tariff, TariffVersion
from billing.tasks.documents import NewDocument
from billing.tasks.listing import TaskFilter
from billing.tasks.member import Member
from billing.tasks.task import Completion, Task
from bootstrap import connect_payment_desk
from bootstrap_procedures import connect_procedures
from orders.changes import Cancel, Reopen
from orders.order import Buyer
from orders.procedures.procedure import Procedure
from orders.service.service_order import ServiceRequest, ServiceStanding
from sandbox.stack.stand_ins import serve
from sandbox.stack.temporal_server import TemporalServer
from sandbox.stand_ins.bank import Bank, Transfer
from sandbox.stand_ins.event_receiver import SECRET, receiver_app
from sandbox.stand_ins.office import OFFICE, Office
from sandbox.timeline import OVERSHOOT, until
from settings import Settings
from tests.bed import PATIENCE_SECONDS, Bed, now, prepared_bed

STAFF = {"olga": "operator", "anton": "accounting", "wanda": "warehouse", "kim": "crew"}
FEE = "10"
PDF = b"%PDF-1.7 signed"
ZONE = "Europe/Paris"


@asynccontextmanager
async def office(server: TemporalServer, folder: Path) -> AsyncIterator[Bed]:
    """A bed whose events are received, where everybody may be texted at any time, with staff and two tariffs."""
    hours = ContactHours(start=time(0, 0), end=time(23, 59), weekdays=tuple(Weekday))
    async with serve(receiver_app(folder / "events.jsonl")) as port:
        told: dict[str, Any] = {"events_url": f"http://127.0.0.1:{port}/events", "events_secret": SecretStr(SECRET)}
        async with prepared_bed(server, folder, "", contact_hours=hours, **told) as bed:
            for name, department in STAFF.items():
                papers(bed).employs(name, department)
            for code, fee_minor in (("slow", 1500), ("fast", 4500)):
                version = TariffVersion(starts_on=date(2026, 1, 1), fee_minor=fee_minor)
                tariff = Tariff(code=code, name=code, currency="eur", versions=(version,))
                await bed.ledger.add_tariff(tariff, "ann", "list", now())
            yield bed


@cache
def shipped() -> dict[str, Procedure]:
    return connect_procedures(Settings(_env_file=None))


def papers(bed: Bed) -> Office:
    return Office(bed.folder / OFFICE)


def member(name: str) -> Member:
    return Member(name, (STAFF[name],))


async def ordered(
    bed: Bed, number: str = "77", procedure: str = "connect", at: datetime | None = None, **changes: Any
) -> None:
    given: dict[str, Any] = {"currency": "eur", "timezone": ZONE}
    if procedure == "connect":
        given |= {
            "buyer": Buyer(customer_id="dana", name="Dana A.", email=None),
            "subscriber": NewSubscriber(phone="+77011234567", address="Abay Ave. 1"),
            "values": {"tariff": "slow"},
        }
        bed.started.append("dana")
    request = ServiceRequest(number=number, procedure=procedure, **given | changes)
    papers(bed).orders(request, shipped()[procedure])
    bed.orders.append(number)
    await bed.ledger.open_service_order(request, shipped()[procedure], at or now(), "ann", "cli")


async def task_at(bed: Bed, step: str, number: str = "77") -> Task | None:
    """The order's newest task of the step, open or not."""
    tasks = [
        task for task in await bed.ledger.tasks(TaskFilter(order_number=number, open_only=False)) if task.step == step
    ]
    return max(tasks, key=lambda task: task.number, default=None)


async def does(
    bed: Bed, step: str, by: str | None = None, number: str = "77", at: datetime | None = None, **typed: str
) -> None:
    """With a paper for each field that takes one and has to have it."""
    task = await task_at(bed, step, number)
    assert task is not None, f"order {number} is not at {step}: {await standing(bed, number)}"
    by = by or next(name for name, department in STAFF.items() if department == task.department)
    files = [NewDocument(field.name, "signed.pdf", PDF) for field in task.form if field.type.is_file and field.required]
    papers(bed).does(number, step, by, [file.digest for file in files], **typed)
    for file in files:
        await bed.ledger.add_document(task.number, member(by), file, at or now())
    await bed.ledger.complete_task(task.number, member(by), Completion(typed=typed), at or now())


async def returns(bed: Bed, step: str, to: str, number: str = "77") -> None:
    task = await task_at(bed, step, number)
    assert task is not None
    by = next(name for name, department in STAFF.items() if department == task.department)
    papers(bed).returns(number, step, by, to)
    await bed.ledger.return_task(task.number, member(by), to, "look again", now())


async def asks(bed: Bed, change: Cancel | Reopen, number: str = "77") -> None:
    papers(bed).asks(number, change)
    await bed.ledger.change_service_order(number, change, now())


def _day(at: datetime) -> str:
    return f"{at.astimezone(ZoneInfo(ZONE)):%Y-%m-%d}"


async def installed(bed: Bed, number: str = "77") -> None:
    await does(bed, "plan_visit", number=number, day=_day(now()), crew="north")
    await does(bed, "installation", number=number, serials="A1 B2")
    await does(bed, "documents", number=number)


async def taken_down(bed: Bed, number: str, at: datetime | None = None, **equipment: str) -> None:
    await does(bed, "plan_visit", number=number, at=at, day=_day(at or now()), crew="north")
    await does(bed, "dismantle", number=number, at=at)
    await does(bed, "equipment", number=number, at=at, **equipment)
    await does(bed, "documents", number=number, at=at)


async def connected(bed: Bed) -> str:
    """The account of a subscriber who is connected."""
    await ordered(bed)
    await does(bed, "feasibility", possible="yes", equipment="no")
    await pays(bed)
    await installed(bed)
    shown = await bed.ledger.service_order("77")
    assert shown is not None
    assert shown.order.account is not None
    return shown.order.account


async def pays(bed: Bed, amount: str = FEE) -> None:
    """The subscriber sends money, which says whose it is and not what for; a person records it."""
    reference = f"bank-{amount}"
    sent = {"reference": reference, "payer": "Dana", "currency": "eur", "customer_id": "dana", "sent_at": now()}
    Bank(bed.folder / "bank.jsonl").credit(
        Transfer.model_validate({**sent, "amount_minor": parse_amount(amount, "eur")})
    )
    typed = TypedPayment("transfer", reference, amount, "eur", "ann", "by the statement", "dana", payer="Dana")
    await connect_payment_desk(bed.settings, bed.adapters).record(typed, now())


async def standing(bed: Bed, number: str = "77") -> ServiceStanding:
    found = await bed.ledger.service_standing(number)
    assert found is not None
    return found


async def passes(bed: Bed, instant: datetime, holds: Any, number: str = "77") -> None:
    """The order's workflow reaches the instant, and has done what was due."""
    handle = bed.client.get_workflow_handle(order_workflow_id(number))
    await everybody_is_told(bed)
    await bed.timeline.reach(handle, instant + OVERSHOOT)

    async def is_done() -> bool:
        return bool(holds(await standing(bed, number)))

    await until(is_done, PATIENCE_SECONDS)


async def everybody_is_told(bed: Bed) -> None:
    async def is_done() -> bool:
        return not [event async for page in bed.ledger.outgoing_events(undelivered_only=True) for event in page]

    await until(is_done, PATIENCE_SECONDS)
