"""What a subscriber goes through with a service order: connected by four departments, and disconnected again.

A story begins with what is there before anybody can be killed, and goes on with what may be told over and over.
"""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from billing.customers.customer import Customer, Terms
from billing.invoices.commands import Delivered
from billing.invoices.invoice import Invoice, LineItem
from billing.invoices.month import Month
from billing.payments.methods import BillPayer
from billing.period import Period
from billing.subscribers.service import Change, NewService, ServiceCause, ServiceState
from billing.tariffs.changes import Subscribe
from billing.tariffs.tariff import Tariff, TariffVersion
from billing.texts.text import TextKind
from tests.bed import now
from tests.crash.departments import Departments, followed
from tests.crash.story import CrashBed
from tests.scenarios.subscriber_steps import NUMBER, PHONE

ZONE = "Europe/Paris"
DEBT_MINOR = 1200
_BEYOND = timedelta(minutes=1)
_BY = "ann", "contract 17"


class Story(NamedTuple):
    """``happens`` answers the account. ``promised`` is what has to come of it; ``with_bill``: with the month's bill."""

    procedure: str
    prepare: Callable[[CrashBed, str], Awaitable[None]]
    happens: Callable[[Departments, str], Awaitable[str]]
    with_bill: bool
    promised: dict[str, Any]


async def _with_tariff(bed: CrashBed, customer_id: str) -> Period:
    bed.started.append(customer_id)
    period = Period.at(now(), ZONE)
    for each in (period, period.next()):
        bed.sales(each)
    version = TariffVersion(starts_on=date(2026, 1, 1), fee_minor=4500)
    await bed.ledger.add_tariff(
        Tariff(code="net", name="Internet 100", currency="eur", versions=(version,)), *_BY, now()
    )
    return period


async def _nobody_knows_them(bed: CrashBed, customer_id: str) -> None:
    await _with_tariff(bed, customer_id)


async def is_connected(people: Departments, customer_id: str) -> str:
    """Their account."""
    taken = await people.places(
        procedure="connect",
        buyer={"customer_id": customer_id, "name": "Dana A.", "email": "dana@example.com"},
        subscriber={"phone": PHONE, "address": "Abay Ave. 1"},
        tariff="net",
        address="Abay Ave. 1",
        currency="eur",
        timezone=ZONE,
    )
    account = str(taken["account"])
    await people.does("feasibility", possible="yes", equipment="yes")
    await people.does("equipment", to_be_bought="no", what="a router")
    await people.is_asked(TextKind.PAY_FEE)
    await people.pays(account, "10.00")
    await people.does("plan_visit", day=_today(), crew="north")
    await people.does("installation", serials="A1 B2")
    await people.does("documents", files=("contract",))
    return account


async def _is_billed_and_owes(bed: CrashBed, customer_id: str) -> None:
    """By a tariff since the month began; and a bill of two months ago is not paid."""
    period = await _with_tariff(bed, customer_id)
    customer = Customer(
        customer_id=customer_id,
        name="Dana A.",
        email="dana@example.com",
        phone=PHONE,
        currency="eur",
        timezone=ZONE,
        payment_method=BillPayer(),
        terms=Terms.model_validate({"bill_by": ("sms",)}),
    )
    before = period.previous()
    await _closed(bed, customer, before.previous(), DEBT_MINOR)
    await _closed(bed, customer, before, 0)
    new = NewService(customer_id=customer_id, key="add", number=NUMBER, phone=PHONE, by="ann", reason="new")
    await bed.ledger.register_service(new, now())
    active = Change(ServiceState.ACTIVE, ServiceCause.CONNECTED, "connect", now(), *_BY)
    await bed.ledger.change_service(NUMBER, active)
    await bed.ledger.agree(Subscribe(account=NUMBER, tariff="net", starts_on=period.first_day), *_BY, now())
    await bed.start(customer)


async def _closed(bed: CrashBed, customer: Customer, period: Period, amount_minor: int) -> None:
    """A month that is over, with a bill if there is something to bill."""
    line = LineItem(line_id="row-2", description="Internet", amount_minor=amount_minor)
    lines = (line,) if amount_minor else ()
    opened = Month.open(customer, period)
    drafted = opened.drafted(Invoice(currency="eur", imported_at=opened.import_at, lines=lines))
    await bed.ledger.record(drafted, now())
    closed = drafted.announcing(drafted.notice_at)
    if amount_minor:
        closed = closed.delivered(Delivered(at=drafted.notice_at))
    await bed.ledger.record(closed, now())


async def is_disconnected(people: Departments, customer_id: str) -> str:
    """They pay what they owe; equipment is missing; and the papers are late, so that another department has them."""
    await people.places(procedure="disconnect", account=NUMBER, text="moves abroad")
    await people.is_asked(TextKind.PAY_DEBT)
    await people.pays(NUMBER, "12.00")
    await people.does("plan_visit", day=_today(), crew="north")
    await people.does("dismantle", serials="A1")
    await people.does("equipment", all_back="no", price="15.00")
    late = await people.task("documents")
    assert late.due_at is not None
    await people.knows("documents")
    await people.bed.timeline.reach(followed(people.bed, people.number), late.due_at + _BEYOND)
    await people.does("documents", "accounting", files=("termination",))
    return NUMBER


def _today() -> str:
    return f"{datetime.now(ZoneInfo(ZONE)):%Y-%m-%d}"


STORIES = (
    Story(
        "connect",
        _nobody_knows_them,
        is_connected,
        False,
        {
            "provisioning": [(2, "active")],
            "texts": [(kind, "sent") for kind in ("received", "pay_fee", "visit", "connected")],
            "texts at the vendor": [1, 1, 1, 1],
            "agreed": [("subscription", 0, None)],
            "bank": [("terminals", 1000)],
            "alerts": {},
        },
    ),
    Story(
        "disconnect",
        _is_billed_and_owes,
        is_disconnected,
        True,
        {
            "provisioning": [(2, "active"), (3, "disconnected")],
            "texts": [(kind, "sent") for kind in ("received", "pay_debt", "visit", "disconnected")],
            "texts at the vendor": [1, 1, 1, 1],
            "bank": [("terminals", DEBT_MINOR)],
            "alerts": {"person": 1},  # the papers are late
        },
    ),
)
