"""The value of the workflow of a service order: when time has something done. All else is in the ledger."""

from datetime import datetime
from enum import StrEnum

from billing.model import Line, Model
from billing.progress import Due
from orders.service.service_order import ServiceStage, ServiceStanding


class ServiceFulfilmentStep(StrEnum):
    PASS_TIME = "pass_time"  # an expiry, a date or a reminder is due
    LOOK_UP = "look_up"  # how the order stands in the ledger
    END = "end"


class ServiceFulfilment(Model):
    """A service order as the workflow knows it.

    ``is_doubted``: it was told of something else that is not newer; either that came late, or the ledger was restored,
    and is behind.
    """

    standing: ServiceStanding
    is_doubted: bool = False

    @property
    def stage(self) -> ServiceStage:
        return self.standing.stage

    def due(self, now: datetime) -> Due[ServiceFulfilmentStep]:
        """The next step at ``now``; the end once the procedure has come to its end."""
        standing = self.standing
        if self.is_doubted:
            return Due(ServiceFulfilmentStep.LOOK_UP, None, "see how the order stands in the ledger")
        if standing.is_closed:
            return Due(ServiceFulfilmentStep.END, None, "the procedure has come to its end")
        if standing.next_at is None:
            return Due(None, None, self.waits_for)
        is_due = standing.next_at <= now
        return Due(ServiceFulfilmentStep.PASS_TIME if is_due else None, standing.next_at, self.waits_for)

    @property
    def waits_for(self) -> Line:
        """What has to happen next, for people."""
        return (self.standing.halt_text or self.standing.step_title)[:200]

    def told(self, standing: ServiceStanding, now: datetime) -> "ServiceFulfilment":
        """Somebody says that the order stands like that; if it is not newer than what is known, the ledger is asked."""
        if standing == self.standing:
            return self
        if standing.revision <= self.standing.revision:
            return self.evolve(is_doubted=True)
        return self.answered(standing, now)

    def answered(self, standing: ServiceStanding, now: datetime) -> "ServiceFulfilment":
        """The order stands like that in the ledger, which is right also if it is behind: then it was restored."""
        return ServiceFulfilment(standing=standing)
