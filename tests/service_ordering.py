"""What the tests of service orders share: procedures, requests, and what departments do with their tasks."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from adapters.sql.ledger import SqlLedger
from billing.receivables.incoming import IncomingPayment
from billing.subscribers.newcomer import NewSubscriber
from billing.tariffs.tariff import Tariff, TariffVersion
from billing.tasks.listing import TaskFilter
from billing.tasks.member import Member
from billing.tasks.task import Completion, Task
from orders.order import Buyer
from orders.procedures.procedure import Procedure
from orders.service.ports import ServiceOpened, ServiceShown
from orders.service.service_order import ServiceRequest

AT = datetime(2026, 12, 1, 3, 0, 0, 123456, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
DAN = Buyer(customer_id="dana", name="Dana Añ", email="dana@example.com")
FEE_MINOR = 5000_00
YES = "yes"


def _task(name: str, department: str, go: Any, **changes: Any) -> dict[str, Any]:
    title = name.replace("_", " ").capitalize()
    return {"kind": "task", "name": name, "title": title, "department": department, "due": "2d", "next": go, **changes}


def _field(name: str, kind: str = "yes_no", **changes: Any) -> dict[str, Any]:
    return {"name": name, "label": name.capitalize(), "type": kind, **changes}


CONNECT = Procedure.model_validate(
    {
        "name": "connect",
        "title": "Connect a subscriber",
        "fields": [
            {"name": "subscriber", "label": "Who is connected"},
            {"name": "tariff", "label": "Tariff"},
        ],
        "fees": [{"code": "connection", "title": "Connection fee", "amount": "5000 KZT"}],
        "steps": [
            _task(
                "feasibility",
                "operator",
                [{"go": "fee", "when": {"feasibility.possible": True}}, {"go": "refuse"}],
                form=[_field("possible")],
            ),
            {"kind": "payment", "name": "fee", "title": "Connection fee", "fee": "connection", "expires": "14d",
             "next": [{"go": "install", "when": {"fee.outcome": "settled"}}, {"go": "refuse"}]},
            _task(
                "install",
                "crew",
                "activate",
                form=[_field("serials", "serials", required=False)],
                can_return_to=["feasibility"],
                escalates_to="operator",
            ),
            {"kind": "call", "name": "activate", "title": "Switch on", "change": "activate", "next": "bill"},
            {"kind": "billing", "name": "bill", "title": "Start billing", "action": "start", "next": "told"},
            {"kind": "tell", "name": "told", "title": "Tell", "text": "connected", "next": "connected"},
            {"kind": "end", "name": "connected", "title": "Connected", "outcome": "connected"},
            {"kind": "call", "name": "refuse", "title": "Close the account", "change": "disconnect", "next": "refused"},
            {"kind": "end", "name": "refused", "title": "Refused", "outcome": "refused"},
        ],
        "cancel_until": "install",
        "cancel_instead": "disconnect the account",
        "undo": "refuse",
    }
)  # fmt: skip
DISCONNECT = Procedure.model_validate(
    {
        "name": "disconnect",
        "title": "Disconnect a subscriber",
        "fields": [{"name": "account", "label": "Account"}, {"name": "date", "label": "Day", "required": False}],
        "steps": [
            {"kind": "payment", "name": "debt", "title": "Debt", "nothing_owed": True, "asks": "accounting",
             "due": "1d", "next": [{"go": "stay", "when": {"debt.outcome": "refused"}}, {"go": "day"}]},
            {"kind": "wait", "name": "day", "title": "Until the day", "until": "date", "next": "dismantle"},
            _task("dismantle", "crew", "missing", form=[_field("missing", "money", required=False)]),
            {"kind": "billing", "name": "missing", "title": "Missing equipment", "action": "charge",
             "amount": "dismantle.missing", "next": "off"},
            {"kind": "call", "name": "off", "title": "Switch off", "change": "disconnect", "next": "close"},
            {"kind": "billing", "name": "close", "title": "Close billing", "action": "close", "next": "gone"},
            {"kind": "end", "name": "gone", "title": "Disconnected", "outcome": "disconnected"},
            {"kind": "end", "name": "stay", "title": "Stays", "outcome": "stays"},
        ],
        "undo": "stay",
    }
)  # fmt: skip


def request(number: str = "77", **changes: Any) -> ServiceRequest:
    given: dict[str, Any] = {
        "procedure": "connect",
        "buyer": DAN,
        "currency": "kzt",
        "timezone": "Asia/Almaty",
        "subscriber": NewSubscriber(phone="+77011234567", address="Abay Ave. 1"),
        "values": {"tariff": "internet-100"},
    }
    return ServiceRequest(number=number, **given | changes)


async def with_tariff(ledger: SqlLedger, code: str = "internet-100", fee_minor: int = 4500_00) -> None:
    version = TariffVersion(starts_on=date(2026, 1, 1), fee_minor=fee_minor)
    await ledger.add_tariff(Tariff(code=code, name=code, currency="kzt", versions=(version,)), "ann", "list", AT)


async def opened(ledger: SqlLedger, at: datetime = AT, **changes: Any) -> ServiceOpened:
    return await ledger.open_service_order(request(**changes), CONNECT, at, "ann", "cli")


async def shown(ledger: SqlLedger, number: str = "77") -> ServiceShown:
    found = await ledger.service_order(number)
    assert found is not None
    return found


async def task_of(ledger: SqlLedger, number: str = "77") -> Task:
    """The one open task of the order."""
    (task,) = await ledger.tasks(TaskFilter(order_number=number))
    return task


async def done(ledger: SqlLedger, number: str = "77", at: datetime = LATER, **typed: str) -> Task:
    """The order's department does its open task."""
    task = await task_of(ledger, number)
    who = Member(f"of-{task.department}", (task.department,))
    return await ledger.complete_task(task.number, who, Completion(typed=typed), at)


def payment(amount_minor: int = FEE_MINOR, reference: str = "one", **changes: Any) -> IncomingPayment:
    given: dict[str, Any] = {
        "rail": "bank-app",
        "reference": reference,
        "customer_id": "dana",
        "amount_minor": amount_minor,
        "currency": "kzt",
        "paid_at": AT,
    }
    return IncomingPayment(**given | changes)


async def connected(ledger: SqlLedger, number: str = "77") -> str:
    """A subscriber whose connection has come to its end; the account's number."""
    await with_tariff(ledger)
    await opened(ledger, number=number)
    await done(ledger, number, possible=YES)
    await ledger.book(payment(), LATER)
    await done(ledger, number)
    account = (await shown(ledger, number)).order.account
    assert account is not None
    return account
