"""What coverage finds about service accounts: suspended though paid, not told, on though nothing is billed for them."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Protocol

from billing.completeness.report import Finding, FindingKind
from billing.model import Model, Rows
from billing.period import Period
from billing.remedies import Remedy, RemedyAction
from billing.subscribers.service import Service, ServiceCause, ServiceChange, ServiceState
from billing.tariffs.items import Agreed
from billing.tariffs.spans import spans_of
from billing.tariffs.tariff import Day


class WithoutTariff(Model):
    """An account that works, and for which no tariff bills this day; ``begins_on``: when one does (None: never)."""

    service: Service
    begins_on: Day | None


class ServiceFaults(Model):
    """``paid``: restricted, and nothing is overdue. ``untold``: what provisioning has not taken for too long.

    ``without_tariff``: where there are tariffs at all. ``closed``: they work, and their customer is not billed any
    more; ``unbilled``: they work, and their customer never was.
    """

    paid: Rows[Service]
    untold: Rows[ServiceChange]
    without_tariff: Rows[WithoutTariff]
    closed: Rows[Service]
    unbilled: Rows[Service]


class ServiceBooks(Protocol):
    async def service_faults(self, now: datetime, before: datetime) -> ServiceFaults:
        """What is not as it should be now; of calls, what is waiting since ``before``."""


def without_tariff(service: Service, agreed: Agreed, today: date) -> WithoutTariff | None:
    """None if ``today``, on the customer's calendar, is billed, as days before a tariff of whole months are, too."""
    own = agreed.subscriptions(service.number)
    if any(item.is_on(today) for item in own):
        return None
    if any(span.first <= today <= span.last for span in spans_of(service.number, Period.of_day(today), agreed)):
        return None
    later = (item.starts_on for item in own if item.starts_on > today)
    return WithoutTariff(service=service, begins_on=min(later, default=None))


def service_findings(faults: ServiceFaults) -> Iterator[Finding]:
    """A finding for each fault."""
    for service in faults.paid:
        text = f"is {service.state} since {_utc(service.state_at)}, and nothing is overdue"
        yield _finding(FindingKind.SUSPENDED_PAID, service, text, "this is a defect; restore it")
    for change in faults.untold:
        yield _untold(change)
    for without in faults.without_tariff:
        yield _without_tariff(without)
    for service in faults.closed:
        text = f"is {service.state}, and its customer is not billed any more"
        yield _finding(FindingKind.CONNECTED_ENDED, service, text, "close it, or reopen the customer's account")
    for service in faults.unbilled:
        text = f"is {service.state} since {_utc(service.state_at)}, and nobody bills its customer by the month"
        start = RemedyAction.START_FROM_FILE.of()
        yield _finding(FindingKind.CONNECTED_UNBILLED, service, text, "start billing its customer, or close it", start)


def _without_tariff(without: WithoutTariff) -> Finding:
    service, day = without.service, without.begins_on
    why, advice = "has no tariff", "give it one, or close it"
    if day is not None:
        why = f"its tariff does not begin before {day}"
        advice = "let it begin with the service, or bill the days before it by a one-off fee"
    text = f"is {service.state} since {_utc(service.state_at)}, and {why}"
    return _finding(FindingKind.WITHOUT_TARIFF, service, text, advice)


def _untold(change: ServiceChange) -> Finding:
    why = f"; its last answer: {change.answer}" if change.answer else ""
    text = f"is {change.state} since {_utc(change.at)}, and provisioning has not taken that{why}"
    kind = FindingKind.NOT_PROVISIONED
    if change.state is ServiceState.DISCONNECTED:
        kind = FindingKind.CONNECTED_ENDED
    elif change.cause is ServiceCause.PAID:
        kind = FindingKind.RESTORED_LATE
    return _finding(kind, change, text, "see to it there; it is asked again by itself")


def _finding(kind: FindingKind, about: Service | ServiceChange, text: str, advice: str, *more: Remedy) -> Finding:
    return Finding(
        kind=kind,
        customer_id=about.customer_id,
        text=f"account {about.number} of {about.customer_id} {text}",
        advice=advice,
        remedies=(RemedyAction.SHOW_SUBSCRIBER.of().evolve(account=about.number), *more),
        matter=f"{kind} {about.number} {about.position}",
    )


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
