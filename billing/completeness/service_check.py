"""What coverage finds about service accounts: suspended though paid, not told, without a tariff, on though ended."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from billing.completeness.report import Finding, FindingKind
from billing.model import Model, Rows
from billing.remedies import RemedyAction
from billing.subscribers.service import Service, ServiceCause, ServiceChange, ServiceState


class ServiceFaults(Model):
    """``paid``: restricted, and nothing is overdue. ``untold``: what provisioning has not taken for too long.

    ``without_tariff``: they work, and nothing is billed for them, where others have tariffs. ``closed``: they work, and
    their customer is not billed any more.
    """

    paid: Rows[Service]
    untold: Rows[ServiceChange]
    without_tariff: Rows[Service]
    closed: Rows[Service]


class ServiceBooks(Protocol):
    async def service_faults(self, now: datetime, before: datetime) -> ServiceFaults:
        """What is not as it should be now; of calls, what is waiting since ``before``."""


def service_findings(faults: ServiceFaults) -> Iterator[Finding]:
    """A finding for each fault."""
    for service in faults.paid:
        text = f"is {service.state} since {_utc(service.state_at)}, and nothing is overdue"
        yield _finding(FindingKind.SUSPENDED_PAID, service, text, "this is a defect; restore it")
    for change in faults.untold:
        yield _untold(change)
    for service in faults.without_tariff:
        text = f"is {service.state} since {_utc(service.state_at)}, and has no tariff"
        yield _finding(FindingKind.WITHOUT_TARIFF, service, text, "give it one, or close it")
    for service in faults.closed:
        text = f"is {service.state}, and its customer is not billed any more"
        yield _finding(FindingKind.CONNECTED_ENDED, service, text, "close it, or reopen the customer's account")


def _untold(change: ServiceChange) -> Finding:
    why = f"; its last answer: {change.answer}" if change.answer else ""
    text = f"is {change.state} since {_utc(change.at)}, and provisioning has not taken that{why}"
    kind = FindingKind.NOT_PROVISIONED
    if change.state is ServiceState.DISCONNECTED:
        kind = FindingKind.CONNECTED_ENDED
    elif change.cause is ServiceCause.PAID:
        kind = FindingKind.RESTORED_LATE
    return _finding(kind, change, text, "see to it there; it is asked again by itself")


def _finding(kind: FindingKind, about: Service | ServiceChange, text: str, advice: str) -> Finding:
    return Finding(
        kind=kind,
        customer_id=about.customer_id,
        text=f"account {about.number} of {about.customer_id} {text}",
        advice=advice,
        remedies=(RemedyAction.SHOW_SUBSCRIBER.of().evolve(account=about.number),),
        matter=f"{kind} {about.number} {about.position}",
    )


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
