"""What subscribers are told: each bill once, no text twice, warnings in time and by day, one ladder for an account."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from billing.collections.collection import Collection
from billing.customers.channels import Channel
from billing.customers.ladder import Rung, RungAction
from billing.invoices.stages import Stage
from billing.mails.mail import CustomerMailKind, MessageRow, MessageStatus
from billing.period import Period
from billing.receivables.ports import THE_END
from billing.subscribers.service import ServiceCause, ServiceChange, ServiceState
from billing.texts.text import TextKind, TextRow, TextStatus
from sandbox.judge.evidence import CustomerEvidence, Evidence, MonthEvidence
from sandbox.judge.subscribers.subscriber_evidence import SubscriberEvidence

_TAKEN = (TextStatus.SENT, TextStatus.DELIVERED, TextStatus.FAILED)
_PRESSING = (CustomerMailKind.REMINDER, CustomerMailKind.WARNING, CustomerMailKind.SUSPENDED)
_PRESSING_TEXTS = (TextKind.REMINDER, TextKind.WARNING, TextKind.SUSPENDED)
_DAY = timedelta(days=1)
_MOMENT = timedelta(minutes=10)
"""How long a message may be on its way, or a step under way."""
_FIRST_HOUR, _LAST_HOUR, _SATURDAY = 9, 20, 5
_STATES = {RungAction.LIMIT: ServiceState.LIMITED, RungAction.SUSPEND: ServiceState.SUSPENDED}


class _Told(NamedTuple):
    """Something by which an account is pressed to pay."""

    at: datetime
    what: str
    by: Channel


def untold_bills(evidence: Evidence) -> Iterator[str]:
    """Of months that closed with a bill: by each channel that was agreed, else by any, and never twice."""
    for account in evidence.accounts:
        subscriber = evidence.subscribers.subscribers.get(account.customer_id)
        for case in account.cases:
            if subscriber and case.period in evidence.periods and case.month.outcome is Stage.BILLED:
                yield from (f"{case.name}: {wrong}" for wrong in _bill(evidence, subscriber, case))


def _bill(evidence: Evidence, subscriber: SubscriberEvidence, case: MonthEvidence) -> Iterator[str]:
    mails = [row for row in case.messages if row.kind is CustomerMailKind.NOTICE]
    texts = [text for text in subscriber.texts if text.kind is TextKind.BILL and text.period == case.period]
    told: dict[Channel, int] = {
        Channel.MAIL: _times([(row.at, row.subject) for row in mails if evidence.arrivals(row.message_id)], case),
        Channel.SMS: _times([(text.tried_at, text.body) for text in _taken(texts)], case),
    }
    refused = {Channel.MAIL: any(row.status is MessageStatus.FAILED for row in mails), Channel.SMS: _is_refused(texts)}
    for channel in case.month.customer.told_by:
        if not told[channel] and not refused[channel]:
            yield f"the bill was not told by {channel}"
    if not any(told.values()):
        yield "nobody was told of the bill"
    for channel, times in told.items():
        if times > max(1, case.month.notices):
            yield f"the bill was told {times} times by {channel}"


def _times(tellings: list[tuple[datetime, str]], case: MonthEvidence) -> int:
    """How often the bill was told in the same words, which have its amount and day, without a decision in between.

    One that was not on record as told when its notice became too short is told anew, with another day.
    """
    times = sorted(tellings)
    overtaken = (before[1] != after[1] or _is_overtaken(case, before[0], after[0]) for before, after in pairwise(times))
    return len(times) - sum(overtaken)


def _is_overtaken(case: MonthEvidence, since: datetime, until: datetime = THE_END) -> bool:
    return any(decision.accepted and since <= decision.at <= until for decision in case.decisions)


def _taken(texts: list[TextRow]) -> list[TextRow]:
    return [text for text in texts if text.status in _TAKEN and text.vendor_id]


def _is_refused(texts: list[TextRow]) -> bool:
    return any(text.status is TextStatus.FAILED for text in texts)


def repeated_texts(evidence: Evidence) -> Iterator[str]:
    """The vendor's own journal against the ledger: each text of the one is one of the other.

    At Twilio, which knows no id of ours, texts with the same words to the same number are counted.
    """
    taken = Counter(map(_name_of, evidence.subscribers.texts))
    all_rows = [*_all_texts(evidence)]
    cases = {(case.customer_id, case.period): case for account in evidence.accounts for case in account.cases}
    known, rows = Counter(map(_name_in_ledger, all_rows)), {_name_in_ledger(row): row for row in all_rows}
    for name, times in taken.items():
        if times > max(1, known[name]):
            yield f"text {name} was sent {times} times"
    for text in evidence.subscribers.texts:
        row = rows.get(_name_of(text))
        if row is None or (row.recipient, row.body) != (f"+{text['to'].lstrip('+')}", text["body"]):
            yield f"text {text['number']} at the vendor is not in the ledger as it was sent"
    for name, row in rows.items():
        if row.vendor_id and not taken[name]:
            yield f"the vendor does not know the {row.kind} text of {row.customer_id}"
        is_under_way = row.status in (TextStatus.SENDING, TextStatus.WAITING)
        if evidence.is_over and is_under_way and not _is_old(row, all_rows, cases):
            yield f"the {row.kind} text of {row.customer_id} is {row.status} since {row.tried_at}"
    for whose, times in Counter(
        (row.customer_id, row.kind, row.period, row.body) for row in all_rows if row.kind is TextKind.BILL
    ).items():
        if times > 1:
            yield f"{whose[0]} was told {times} times by text of the bill of {whose[2]}"


def _all_texts(evidence: Evidence) -> Iterator[TextRow]:
    """Also of whoever has orders and is not billed by the month yet."""
    monthly = evidence.subscribers.subscribers
    yield from (row for each in monthly.values() for row in each.texts)
    others = (rows for customer_id, rows in evidence.services.texts.items() if customer_id not in monthly)
    yield from (row for rows in others for row in rows)


def _name_of(text: dict[str, Any]) -> str:
    return text["id"] or f"{text['to']} {text['body']}"


def _name_in_ledger(row: TextRow) -> str:
    return f"{row.recipient} {row.body}" if row.vendor == "twilio" else row.message_id


def _is_old(row: TextRow, rows: list[TextRow], cases: Mapping[tuple[str, Period], MonthEvidence]) -> bool:
    """Whether something has taken its place: money that makes a receipt needless, what was told anew, or a decision."""
    if row.kind not in (TextKind.BILL, TextKind.WARNING) or row.period is None:
        return True
    about = row.customer_id, row.kind, row.period
    case = cases.get((row.customer_id, row.period))
    return (
        any((other.customer_id, other.kind, other.period) == about and other.tried_at > row.tried_at for other in rows)
        or (case is not None and _is_overtaken(case, row.tried_at))
        or (case is not None and any(each.by and each.accepted and each.at >= row.tried_at for each in case.diary))
    )


def wrongly_pressed(evidence: Evidence) -> Iterator[str]:
    """By day, warned before, and no more than once a day: one ladder for each account."""
    for account in evidence.accounts:
        subscriber = evidence.subscribers.subscribers.get(account.customer_id)
        if subscriber is None:
            continue
        collections = _collections(account)
        told = sorted({*_mails(evidence, account), *_texts(subscriber)})
        if any(collection.ladder for collection in collections):
            yield from (f"{account.customer_id}: {wrong}" for wrong in _nightly(subscriber, told))
        yield from (f"{account.customer_id}: {wrong}" for wrong in _unwarned(subscriber, collections, told))


def several_ladders(evidence: Evidence) -> Iterator[str]:
    for account in evidence.accounts:
        subscriber = evidence.subscribers.subscribers.get(account.customer_id)
        told = {*_mails(evidence, account), *(_texts(subscriber) if subscriber else ())}
        for channel in Channel:
            own = sorted(each for each in told if each.by is channel)
            for before, after in pairwise(own):
                if after.at - before.at < _DAY - _MOMENT:
                    yield f"{account.customer_id}: {before.what} at {before.at}, and {after.what} at {after.at}"
        still_open = {c.period for c in _collections(account) if c.outcome is None and c.open_debts}
        if len(still_open) > 1:
            yield f"{account.customer_id} has {len(still_open)} collections at once: {sorted(still_open)}"


def _collections(account: CustomerEvidence) -> list[Collection]:
    """Each once, by its first month."""
    return [*{case.collection.period: case.collection for case in account.cases if case.collection}.values()]


def _mails(evidence: Evidence, account: CustomerEvidence) -> Iterator[_Told]:
    rows: list[MessageRow] = [row for case in account.cases for row in case.messages if row.kind in _PRESSING]
    return (_Told(row.at, row.kind, Channel.MAIL) for row in rows if evidence.arrivals(row.message_id))


def _texts(subscriber: SubscriberEvidence) -> Iterator[_Told]:
    rows = (row for row in subscriber.texts if row.kind in _PRESSING_TEXTS and row.vendor_id)
    return (_Told(row.tried_at, row.kind, Channel.SMS) for row in rows)


def _nightly(subscriber: SubscriberEvidence, told: list[_Told]) -> Iterator[str]:
    steps = [(each.at, f"{each.what} by {each.by}") for each in told]
    steps += [(change.at, change.state) for change in _restrictions(subscriber)]
    for at, what in steps:
        local = at.astimezone(ZoneInfo(subscriber.customer.timezone))
        before = (at - _MOMENT).astimezone(ZoneInfo(subscriber.customer.timezone))
        if not (_is_by_day(local) or _is_by_day(before)):
            yield f"{what} at {local:%A %H:%M}, outside contact hours"


def _is_by_day(local: datetime) -> bool:
    return local.weekday() < _SATURDAY and _FIRST_HOUR <= local.hour < _LAST_HOUR


def _restrictions(subscriber: SubscriberEvidence) -> list[ServiceChange]:
    """What a ladder has done: nobody's decision."""
    changes = (change for history in subscriber.histories.values() for change in history)
    return [change for change in changes if change.cause is ServiceCause.NON_PAYMENT and change.by is None]


def _unwarned(subscriber: SubscriberEvidence, collections: list[Collection], told: list[_Told]) -> Iterator[str]:
    ladders = [collection.ladder for collection in collections if collection.ladder]
    for change in _restrictions(subscriber):
        warnings = [each.at for each in told if each.what == CustomerMailKind.WARNING and each.at <= change.at]
        distances = [days for ladder in ladders if (days := _distance(ladder, change.state)) is not None]
        if not warnings:
            yield f"{change.state} at {change.at}, without a warning"
        elif not distances:
            yield f"{change.state} at {change.at}, by no ladder"
        elif change.at - max(warnings) < timedelta(days=min(distances)) - _MOMENT:
            yield f"{change.state} at {change.at}, warned only at {max(warnings)}"


def _distance(ladder: tuple[Rung, ...], state: ServiceState) -> int | None:
    """Days from the last warning to what it warns of."""
    days: list[int] = []
    for rung in ladder:
        if rung.action is RungAction.WARN:
            days.append(rung.day)
        elif _STATES.get(rung.action) is state:
            return rung.day - days[-1]
    return None
