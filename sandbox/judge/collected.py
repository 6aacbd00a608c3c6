"""What is owed: whether it is collected as people have said, once a day at the most, and whether they know of it."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from billing.mails.mail import CustomerMailKind
from billing.period import Period
from billing.reviewers.alerts import AlertKind
from sandbox.judge.evidence import CustomerEvidence, Evidence, MonthEvidence

_FOR_A_PERSON = (AlertKind.PERSON, AlertKind.UNRESOLVED, AlertKind.HALTED)
_A_DAY = timedelta(days=1)


def collected(case: MonthEvidence) -> Iterator[str]:
    """Commands to the collection. A try that had begun before a halt may end after it."""
    if case.debt is None:
        return
    halted_by: str | None = None
    tries = 0
    for entry in case.diary:
        if entry.via and not entry.text:
            yield f"{entry.what} of {entry.by} has no result on record"
        match entry.what, entry.accepted:
            case "halt", True:
                halted_by, tries = entry.by, 0
            case "resume", True:
                halted_by = None
            case "tried on schedule", _ if halted_by:
                tries += 1
                if tries > 1:
                    yield f"the card was tried although {halted_by} had halted that: {entry.text}"
            case "write_off", True if case.debt.outcome is None:
                yield f"{entry.by} wrote off what is still open"


def diaries(account: CustomerEvidence) -> dict[Period, list[int]]:
    """The numbers of the diaries of each collection, by its first month: several months may share one."""
    numbers: defaultdict[Period, set[int]] = defaultdict(set)
    for case in account.cases:
        if case.collection is not None:
            numbers[case.collection.period] |= {entry.number for entry in case.diary}
    return {period: sorted(found) for period, found in numbers.items()}


def gaps(trail: str, numbers: list[int]) -> Iterator[str]:
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"{trail} has holes: {numbers}"


def reminders(evidence: Evidence) -> Iterator[str]:
    """However many months they owe."""
    for account in evidence.accounts:
        rows = [row for case in account.cases for row in case.messages if row.kind is CustomerMailKind.REMINDER]
        sent = sorted((row for row in rows if evidence.arrivals(row.message_id)), key=lambda row: row.at)
        for before, after in pairwise(sent):
            if after.at - before.at < _A_DAY:
                yield f"{account.customer_id} was reminded at {before.at}, and again at {after.at}"


def people_know(evidence: Evidence, case: MonthEvidence) -> bool:
    """Whether a digest has reported the collection, by any of its months, since it was halted or they were opened."""
    assert case.collection is not None
    debts, halt = case.collection.debts, case.collection.halt
    since = halt.at if halt else min(debt.opened_at for debt in debts)
    keys, digests = {(case.customer_id, debt.period) for debt in debts}, evidence.digests()
    return not keys.isdisjoint(waiting_months(evidence)) and any(
        (alert.customer_id, alert.period) in keys and alert.kind in _FOR_A_PERSON and alert.at >= since
        for alert in evidence.alerts
        if alert.digest_id in digests
    )


def waiting_months(evidence: Evidence) -> set[tuple[str, Period]]:
    """The months that a digest reports as waiting for a reviewer."""
    return {(customer_id, period) for kind, customer_id, period in evidence.reported() if kind in _FOR_A_PERSON}
