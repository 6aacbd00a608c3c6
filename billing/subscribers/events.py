"""What other systems and provisioning are told of service accounts: once for each change."""

from billing.customers.account_numbers import AccountNumber
from billing.events.event import Event, EventType, event_id
from billing.model import Count, Model
from billing.subscribers.service import ServiceCause, ServiceChange, ServiceState

_TYPES = {
    ServiceState.LIMITED: EventType.SERVICE_LIMITED,
    ServiceState.SUSPENDED: EventType.SERVICE_SUSPENDED,
    ServiceState.DISCONNECTED: EventType.SERVICE_DISCONNECTED,
}


class ServiceData(Model):
    """The account, and what has become of it; a higher ``position`` is a later change of the account."""

    number: AccountNumber
    position: Count
    state: ServiceState
    cause: ServiceCause


def service_changed(change: ServiceChange) -> Event:
    return Event(
        id=event_id(f"service {change.number} {change.position}"),
        type=_TYPES.get(change.state) or _of_active(change),
        created_at=change.at,
        customer_id=change.customer_id,
        data=ServiceData(number=change.number, position=change.position, state=change.state, cause=change.cause),
    )


def _of_active(change: ServiceChange) -> EventType:
    is_new = change.cause is ServiceCause.CONNECTED
    return EventType.SERVICE_CONNECTED if is_new else EventType.SERVICE_RESTORED
