"""Who is told of orders: other systems of each step, customers by text, people of what is late."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

from billing.mails.mail import StepMessageRow
from billing.reviewers.alerts import AlertKind
from billing.tasks.log import TaskAct
from billing.texts.text import TextKind, TextRow, TextStatus
from orders.procedures.texts import ProcedureText
from orders.service.service_order import StepRecord
from sandbox.judge.evidence import Evidence
from sandbox.judge.service_orders.service_evidence import ServiceOrderEvidence, TaskEvidence

_DAY, _MOMENT = timedelta(days=1), timedelta(minutes=1)
_IF_OWED = (TextKind.PAY_FEE, TextKind.PAY_DEBT)
_OF_STEPS = [TextKind(text) for text in ProcedureText]
_LATE = "was to be done by"
_NOT_SENT = (TextStatus.FAILED, TextStatus.UNKNOWN)


def wrongly_told(evidence: Evidence) -> Iterator[str]:
    """Each step once to other systems, in its order; each text of a step once to its customer."""
    events = defaultdict[str, list[dict[str, Any]]](list)
    for event in {event["id"]: event for event in evidence.deliveries or ()}.values():
        if event["type"] == "order.step":
            events[event["data"]["number"]].append(event["data"])
    for order in evidence.services.orders:
        told = events.pop(order.number, [])
        if evidence.deliveries is not None:
            yield from (f"{order.name}: {wrong}" for wrong in _events(order, told, evidence.is_over))
    yield from (f"order {number}, which nobody knows, was told to be somewhere" for number in events)
    for customer_id, rows in evidence.services.texts.items():
        yield from (f"{customer_id}: {wrong}" for wrong in _texts(evidence, customer_id, rows))


def _events(order: ServiceOrderEvidence, told: list[dict[str, Any]], is_over: bool) -> Iterator[str]:
    revisions = [data["revision"] for data in told]
    yield from (f"revision {name} was told {times} times" for name, times in Counter(revisions).items() if times > 1)
    if revisions != sorted(revisions):
        yield f"its steps were told in the order {revisions}"
    places = {record.position: record.step for record in order.records}
    for data in told:
        if (place := places.get(data["position"])) != data["step"]:
            yield f"it was told to be at {data['step']}, step {data['position']}, and was at {place}"
    if is_over and (untold := places.keys() - {data["position"] for data in told}):
        yield f"nobody was told of the steps {[places[position] for position in sorted(untold)]}"


def _texts(evidence: Evidence, customer_id: str, rows: list[TextRow]) -> Iterator[str]:
    """By the vendor's own journal, and by what has arrived at the mail server: once by either, and by one at least.

    Words that ask for money are not sent where nothing is owed by then.
    """
    orders = [order for order in evidence.services.orders if order.order.customer_id == customer_id]
    steps = [(order, record) for order in orders for record in order.records_of("tell") if record.ended_at]
    passed = Counter(_kind(*step) for step in steps)
    names = {text["id"] or f"{text['to']} {text['body']}" for text in evidence.subscribers.texts}
    sent = Counter(row.kind for row in rows if {row.message_id, f"{row.recipient} {row.body}"} & names)
    excused = Counter(row.kind for row in rows if row.status in _NOT_SENT)
    mails = evidence.services.mails.get(customer_id, [])
    arrived = [mail for mail in mails if evidence.arrivals(mail.message_id)]
    mailed = Counter(_kind(*step) for step in steps if any(_is_of(mail, *step) for mail in arrived))
    if others := [mail for mail in arrived if not any(_is_of(mail, *step) for step in steps)]:
        yield f"was told by {len(others)} mails of steps at which no order was"
    for kind in passed.keys() | {kind for kind in _OF_STEPS if sent[kind]}:
        if sent[kind] > passed[kind]:
            yield f"was told {sent[kind]} times by text that it is {kind}, by the steps {passed[kind]} times"
        missing = passed[kind] - sent[kind] - mailed[kind] - excused[kind]
        if evidence.is_over and missing > 0 and kind not in _IF_OWED and not _is_known(evidence, customer_id, orders):
            yield f"was told {sent[kind]} times by text and {mailed[kind]} by mail of {kind}, should be {passed[kind]}"


def _kind(order: ServiceOrderEvidence, record: StepRecord) -> TextKind:
    return TextKind(order.plan.steps[record.step]["text"])


def _is_of(mail: StepMessageRow, order: ServiceOrderEvidence, record: StepRecord) -> bool:
    return mail.is_of(order.number, record.position)


def _is_known(evidence: Evidence, customer_id: str, orders: list[ServiceOrderEvidence]) -> bool:
    """Whether a text waits for contact hours, or people were told to tell it."""
    numbers = {order.number for order in orders}
    untold = [alert for alert in evidence.alerts if alert.order_number in numbers and "could not be told" in alert.text]
    return bool(untold) or any(event.customer_id == customer_id for event in evidence.services.waiting)


def wrongly_escalated(evidence: Evidence) -> Iterator[str]:
    """A late task goes to the other department once; whoever claims it then keeps it; people hear of it once a day."""
    alerts = [each for each in evidence.alerts if each.kind is AlertKind.PERSON and _LATE in each.text]
    for order in evidence.services.orders:
        own = [alert for alert in alerts if alert.order_number == order.number]
        for before, after in pairwise(sorted(own, key=lambda alert: (alert.text, alert.at))):
            if before.text == after.text and after.at - before.at < _DAY - _MOMENT:
                yield f"{order.name}: people were told at {before.at}, and again at {after.at}: {after.text}"
        for each in order.tasks:
            yield from (f"{order.name}, {each.task.step}: {wrong}" for wrong in _owner(order, each))


def _owner(order: ServiceOrderEvidence, each: TaskEvidence) -> Iterator[str]:
    """Whose it is, by all that has become of it; it is late only after its date."""
    task, step = each.task, order.plan.steps[each.task.step or ""]
    escalations = [entry for entry in each.log if entry.act is TaskAct.ESCALATED]
    if len(escalations) > 1:
        yield f"it went to {task.department} {len(escalations)} times"
    if escalations and task.due_at is not None and escalations[0].at < task.due_at:
        yield f"it went to {task.department} at {escalations[0].at}, and was not late"
    department = step["escalates_to"] if escalations else step.get("department") or step["asks"]
    if task.department != department:
        yield f"it is a task of {task.department}, should be of {department}"
    owner = each.log[-1].owner if each.log else None
    if task.owner != owner:
        yield f"it is {task.owner or 'nobody'}'s, and people have made it {owner or 'nobody'}'s"
