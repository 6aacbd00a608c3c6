"""What orders do to money, services and bills: each once, and nothing before what it needs."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from billing.money import parse_amount
from billing.receivables.journal import Cause
from billing.tariffs.items import Agreed, Fee
from orders.service.service_order import StepRecord
from sandbox.judge.evidence import Evidence
from sandbox.judge.service_orders.service_evidence import ServiceOrderEvidence, bills_of
from sandbox.judge.subscribers.overdue_money import OverdueMoney
from sandbox.judge.subscribers.subscriber_evidence import SubscriberEvidence

_CAUSES = {"activate": "connected", "disconnect": "terminated"}
_STATES = {"connected": "active", "terminated": "disconnected"}


def wrongly_asked_fees(evidence: Evidence) -> Iterator[str]:
    """The entries are compared with the judge's books as well; here they are named by order."""
    for order in evidence.services.orders:
        billed, voided = bills_of(order.money, Cause.NOTICE), bills_of(order.money, Cause.VOID)
        should = [minor for _, minor in order.asked_fees[:1]]
        if billed != should:
            yield f"{order.name}: its fee was asked for by {billed}, should be by {should}"
        if bool(voided) != order.is_fee_given_up:
            yield f"{order.name}: {voided} of its fee are voided, by its steps that should be {order.is_fee_given_up}"
        for record, _ in order.asked_fees:
            owed_minor = sum(row.amount_minor for row in order.money if record.ended_at and row.at <= record.ended_at)
            if record.outcome == "settled" and owed_minor > 0:
                yield f"{order.name}: {record.step} is settled, and {owed_minor} were owed"


def wrongly_switched(evidence: Evidence) -> Iterator[str]:
    """Provisioning's own journal against the orders' papers: once, and after all that leads there."""
    for order in evidence.services.orders:
        yield from (f"{order.name}: {wrong}" for wrong in _debts(evidence, order))
        for step in (name for name in order.plan.steps if order.plan.kind(name) == "call"):
            yield from (f"{order.name}, {step}: {wrong}" for wrong in _switched(evidence, order, step))


def _switched(evidence: Evidence, order: ServiceOrderEvidence, step: str) -> Iterator[str]:
    cause = _CAUSES[order.plan.steps[step]["change"]]
    calls = [
        datetime.fromisoformat(call["at"])
        for call in _calls(evidence, order)
        if call["event"]["data"]["cause"] == cause
    ]
    begun = [record for record in order.records if record.step == step]
    if len(calls) > max(1, len(begun)):
        yield f"provisioning was told {len(calls)} times"
    if calls and not begun and not _by_another(evidence, order, cause):
        yield f"provisioning was told at {calls[0]}, and the order was never there"
    if begun and not calls and evidence.is_over and not _was_so(evidence, order, cause):
        yield "provisioning was never told"
    for at in calls[:1]:
        for needed in order.plan.needs(step) if evidence.services.is_on_paper else ():
            if order.plan.kind(needed) == "task" and not [deed for deed in order.deeds_for(needed) if deed.at <= at]:
                yield f"provisioning was told at {at}, before anybody had done {needed}"
        yield from _unpaid_fee(evidence, order, step, cause)


def _by_another(evidence: Evidence, order: ServiceOrderEvidence, cause: str) -> bool:
    """Whether another order of the account has changed it so."""
    others = (each for each in evidence.services.orders if each.order.account == order.order.account)
    calls = (each.plan.steps[record.step] for each in others if each is not order for record in each.records_of("call"))
    return any(_CAUSES[step["change"]] == cause for step in calls)


def _was_so(evidence: Evidence, order: ServiceOrderEvidence, cause: str) -> bool:
    """Whether something else had done it before."""
    changes = evidence.services.histories.get(order.order.account or "", [])
    return any(change.state == _STATES[cause] and change.cause != cause for change in changes)


def _unpaid_fee(evidence: Evidence, order: ServiceOrderEvidence, step: str, cause: str) -> Iterator[str]:
    """By the entries until the position of the journal at which the account was changed."""
    fees = [name for name in order.plan.needs(step) if order.plan.fee_minor(name, order.order.currency) is not None]
    changes = evidence.services.histories.get(order.order.account or "", [])
    for change in (each for each in changes if each.cause == cause and fees):
        until = [row for row in order.money if row.number <= change.journal_position]
        if not bills_of(until, Cause.NOTICE):
            yield f"the account is {change.state} at {change.at}, and its fee was not asked for"
        elif (owed_minor := sum(row.amount_minor for row in until)) > 0:
            yield f"the account is {change.state} at {change.at}, and {owed_minor} of its fee were owed"


def _debts(evidence: Evidence, order: ServiceOrderEvidence) -> Iterator[str]:
    """Whoever leaves a step that asks for debts owes nothing that is due, or a person has decided."""
    subscriber = evidence.subscribers.subscribers.get(order.order.customer_id)
    for record in order.records_of("payment"):
        if not order.plan.steps[record.step]["nothing_owed"] or record.ended_at is None or subscriber is None:
            continue
        decided = [deed for deed in order.deeds_for(record.step) if deed.typed.get("allow") == "yes"]
        if record.outcome == "settled" and (overdue := _overdue(subscriber, record.ended_at)):
            yield f"went on at {record.ended_at}, although {overdue} were overdue and nobody had decided"
        if record.outcome == "allowed" and not decided and evidence.services.is_on_paper:
            yield f"went on at {record.ended_at} by {record.by}'s decision, which nobody has made"


def _overdue(subscriber: SubscriberEvidence, at: datetime) -> dict[str, int]:
    account = OverdueMoney()
    for row in subscriber.money:
        if row.at <= at:
            account.read(row)
    return account.at(at)


def _calls(evidence: Evidence, order: ServiceOrderEvidence) -> Iterator[dict[str, Any]]:
    for call in evidence.subscribers.calls:
        if call["event"]["data"]["number"] == order.order.account and not call["is_copy"]:
            yield call


# -- bills


def wrongly_begun(evidence: Evidence) -> Iterator[str]:
    """Billing begins on the day of what leads there, ends likewise, and what is charged is what a person has said."""
    for order in evidence.services.orders if evidence.services.is_on_paper else ():
        agreed = evidence.services.agreed.get(order.order.customer_id, Agreed())
        if order.order.account is None:
            continue
        for record in order.records_of("billing"):
            if record.ended_at is not None:
                yield from (f"{order.name}: {wrong}" for wrong in _billed(order, record, agreed))
        yield from (f"{order.name}: {wrong}" for wrong in _unasked(order, agreed))


def _billed(order: ServiceOrderEvidence, record: StepRecord, agreed: Agreed) -> Iterator[str]:
    tariffs, action = agreed.subscriptions(order.order.account or ""), order.plan.steps[record.step]["action"]
    wanted = order.request.values.get("tariff") if order.request else None
    days = _days(order, record)
    match action:
        case "start" | "change_tariff":
            begun = [item.starts_on for item in tariffs if item.tariff == wanted]
            if len([day for day in begun if day in days]) != 1:
                yield f"{wanted} is billed from {[*map(str, begun)]}, should be from {' or '.join(map(str, days))}"
        case "close":
            if ends := [item.ends_on for item in tariffs if item.ends_on is None or item.ends_on > days[-1]]:
                yield f"it is billed until {ends[0]}, should be until {days[-1]}"
        case "charge":
            fees, said = _fees(order, record.step, agreed), _said(order, record.step)
            if len(fees) > 1 or fees not in [[minor] if minor else [] for minor in said]:
                yield f"{fees} were charged for {record.step}, should be one of {said}"


def _unasked(order: ServiceOrderEvidence, agreed: Agreed) -> Iterator[str]:
    """Of an account that was registered with the order: nothing before the order has led there."""
    billing = [record for record in order.records_of("billing") if record.ended_at is not None]
    actions = {order.plan.steps[record.step]["action"] for record in billing}
    is_new = order.request is not None and order.request.subscriber is not None
    if is_new and "start" not in actions and (tariffs := agreed.subscriptions(order.order.account or "")):
        yield f"it is billed from {tariffs[0].starts_on}, and is not connected"


def _days(order: ServiceOrderEvidence, record: StepRecord) -> list[date]:
    """What the papers say; else from the day of the last task that had to be done until that of the step."""
    given = order.plan.steps[record.step].get("day")
    if given:
        step, _, field = given.partition(".")
        return [date.fromisoformat(deed.typed[field]) for deed in order.deeds_for(step) if field in deed.typed]
    zone = ZoneInfo(order.order.timezone)
    needed = [step for step in order.plan.needs(record.step) if order.plan.kind(step) == "task"]
    deeds = [deed.at for step in needed for deed in order.deeds_for(step)]
    before = [at for at in deeds if at <= record.began_at] or deeds or [record.began_at]
    return sorted({max(before).astimezone(zone).date(), max(*before, record.began_at).astimezone(zone).date()})


def _fees(order: ServiceOrderEvidence, step: str, agreed: Agreed) -> list[int]:
    title = order.plan.steps[step]["title"]
    fees = (item for item in agreed.items if isinstance(item, Fee) and item.account == order.order.account)
    return [item.amount_minor for item in fees if item.text == title and item.is_real]


def _said(order: ServiceOrderEvidence, step: str) -> list[int]:
    """What was typed for it, by anybody who did the task: the last may have been refused."""
    name, _, field = (order.plan.steps[step]["amount"] or "").partition(".")
    typed = (deed.typed[field] for deed in order.deeds_for(name) if field in deed.typed)
    return [parse_amount(text, order.order.currency) for text in typed if text.replace(".", "").isdigit()]
