"""What people have done with a task before it ended."""

from enum import StrEnum

from billing.model import Author, Instant, Model, Who, Words


class TaskAct(StrEnum):
    CLAIMED = "claimed"
    ASSIGNED = "assigned"
    HANDED_OVER = "handed_over"
    GIVEN_BACK = "given_back"  # to the department: nobody's again


class TaskEntry(Model):
    """``owner``: whose it is since then."""

    act: TaskAct
    at: Instant
    by: Who
    owner: Author | None = None
    reason: Words | None = None
