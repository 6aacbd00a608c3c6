"""A task: something that people have to do, by a date; it is opened once, and ends once."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from billing.customers.account_numbers import AccountNumber
from billing.errors import InvalidInput
from billing.model import Author, Code, Count, Id, Instant, Line, Model, Words


class TaskKind(StrEnum):
    DISCONNECT = "disconnect"  # a service account, after a last look at the money
    NO_WORKING_NUMBER = "no_working_number"  # the customer's phone takes no texts
    PROVISION = "provision"  # tell the network by hand: it has no address


class TaskOutcome(StrEnum):
    DONE = "done"
    NOT_DONE = "not_done"  # people have decided otherwise
    NEEDLESS = "needless"  # it has ended by itself


class TaskEnd(Model):
    """``by`` None: the application."""

    outcome: TaskOutcome
    at: Instant
    by: Author | None
    reason: Words


class NewTask(Model):
    """``key`` names the matter: it opens one task. ``values`` are what its text needs, by code."""

    kind: TaskKind
    key: Line
    customer_id: Id
    account: AccountNumber | None = None
    values: dict[Code, Line] = Field(default_factory=dict, max_length=20)
    due_at: Instant | None = None


class Task(NewTask):
    """``end`` None: it is open."""

    number: Count
    opened_at: Instant
    end: TaskEnd | None = None

    def is_late(self, at: datetime) -> bool:
        return self.end is None and self.due_at is not None and self.due_at < at

    def ended(self, end: TaskEnd) -> "Task":
        """Raises ``InvalidInput`` if it has ended otherwise; as it stands if it has ended so."""
        if self.end is None:
            return self.evolve(end=end)
        if (self.end.outcome, self.end.by) == (end.outcome, end.by):
            return self
        by = self.end.by or "the application"
        raise InvalidInput(f"task {self.number} was ended by {by} as {self.end.outcome}: {self.end.reason}")
