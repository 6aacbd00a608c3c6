"""What people are told of service accounts, once for each change."""

from datetime import datetime

from billing.keys import alert_id
from billing.period import Period
from billing.remedies import RemedyAction
from billing.reviewers.alerts import Alert, AlertKind
from billing.subscribers.events import ServiceData


def of_refused_call(customer_id: str, data: ServiceData, text: str, at: datetime) -> Alert:
    """Provisioning has said no; it is asked again."""
    words = f"provisioning refuses to have account {data.number} {data.state}: {text or 'without a reason'}"
    return _alert(customer_id, data, "refused", f"{words}; it is asked again. See to it there", at)


def of_late_restore(customer_id: str, data: ServiceData, since: datetime, fault: str, at: datetime) -> Alert:
    """Somebody has paid, and has no service for longer than is allowed."""
    words = f"account {data.number} is paid and restored since {since:%Y-%m-%d %H:%M} UTC, and provisioning does not"
    return _alert(customer_id, data, "late", f"{words} know it: {fault}. Restore it there by hand now", at)


def _alert(customer_id: str, data: ServiceData, what: str, text: str, at: datetime) -> Alert:
    kind, period = AlertKind.PERSON, Period.at(at, "UTC")
    return Alert(
        alert_id=alert_id(kind, customer_id, period, f"service {data.number} {data.position} {what}"),
        kind=kind,
        customer_id=customer_id,
        period=period,
        text=text,
        remedies=(RemedyAction.SHOW_SUBSCRIBER.of().evolve(account=data.number),),
        at=at,
    )
