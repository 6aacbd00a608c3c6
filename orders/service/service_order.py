"""A service order: one subscriber on the way through a procedure, and where that stands.

Its steps are carried out in the ledger, in the transaction of whatever they follow from: a task that is completed,
money that is booked, a date that has come. What is owed for it is a balance of the journal (``Subject.fee(number)``).
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from billing.customers.account_numbers import AccountNumber
from billing.customers.customer import Currency, Timezone
from billing.model import Author, Code, Count, Instant, Line, Minor, Model, Who, Words
from billing.progress import Halted
from billing.receivables.journal import Subject
from billing.subscribers.newcomer import NewSubscriber
from billing.tasks.forms import Answer, Answers
from orders.order import Buyer, OrderNumber
from orders.procedures.procedure import Procedure
from orders.procedures.steps import EndStep, Step
from orders.service.dates import deadlines

APPLICATION = "the application"
"""Who halts an order whose next step cannot be carried out."""
REMINDER = timedelta(days=1)
"""Between two reminders of an order that needs a person."""
VALUES_MAX = 1000
Values = Annotated[dict[Code, Answer], Field(max_length=VALUES_MAX)]
"""What is known of an order: what was asked for by field, and answers by ``step.field``."""


class StepOutcome(StrEnum):
    """How a step ended, unless it waited for money: that has a ``PaymentOutcome``."""

    DONE = "done"
    RETURNED = "returned"  # to an earlier task
    CANCELLED = "cancelled"


class ServiceStage(StrEnum):
    """Where a service order stands, as people see it (search attribute ``BillingStage``); the most urgent first."""

    HALTED = "Halted"
    AWAITING_TASK = "AwaitingTask"
    AWAITING_PAYMENT = "AwaitingPayment"
    AWAITING_DATE = "AwaitingDate"
    MOVING = "Moving"  # within a transaction only
    COMPLETED = "Completed"
    CANCELLED = "Cancelled"


_STAGES = {
    "task": ServiceStage.AWAITING_TASK,
    "payment": ServiceStage.AWAITING_PAYMENT,
    "wait": ServiceStage.AWAITING_DATE,
}


class Cancelled(Model):
    """A person has cancelled it; what it did is undone by the steps that follow."""

    by: Who
    reason: Words
    at: Instant


class ServiceEnd(Model):
    """``outcome`` is that of the procedure's end step."""

    outcome: Code
    at: Instant


class ServiceRequest(Model):
    """A service order as it is taken in; ``values`` are the fields that its procedure asks for.

    ``subscriber``: a service account of the buyer is registered with it; else ``account`` is the one that it is about,
    and the buyer need not be named. ``currency`` and ``timezone`` are for somebody who is not billed by the month yet.
    """

    number: OrderNumber
    procedure: Code
    buyer: Buyer | None = None
    currency: Currency
    timezone: Timezone
    account: AccountNumber | None = None
    subscriber: NewSubscriber | None = None
    values: Answers = Field(default_factory=dict)


class ServiceOrder(Model):
    """A service order as the ledger has it; it keeps the procedure with which it began.

    ``position`` counts the steps that were begun, so that one to which a task was returned is begun anew. By ``due_at``
    people are to have done the step; at ``ends_at`` it ends by itself. ``revision`` grows with every change.
    """

    number: OrderNumber
    procedure: Procedure
    customer_id: Code
    account: AccountNumber | None
    currency: Code
    timezone: Code
    values: Values
    step: Code
    position: Count
    step_since: Instant
    due_at: Instant | None = None
    ends_at: Instant | None = None
    reminders: Count = 0
    reminded_at: Instant | None = None
    opened_at: Instant
    opened_by: Author  # "": another system
    revision: Count = 0
    halt: Halted | None = None
    cancelled: Cancelled | None = None
    end: ServiceEnd | None = None

    @property
    def subject(self) -> Subject:
        """What a fee of it is owed for."""
        return Subject.fee(self.number)

    @property
    def now_at(self) -> Step:
        return self.procedure.step(self.step)

    @property
    def task_key(self) -> str:
        """Names the task of the present step."""
        return self.key_of_task(self.position)

    def key_of_task(self, position: int) -> str:
        """Names the task of the step that was begun as the ``position``-th."""
        return f"order {self.number} {position}"

    @property
    def is_closed(self) -> bool:
        return self.end is not None

    @property
    def stage(self) -> ServiceStage:
        if self.end is not None:
            return ServiceStage.CANCELLED if self.cancelled else ServiceStage.COMPLETED
        if self.halt is not None:
            return ServiceStage.HALTED
        return _STAGES.get(self.now_at.kind, ServiceStage.MOVING)

    @property
    def reminder_at(self) -> datetime | None:
        """When people are reminded of it; None: nothing needs them."""
        if self.end is not None:
            return None
        if self.reminded_at is not None:
            return self.reminded_at + REMINDER
        return self.halt.at + REMINDER if self.halt else self.due_at

    @property
    def next_at(self) -> datetime | None:
        """When time itself has something done: an expiry, a date, a reminder; None: nothing but people or money."""
        ends_at = self.ends_at if self.end is None and self.halt is None else None
        return min((each for each in (self.reminder_at, ends_at) if each is not None), default=None)

    def begun(self, step: Step, at: datetime) -> "ServiceOrder":
        """The order as it begins a step, which is the end of it if that is an ``EndStep``."""
        end = ServiceEnd(outcome=step.outcome, at=at) if isinstance(step, EndStep) else None
        due_at, ends_at = deadlines(step, self.values, self.timezone, at)
        return self.evolve(
            step=step.name,
            position=self.position + 1,
            step_since=at,
            due_at=due_at,
            ends_at=ends_at,
            reminders=0,
            reminded_at=None,
            end=end,
        )

    def knowing(self, **values: Answer) -> "ServiceOrder":
        return self.evolve(values={**self.values, **values})

    def standing(self, owed_minor: int = 0) -> "ServiceStanding":
        return ServiceStanding(
            **{name: getattr(self, name) for name in _SHARED},
            procedure=self.procedure.name,
            title=self.procedure.title,
            step_title=self.now_at.title,
            kind=self.now_at.kind,
            owed_minor=owed_minor,
            outcome=self.end.outcome if self.end else "",
            halt_text=self.halt.text if self.halt else "",
        )


class ServiceStanding(Model):
    """How a service order stands, without anything personal: for its workflow, for lists and for other systems."""

    number: OrderNumber
    customer_id: Code
    procedure: Code
    title: Line
    step: Code
    step_title: Line
    kind: Code
    position: Count
    step_since: Instant
    stage: ServiceStage
    revision: Count
    opened_at: Instant
    due_at: Instant | None
    ends_at: Instant | None
    next_at: Instant | None
    currency: Code
    owed_minor: Minor = 0
    outcome: Code = ""
    halt_text: Words = ""
    is_closed: bool = False


_SHARED = {"number", "customer_id", "step", "position", "step_since", "stage", "revision", "opened_at"}
_SHARED |= {"due_at", "ends_at", "next_at", "currency", "is_closed"}


class StepRecord(Model):
    """A step that was begun, and how it ended (None: it has not). ``by`` None: the application."""

    position: Count
    step: Code
    kind: Code
    began_at: Instant
    ended_at: Instant | None = None
    by: Line | None = None
    outcome: Code | None = None
    reason: Words | None = None
