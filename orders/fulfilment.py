"""The value of the workflow that looks after one order: what is due, and when. The order itself is in the ledger."""

from datetime import datetime, timedelta
from enum import StrEnum

from billing.model import Count, Instant, Line, Model
from billing.progress import Due
from orders.effects import is_paid_enough
from orders.order import OrderStage, OrderStanding

REMINDER = timedelta(days=1)
"""Between two reminders of an order that needs a person."""
REST_REMINDER = timedelta(days=7)
"""After its deposit has started the work, and between two reminders that the rest was not paid."""


class FulfilmentStep(StrEnum):
    AWAIT_RELEASE = "await_release"  # of the emergency brake
    RELEASE = "release"  # what is paid enough
    EXPIRE = "expire"
    REMIND = "remind"  # people
    LOOK_UP = "look_up"  # how the order stands in the ledger
    END = "end"


class Fulfilment(Model):
    """An order as the workflow knows it; it stands like that ``since`` then. ``reminders`` are those of that time.

    ``is_braked``: the emergency brake has stopped its release. ``is_doubted``: it was told of something else that is
    not newer; either that came late, or the ledger was restored, and is behind.
    """

    standing: OrderStanding
    since: Instant
    reminders: Count = 0
    reminded_at: Instant | None = None
    is_braked: bool = False
    is_doubted: bool = False

    @property
    def stage(self) -> OrderStage:
        return self.standing.stage

    def due(self, now: datetime) -> Due[FulfilmentStep]:
        """The next step at ``now``; the end once nothing is left to be done."""
        order = self.standing.order
        if self.is_doubted:
            return Due(FulfilmentStep.LOOK_UP, None, "see how the order stands in the ledger")
        if order.is_closed:
            return Due(FulfilmentStep.END, None, "nothing is left to be done")
        if self.stage is OrderStage.AWAITING_RELEASE:
            if self.is_braked:
                return Due(FulfilmentStep.AWAIT_RELEASE, None, "the emergency brake is released")
            return Due(FulfilmentStep.RELEASE, None, "release what is paid")
        dates = [(FulfilmentStep.EXPIRE, self.expires_at, "the order expires")]
        dates.append((FulfilmentStep.REMIND, self.reminder_at, "people are reminded"))
        coming = [(at, step, what) for step, at, what in dates if at is not None]
        if not coming:
            return Due(None, None, self.waits_for)
        at, step, what = min(coming)
        return Due(step if at <= now else None, at, what)

    @property
    def expires_at(self) -> datetime | None:
        """When the order ends unless enough is paid; None: it goes on."""
        order = self.standing.order
        return None if order.is_started or is_paid_enough(self.standing) else order.expires_at

    @property
    def reminder_at(self) -> datetime | None:
        """When people are reminded of it, None: nothing needs them."""
        last = self.reminded_at or self.since
        if self.stage.needs_person:
            return last + REMINDER
        is_awaited = self.stage is OrderStage.IN_PRODUCTION and not self.standing.given_up_minor
        return last + REST_REMINDER if is_awaited else None

    @property
    def waits_for(self) -> Line:
        """What has to happen next, for people."""
        order, stage = self.standing.order, self.stage
        match stage:
            case OrderStage.REJECTED:
                return "production has rejected the release: see to it there, then have it sent again"
            case OrderStage.HALTED:
                return order.halt.text[:200] if order.halt else ""
            case OrderStage.RELEASED:
                return "production's answer"
            case OrderStage.IN_PRODUCTION:
                given_up = ", and were written off" if self.standing.given_up_minor else " yet"
                return f"the rest: {self.standing.outstanding} of {self.standing.due} are not paid{given_up}"
            case OrderStage.PART_PAID | OrderStage.AWAITING_PAYMENT:
                return f"payment: {self.standing.outstanding} of {self.standing.due}"
        return ""

    def told(self, standing: OrderStanding, now: datetime) -> "Fulfilment":
        """Somebody says that the order stands like that; if it is not newer than what is known, the ledger is asked.

        What is known already is told once more when the emergency brake is released.
        """
        if standing == self.standing:
            return self.brake_released() if self.is_braked else self
        if standing.order.revision <= self.standing.order.revision:
            return self.evolve(is_doubted=True)
        return self.answered(standing, now)

    def answered(self, standing: OrderStanding, now: datetime) -> "Fulfilment":
        """The order stands like that in the ledger, which is right also if it is behind: then it was restored."""
        if standing.stage is self.stage:
            return self.evolve(standing=standing, is_braked=False, is_doubted=False)
        return Fulfilment(standing=standing, since=now)

    def braked(self) -> "Fulfilment":
        """The emergency brake is on."""
        return self.evolve(is_braked=True)

    def brake_released(self) -> "Fulfilment":
        return self.evolve(is_braked=False)

    def reminded(self, now: datetime) -> "Fulfilment":
        return self.evolve(reminders=self.reminders + 1, reminded_at=now)
