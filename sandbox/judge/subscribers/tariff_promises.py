"""Tariffs: what each draft has of them, against the judge's own sum."""

from collections.abc import Iterator
from itertools import pairwise

from billing.invoices.month import Month
from billing.subscribers.service import ServiceChange
from sandbox.judge.evidence import Evidence
from sandbox.judge.subscribers.fees import NotByDays, expected_lines, suspended_days
from sandbox.judge.subscribers.subscriber_evidence import SubscriberEvidence


def wrongly_billed_tariffs(evidence: Evidence) -> Iterator[str]:
    for account in evidence.accounts:
        subscriber = evidence.subscribers.subscribers.get(account.customer_id)
        for case in account.cases if subscriber else ():
            if case.period in evidence.periods and case.month.invoice is not None:
                yield from (
                    f"{case.name}: {wrong}" for wrong in _differences(case.month, fees_of(case.month, subscriber))
                )


def _differences(month: Month, expected: dict[str, int]) -> Iterator[str]:
    assert month.invoice is not None
    billed = _drafted(month)
    names = [line.line_id for line in month.invoice.lines]
    yield from (f"{name} is billed twice" for name in sorted({name for name in names if names.count(name) > 1}))
    for name in sorted(billed.keys() | expected.keys()):
        if name not in billed and name in month.invoice.waived:
            continue
        if billed.get(name) != expected.get(name):
            yield f"{name} is {billed.get(name, 'not billed')}, agreed was {expected.get(name, 'nothing')}"


def fees_of(month: Month, subscriber: SubscriberEvidence | None) -> dict[str, int]:
    """What its draft should have of tariffs, in minor units, by line."""
    if month.invoice is None or subscriber is None:
        return {}
    try:
        known = [_expected(month, subscriber, position) for position in _positions(subscriber)]
    except NotByDays:
        return _drafted(month)
    return next((lines for lines in known if not [*_differences(month, lines)]), known[0])


def _expected(month: Month, subscriber: SubscriberEvidence, position: float) -> dict[str, int]:
    timezone = month.customer.timezone
    suspended = {
        number: suspended_days([each for each in history if each.journal_position <= position], month.period, timezone)
        for number, history in subscriber.histories.items()
    }
    return expected_lines(month.period, subscriber.agreed, suspended, month.customer.currency)


def _positions(subscriber: SubscriberEvidence) -> list[float]:
    """Until where histories count: all of it. Where clocks of a sandbox differ, a draft may be older than it looks."""
    changes = [change for history in subscriber.histories.values() for change in history]
    positions = (
        {change.journal_position for change in changes} if any(map(_goes_back, subscriber.histories.values())) else ()
    )
    return [float("inf"), *sorted(positions)]


def _goes_back(history: list[ServiceChange]) -> bool:
    return any(after.at < before.at for before, after in pairwise(history))


def _drafted(month: Month) -> dict[str, int]:
    """Whatever reviewers have made of it since."""
    assert month.invoice is not None
    return {line.line_id: line.tariff.amount_minor for line in month.invoice.lines if line.tariff}
