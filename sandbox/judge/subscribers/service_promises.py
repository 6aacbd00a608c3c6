"""Services against money: restricted only while something is overdue, and restored with what pays it."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from billing.subscribers.service import CallState, ServiceCause, ServiceChange, ServiceState
from sandbox.judge.evidence import Evidence
from sandbox.judge.subscribers.overdue_money import overdue_after, relieving
from sandbox.judge.subscribers.subscriber_evidence import SubscriberEvidence

_MOMENT = timedelta(seconds=30)
"""How long a call that had begun before the money came may still take."""
_UNPAID = ServiceCause.NON_PAYMENT


def wrongly_restricted(evidence: Evidence) -> Iterator[str]:
    """Each change at its position of the journal; and each position at which money came."""
    for subscriber in evidence.subscribers.subscribers.values():
        for service in subscriber.services:
            history, name = subscriber.histories[service.number], f"{subscriber.customer_id}, {service.number}"
            last = history[-1]
            if (last.state, last.cause, last.position) != (service.state, service.cause, service.position):
                yield f"{name} is {service.state}, its history ends with {last.state}"
            if [change.position for change in history] != list(range(1, len(history) + 1)):
                yield f"{name}: its history has holes"
            for before, change in pairwise(history):
                yield from (f"{name}: {wrong}" for wrong in _change(subscriber, before, change))
            yield from (f"{name}: {wrong}" for wrong in _unrestored(subscriber, history))


def _change(subscriber: SubscriberEvidence, before: ServiceChange, change: ServiceChange) -> Iterator[str]:
    if change.journal_position < before.journal_position:
        yield f"change {change.position} is at position {change.journal_position}, before the one before it"
    overdue = overdue_after(subscriber.money, change.journal_position, change.at)
    if change.cause is _UNPAID and not overdue:
        yield f"{change.state} at {change.at}, though nothing was overdue (position {change.journal_position})"
    if change.cause is ServiceCause.PAID:
        if overdue:
            yield f"restored at {change.at}, though {overdue} were overdue (position {change.journal_position})"
        if before.cause is not _UNPAID:
            yield f"restored at {change.at} with money, though it was {before.state} because of {before.cause}"


def _unrestored(subscriber: SubscriberEvidence, history: list[ServiceChange]) -> Iterator[str]:
    """Where the last that was overdue was paid, and the account stayed as it was."""
    for first, last, at in relieving(subscriber.money):
        if not overdue_after(subscriber.money, last, at) and (change := _state_at(history, first, last)):
            yield f"still {change.state} after position {last} of the journal, though nothing is overdue at {at}"


def _state_at(history: list[ServiceChange], first: int, last: int) -> ServiceChange | None:
    """The restriction that was in force and stayed so with these transactions; None: there was none."""
    before = [change for change in history if change.journal_position < first]
    with_them = [each for each in history if first <= each.journal_position <= last and each.cause is not _UNPAID]
    known = [*before, *with_them][-1:]
    return known[0] if known and known[0].cause is _UNPAID else None


def wrongly_provisioned(evidence: Evidence) -> Iterator[str]:
    """Provisioning's own journal against the histories."""
    calls: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for call in evidence.subscribers.calls:
        calls[call["event"]["data"]["number"]].append(call)
    known = set[str]()
    for subscriber in evidence.subscribers.subscribers.values():
        for number, history in subscriber.histories.items():
            known.add(number)
            name = f"{subscriber.customer_id}, {number}"
            yield from (f"{name}: {wrong}" for wrong in _calls(history, calls[number], evidence.is_over))
    yield from (f"provisioning was told of {number}, which the ledger does not know" for number in calls.keys() - known)


def _calls(history: list[ServiceChange], calls: list[dict[str, Any]], is_over: bool) -> Iterator[str]:
    changes = {change.position: change for change in history}
    first = [call for call in calls if not call["is_copy"]]
    positions = [call["event"]["data"]["position"] for call in first]
    if positions != sorted(set(positions)):
        yield f"provisioning was told of its changes in the order {positions}"
    for call in first:
        data = call["event"]["data"]
        change = changes.get(data["position"])
        if change is None or (data["state"], data["cause"]) != (change.state, change.cause) or change.call is None:
            yield f"provisioning was told {data}, which is not in its history"
        elif (paid := _undone(history, change)) and datetime.fromisoformat(call["at"]) > paid.at + _MOMENT:
            yield f"provisioning was told that it is {change.state} after it was {paid.state} at {paid.at}"
    for change in history:
        if change.call is CallState.DONE and change.position not in positions:
            yield f"provisioning does not know of change {change.position}, and has taken it by the ledger"
        elif is_over and change.call in (CallState.WAITING, CallState.REFUSED):
            yield f"provisioning was never told that it is {change.state} since {change.at}"
    told = [change for change in history if change.call is not None]
    if is_over and told and positions[-1:] != [told[-1].position]:
        yield f"provisioning has {positions[-1:] or 'nothing'}, and the last change is {told[-1].position}"


def _undone(history: list[ServiceChange], change: ServiceChange) -> ServiceChange | None:
    """What came after a restriction, and made it untrue; None: nothing did."""
    if not change.state.is_restricted:
        return None
    later = (each for each in history if each.position > change.position)
    return next((each for each in later if each.state is ServiceState.ACTIVE), None)
