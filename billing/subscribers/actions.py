"""What people do with a service account."""

from datetime import datetime
from enum import StrEnum

from billing.subscribers.service import Change, ServiceCause, ServiceState


class ServiceAction(StrEnum):
    ACTIVATE = "activate"
    SUSPEND = "suspend"
    RESTORE = "restore"
    CLOSE = "close"

    def change(self, key: str, at: datetime, by: str, reason: str) -> Change:
        """``key`` names it once: a repeat has no effect."""
        return Change(*_LEADS_TO[self], key, at, by, reason)

    @classmethod
    def possible(cls, state: ServiceState) -> list["ServiceAction"]:
        """What can be done with an account in this state, whoever has brought it there."""
        return _POSSIBLE[state]


_LEADS_TO = {
    ServiceAction.ACTIVATE: (ServiceState.ACTIVE, ServiceCause.CONNECTED),
    ServiceAction.SUSPEND: (ServiceState.SUSPENDED, ServiceCause.REQUEST),
    ServiceAction.RESTORE: (ServiceState.ACTIVE, ServiceCause.REQUEST),
    ServiceAction.CLOSE: (ServiceState.DISCONNECTED, ServiceCause.TERMINATED),
}
_POSSIBLE = {
    ServiceState.ORDERED: [ServiceAction.ACTIVATE, ServiceAction.CLOSE],
    ServiceState.ACTIVE: [ServiceAction.SUSPEND, ServiceAction.CLOSE],
    ServiceState.LIMITED: [ServiceAction.RESTORE, ServiceAction.SUSPEND, ServiceAction.CLOSE],
    ServiceState.SUSPENDED: [ServiceAction.RESTORE, ServiceAction.CLOSE],
    ServiceState.DISCONNECTED: [],
}
