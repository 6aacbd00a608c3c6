"""What has become of a task before it ended."""

from enum import StrEnum

from billing.model import Author, Instant, Model, Words
from billing.tasks.member import Department


class TaskAct(StrEnum):
    CLAIMED = "claimed"
    ASSIGNED = "assigned"
    HANDED_OVER = "handed_over"
    GIVEN_BACK = "given_back"  # to the department: nobody's again
    ESCALATED = "escalated"  # by the application, to another department: nobody's again
    CORRECTED = "corrected"  # its order, and what it says of whose it is, and when


class TaskEntry(Model):
    """``owner``: whose it is since then; ``department``: the new one, if it has changed."""

    act: TaskAct
    at: Instant
    by: Author
    owner: Author | None = None
    department: Department | None = None
    reason: Words | None = None
