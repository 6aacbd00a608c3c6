"""The way of each order: by its procedure as it is on paper, as its departments have said, each task done once."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from orders.changes import Cancel, Correct, Halt, Reopen, Resume
from orders.service.service_order import StepRecord
from sandbox.judge.evidence import Evidence
from sandbox.judge.service_orders.plan import answers
from sandbox.judge.service_orders.service_evidence import ServiceOrderEvidence
from sandbox.stand_ins.office import Deed

_CHANGES = {"cancelled": Cancel, "corrected": Correct, "halted": Halt, "reopened": Reopen, "resumed": Resume}


class _Way(NamedTuple):
    """Where a step may have led, and what is known by it."""

    to: str
    known: dict[str, object]


def wrongly_led(evidence: Evidence) -> Iterator[str]:
    services = evidence.services
    if not services.is_on_paper:
        return
    lost = services.papers.requests.keys() - {order.number for order in services.orders}
    yield from (f"order {number} was asked for, and the ledger does not know it" for number in sorted(lost))
    for order in services.orders:
        yield from (f"{order.name}: {wrong}" for wrong in (*_opened(order), *_way(order), *_changed(order)))
        yield from (f"{order.name}: {wrong}" for wrong in _tasks(order, services.papers.staff))


def _opened(order: ServiceOrderEvidence) -> Iterator[str]:
    request, known = order.request, order.order
    if request is None:
        yield "nobody has asked for it"
        return
    if request.buyer is not None and request.buyer.customer_id != known.customer_id:
        yield f"it is {known.customer_id}'s, asked for was one of {request.buyer.customer_id}"
    if request.account is not None and request.account != known.account:
        yield "it is about another account than was asked for"
    opened = sum(entry.what == "opened" for entry in order.log)
    if opened != 1:
        yield f"it was opened {opened} times"


def _way(order: ServiceOrderEvidence) -> Iterator[str]:
    records = order.records
    if [record.position for record in records] != list(range(1, len(records) + 1)):
        yield f"its steps are {[record.position for record in records]}"
    if records[0].step != order.plan.beginning:
        yield f"it began with {records[0].step}"
    known: dict[str, object] = dict(order.request.values) if order.request else {}
    for before, after in pairwise(records):
        ways = [*_ways(order, before, known)]
        taken = [way for way in ways if way.to == after.step]
        known |= taken[0].known if taken else {}
        if before.ended_at is None or before.ended_at > after.began_at:
            yield f"{after.step} began before {before.step} had ended"
        if not ways:
            yield f"{before.step} is {before.outcome} by {before.by}, who has not said so"
        elif not taken:
            yield f"{before.step} ended as {before.outcome} and led to {after.step}, not to {ways[0].to}"


def _ways(order: ServiceOrderEvidence, record: StepRecord, known: dict[str, object]) -> Iterator[_Way]:
    """What the papers allow after this step, by how it is said to have ended; none, if they do not know of it."""
    step, plan = record.step, order.plan
    if record.outcome == "cancelled":
        asked = any(isinstance(change, Cancel) and change.by == record.by for change in order.changes)
        yield from [_Way(plan.undone_at(known), {})] if asked and plan.may_be_cancelled(step) else []
        return
    deeds = [deed for deed in order.deeds_for(step)[::-1] if deed.by == record.by and _was_before(deed, record)]
    match plan.kind(step):
        case "end":
            if any(isinstance(change, Reopen) for change in order.changes) and plan.reopened_at:
                yield _Way(plan.reopened_at, {})
        case "task" if record.outcome == "returned":
            allowed = plan.steps[step]["can_return_to"]
            yield from (_Way(deed.to, {}) for deed in deeds if deed.to is not None and deed.to in allowed)
        case "task":
            for deed in (each for each in deeds if each.to is None):  # the last one first: others may be refused
                said = dict(answers(step, deed.typed))
                yield _Way(plan.after(step, {**known, **said}), said)
        case "payment":
            outcome: dict[str, object] = {f"{step}.outcome": record.outcome}
            if _may_end(order, record, deeds):
                yield _Way(plan.after(step, {**known, **outcome}), outcome)
        case _:
            yield _Way(plan.after(step, known), {})


_DECIDED = {"allowed": "yes", "refused": "no"}


def _may_end(order: ServiceOrderEvidence, record: StepRecord, deeds: list[Deed]) -> bool:
    """Whether a payment may have ended so, as far as money has nothing to say."""
    expires = order.plan.expires(record.step)
    if record.outcome == "expired":
        return expires is not None and record.ended_at is not None and record.ended_at >= record.began_at + expires
    return record.outcome not in _DECIDED or any(_decides(deed, record) for deed in deeds)


def _was_before(deed: Deed, record: StepRecord) -> bool:
    return record.ended_at is None or deed.at <= record.ended_at


def _decides(deed: Deed, record: StepRecord) -> bool:
    return deed.typed.get("allow") == _DECIDED.get(record.outcome or "")


def _changed(order: ServiceOrderEvidence) -> Iterator[str]:
    """Changes that nobody has asked for, or that took effect twice; the application itself halts what is stuck."""
    asked, done = Counter(type(change) for change in order.changes), Counter[type]()
    for entry in order.log:
        if (kind := _CHANGES.get(entry.what)) and entry.by is not None:
            done[kind] += 1
            if entry.by not in {change.by for change in order.changes if isinstance(change, kind)}:
                yield f"{entry.what} by {entry.by}, who has not asked for it"
    yield from (f"{times} times {kind.__name__}" for kind, times in done.items() if times > asked[kind])


def _tasks(order: ServiceOrderEvidence, staff: dict[str, list[str]]) -> Iterator[str]:
    """Each task of a step once, done once, by somebody of its department, with the papers that they had."""
    begun = Counter(record.step for record in order.records_of("task"))
    steps = [each.task.step or "" for each in order.tasks]
    opened = Counter(step for step in steps if order.plan.kind(step) == "task")
    for step in opened | begun:
        if opened[step] != begun[step]:
            yield f"{opened[step]} tasks of {step}, which was begun {begun[step]} times"
    ended = Counter(each.task.step or "" for each in order.tasks if each.task.end and each.task.end.by)
    for step, times in ended.items():
        if times > (said := len(order.deeds_for(step))):
            yield f"{step} was done {times} times, by the papers {said} times"
    for each in order.tasks:
        task, end = each.task, each.task.end
        if end is None or end.by is None:
            continue
        if order.plan.departments(task.step or "").isdisjoint(staff.get(end.by, [])):
            yield f"{task.step} was done by {end.by} of {staff.get(end.by)}"
        deeds, kept = order.deeds_for(task.step or ""), {document.digest for document in each.documents}
        own = [deed.files for deed in deeds if deed.by == end.by and deed.to == end.to_step]
        if not any(kept.issuperset(files) for files in own) or kept - {name for deed in deeds for name in deed.files}:
            yield f"{task.step} has other documents than {end.by} had"
