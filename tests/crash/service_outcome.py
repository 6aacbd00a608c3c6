"""What a service order came to: nothing in it may differ when the story is told again, such as ids and instants."""

from collections import Counter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from billing.period import Period
from billing.receivables.payment_list import PaymentFilter
from billing.tasks.listing import TaskFilter
from billing.texts.text import TextStatus
from orders.service.ports import ServiceShown
from orders.service.service_order import ServiceStage
from sandbox.sms.store import SMS_JOURNAL, texts
from sandbox.stand_ins.event_receiver import read_events
from sandbox.stand_ins.provisioning import told
from sandbox.timeline import until
from tests.bed import PATIENCE_SECONDS, now
from tests.crash.departments import followed
from tests.crash.story import CrashBed

_ON_THEIR_WAY = (TextStatus.SENDING, TextStatus.WAITING)


async def comes_to(bed: CrashBed, number: str, customer_id: str, account: str, with_bill: bool) -> dict[str, Any]:
    """Everything that anybody has of it, once the order has ended and everybody is told."""
    shown = await _ended(bed, number, customer_id)
    value = await followed(bed, number).result()
    agreed = await bed.ledger.agreed(customer_id)
    customer = await bed.ledger.customer(customer_id)
    assert customer is not None
    today = shown.order.opened_at.astimezone(ZoneInfo(shown.order.timezone)).date()
    return {
        "order": (shown.order.stage, shown.standing.outcome, shown.standing.owed_minor, shown.order.revision),
        "workflow": (value.stage, value.standing.outcome),
        "steps": [(each.step, each.outcome, each.by) for each in shown.steps],
        "tasks": await _tasks(bed, number),
        "service": [(each.state, each.cause, each.call) for each in await bed.ledger.service_changes(account)],
        "provisioning": _calls(bed.folder / "provisioning.jsonl"),
        "texts": [(row.kind, _as_sent(row.status)) for row in await _texts(bed, customer_id)],
        "texts at the vendor": [count for _, count in sorted(_sent(bed.folder / SMS_JOURNAL).items())],
        "mails": _mails(bed),
        "events": _events(bed.folder / "events.jsonl"),
        "journal": await _journal(bed, customer_id),
        "bank": [(row.rail, row.amount_minor) for row in (await bed.ledger.incoming_payments(PaymentFilter())).rows],
        "agreed": [
            (each.kind, (each.starts_on - today).days, each.ends_on and (each.ends_on - today).days)
            for each in agreed.items
        ],
        "pays by": (customer.payment_method.kind, customer.terms.bill_by),
        "log": [(entry.what, entry.by) for entry in shown.log],
        "alerts": Counter(alert.kind for alert in await bed.ledger.alerts()),
        "month": await _month(bed, customer_id, with_bill),
    }


async def _ended(bed: CrashBed, number: str, customer_id: str) -> ServiceShown:
    async def look() -> ServiceShown | None:
        shown = await bed.ledger.service_order(number)
        if shown is None or shown.order.stage is not ServiceStage.COMPLETED:
            return None
        waiting = [event async for page in bed.ledger.outgoing_events(undelivered_only=True) for event in page]
        sent = all(row.status not in _ON_THEIR_WAY for row in await _texts(bed, customer_id))
        return shown if sent and not waiting else None

    return await until(look, PATIENCE_SECONDS)


async def _tasks(bed: CrashBed, number: str) -> list[Any]:
    """Of each, in their order: who has done what with it, and which files it has."""
    found = []
    for task in sorted(
        await bed.ledger.tasks(TaskFilter(order_number=number, open_only=False)), key=lambda task: task.number
    ):
        acts = [(entry.act, entry.by, entry.department) for entry in await bed.ledger.task_log(task.number)]
        files = [(file.field, file.name) for file in await bed.ledger.documents(task.number)]
        found.append(
            (task.step, task.department, task.owner, task.end and (task.end.outcome, task.end.by), acts, files)
        )
    return found


async def _texts(bed: CrashBed, customer_id: str) -> list[Any]:
    return sorted(await bed.ledger.texts(customer_id), key=lambda row: row.began_at)


def _as_sent(status: TextStatus) -> TextStatus:
    """A text that is looked up after its answer was lost has been delivered by then."""
    return TextStatus.SENT if status is TextStatus.DELIVERED else status


def _sent(journal: Path) -> Counter[str]:
    """How often the vendor has taken each text."""
    return Counter(text["id"] for text in texts(journal))


def _mails(bed: CrashBed) -> Counter[str]:
    """Those to the customer, by kind; whoever gets a mail twice sees it once."""
    kinds = {mail.message_id: mail.headers["X-Billing-Ref"].partition("/")[0] for mail in bed.letters()}
    return Counter(kinds.values())


def _calls(journal: Path) -> list[Any]:
    calls = [call["event"]["data"] for call in told(journal) if not call["is_copy"]]
    return [(data["position"], data["state"]) for data in calls]


def _events(journal: Path) -> list[tuple[str, str]]:
    """What the company's system was told, in its order, copies left out."""
    events = {event["id"]: event for event in read_events(journal)}
    return [(event["type"], event["data"].get("step", "")) for event in events.values()]


async def _journal(bed: CrashBed, customer_id: str) -> list[Any]:
    return [
        (transaction.cause, [(entry.account.kind, entry.amount_minor) for entry in transaction.entries])
        for transaction in await bed.ledger.transactions(customer_id)
    ]


async def _month(bed: CrashBed, customer_id: str, with_bill: bool) -> Any:
    """Whether the customer's months run, since which; the lines of the bill that follows."""
    month = await bed.month(customer_id)
    is_current = month.period == Period.at(now(), month.customer.timezone)
    if not with_bill:
        return is_current
    await bed.skip_to(customer_id, month.import_at)
    drafted = await bed.drafted(customer_id, month.period)
    assert drafted.invoice is not None
    return is_current, [(line.description, line.amount_minor) for line in drafted.invoice.lines]
