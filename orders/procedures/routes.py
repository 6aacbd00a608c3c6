"""The ways through a procedure as it was written: where its branches lead, and what is known at each step."""

from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from orders.procedures.draft import Draft, Fault, answers_of, meant
from orders.procedures.steps import BillingAction, BillingStep, Branch, EndStep, PaymentStep, Step, TaskStep


class KnownValues(NamedTuple):
    """The names of values that an order may have when it comes to a step, and of those that it surely has."""

    possible: frozenset[str]
    certain: frozenset[str]


def branches_of(step: Step) -> tuple[Branch, ...]:
    return () if isinstance(step, EndStep) else step.next


def faults_of_routes(draft: Draft) -> Iterator[Fault]:
    """What is wrong with names and branches; what cannot be reached is told once all of it could be read."""
    for name in sorted({name for name in draft.names if draft.names.count(name) > 1}):
        yield Fault(step=name, text="two steps have this name; rename one of them, and the branches that lead to it")
    for step in draft.steps:
        yield from _faults_of_branches(draft, step.name, branches_of(step))
        yield from _upwards(draft, step)
        if isinstance(step, TaskStep):
            yield from _faults_of_returns(draft, step)
    yield from (fault.evolve(part="undo") for fault in _faults_of_branches(draft, None, draft.undo))
    yield from _faults_of_cancellation(draft)
    yield from _faults_of_reopening(draft)
    if draft.is_whole and all(name in draft.names for name in _led_to(draft)):
        yield from _unreachable(draft)


def _led_to(draft: Draft) -> Iterator[str]:
    for branches in (draft.undo, *map(branches_of, draft.steps)):
        yield from (branch.go for branch in branches)


def _faults_of_branches(draft: Draft, step: str | None, branches: tuple[Branch, ...]) -> Iterator[Fault]:
    for branch in branches:
        if branch.go not in draft.names:
            yield Fault(step=step, text=f"leads to {branch.go}, which is no step; {meant(branch.go, draft.names)}")
    if branches and branches[-1].when:
        yield Fault(step=step, text="the last branch has a condition; add one without when, for all other cases")
    for before, after in pairwise(branches):
        if not before.when:
            text = f"the branch to {after.go} is never taken, for the one above it has no condition; move it up"
            yield Fault(step=step, text=text)


def _upwards(draft: Draft, step: Step) -> Iterator[Fault]:
    """Branches to the step itself or one above it: of every loop, at least one."""
    for branch in branches_of(step):
        if branch.go not in draft.names or draft.position(branch.go) > draft.position(step.name):
            continue
        if way := _way(draft, branch.go, step.name):
            loop = " -> ".join((*way, branch.go))
            text = f"goes round in a loop: {loop}; to have work done again, let a task be returned by can_return_to"
        else:
            text = f"leads up to {branch.go}; a procedure runs downwards: move {branch.go} below {step.name}"
        yield Fault(step=step.name, text=text)


def _way(draft: Draft, start: str, end: str) -> list[str]:
    """The shortest way from a step to another, both included; []: there is none."""
    ways = deque([[start]])
    seen = {start}
    while ways:
        way = ways.popleft()
        if way[-1] == end:
            return way
        for name in _next(draft, way[-1]) - seen:
            seen.add(name)
            ways.append([*way, name])
    return []


def _next(draft: Draft, name: str) -> set[str]:
    step = draft.step(name)
    return {branch.go for branch in branches_of(step)} if step else set()


def _faults_of_returns(draft: Draft, step: TaskStep) -> Iterator[Fault]:
    for name in step.can_return_to:
        if fault := _fault_of_return(draft, step, name):
            yield Fault(step=step.name, text=f"can_return_to: {fault}")


def _fault_of_return(draft: Draft, step: TaskStep, name: str) -> str:
    target = draft.step(name)
    if name not in draft.names:
        return f"{name} is no step; {meant(name, draft.names)}"
    if target is not None and not isinstance(target, TaskStep):
        return f"{name} is no task; name a task above this one"
    if draft.position(name) >= draft.position(step.name) or (draft.is_whole and not _way(draft, name, step.name)):
        return f"{name} does not come before this step; name another"
    for charge in filter(_charges, draft.steps):
        if _way(draft, name, charge.name) and _way(draft, charge.name, step.name):
            return f"{name} stands above {charge.name}, which would charge again; name a task below that"
    return ""


def _charges(step: Step) -> bool:
    """Whether the step would charge once more if it were done again."""
    if isinstance(step, PaymentStep):
        return step.fee is not None
    return isinstance(step, BillingStep) and step.action is BillingAction.CHARGE


def _faults_of_cancellation(draft: Draft) -> Iterator[Fault]:
    until = draft.parts.get("cancel_until")
    if until is not None and until not in draft.names:
        yield Fault(part="cancel_until", text=f"{until} is no step; {meant(until, draft.names)}")
        return
    if until is not None and not draft.parts.get("cancel_instead"):
        yield Fault(part="cancel_instead", text=f"is missing; write what to do when {until} is over")
    for branch in draft.undo:
        target = draft.step(branch.go)
        if target is None or isinstance(target, EndStep):
            continue
        if until is None:
            yield Fault(text=f"undo: at {branch.go} an order could be cancelled again; add cancel_until, above it")
        elif draft.position(branch.go) <= draft.position(until):
            yield Fault(
                part="undo", text=f"{branch.go} stands above {until}, where orders can be cancelled; move it below"
            )


def _faults_of_reopening(draft: Draft) -> Iterator[Fault]:
    reopens = draft.parts.get("reopens")
    if reopens is None or reopens.step in draft.unread:
        return
    if not isinstance(draft.step(reopens.step), TaskStep):
        tasks = [step.name for step in draft.steps if isinstance(step, TaskStep)]
        yield Fault(part="reopens", text=f"{reopens.step} is no task; {meant(reopens.step, tasks)}")


def _unreachable(draft: Draft) -> Iterator[Fault]:
    reopens = draft.parts.get("reopens")
    starts = [draft.names[:1], [branch.go for branch in draft.undo], [reopens.step] if reopens else []]
    reached: set[str] = set()
    left = [name for names in starts for name in names]
    while left:
        name = left.pop()
        if name not in reached:
            reached.add(name)
            left += _next(draft, name)
    for name in dict.fromkeys(draft.names):
        if name not in reached:
            yield Fault(step=name, text="no step leads here; let a branch lead to it, or take it out")
    if not any(isinstance(step, EndStep) for step in draft.steps):
        yield Fault(text="has no end; add a step with kind: end and its outcome")


def known_values(draft: Draft) -> dict[str, KnownValues]:
    """What an order may know, and surely knows, when it comes to each step; only of steps that can be reached."""
    asked = frozenset(str(field.name) for field in draft.fields)
    required = frozenset(str(field.name) for field in draft.fields if field.required)
    found: dict[str, KnownValues] = {}
    _come(found, draft.names[:1], KnownValues(asked, required))
    _come(found, [branch.go for branch in draft.undo], KnownValues(asked | _until_cancelled(draft), required))
    if reopens := draft.parts.get("reopens"):
        _come(found, [reopens.step], KnownValues(asked | _answers(draft, draft.names), required))
    for name in draft.names:
        step, before = draft.step(name), found.get(name)
        if step is not None and before is not None:
            _come(found, list(_next(draft, name)), known_after(step, before))
    return found


def known_after(step: Step, before: KnownValues) -> KnownValues:
    """What is known once the step has ended."""
    answers = answers_of(step)
    required = {name for name, value in answers.items() if value.required}
    return KnownValues(before.possible | answers.keys(), before.certain | required)


def _come(found: dict[str, KnownValues], names: list[str], known: KnownValues) -> None:
    """Another way to the steps ``names``."""
    for name in names:
        other = found.get(name, known)
        found[name] = KnownValues(known.possible | other.possible, known.certain & other.certain)


def _answers(draft: Draft, names: list[str]) -> frozenset[str]:
    return frozenset(name for step in draft.steps if step.name in names for name in answers_of(step))


def _until_cancelled(draft: Draft) -> frozenset[str]:
    until = draft.parts.get("cancel_until")
    return _answers(draft, draft.names[: draft.names.index(until) + 1] if until in draft.names else draft.names)
