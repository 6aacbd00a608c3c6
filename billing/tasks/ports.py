"""Where tasks are kept. Every method may be called again after any failure."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple, Protocol

from billing.tasks.crews import CrewDays
from billing.tasks.documents import Document, NewDocument, StoredDocument
from billing.tasks.listing import PAGE_TASKS, TaskCounts, TaskCursor, TaskFilter
from billing.tasks.log import TaskEntry
from billing.tasks.member import Member
from billing.tasks.task import Completion, NewTask, Task

ASSIGN_MAX = 500
"""Tasks that are assigned at once."""


class Unassigned(NamedTuple):
    """A task that could not be assigned, and why."""

    number: int
    why: str


class TaskOpener(Protocol):
    async def open_task(self, task: NewTask, at: datetime) -> Task:
        """Opens it, or answers the one that has its key, open or not."""


class TaskListing(Protocol):
    async def task(self, number: int) -> Task | None: ...

    async def tasks(self, wanted: TaskFilter, limit: int = PAGE_TASKS, after: TaskCursor | None = None) -> list[Task]:
        """Those that are due first come first; of those that have ended, the newest."""

    async def task_log(self, number: int) -> list[TaskEntry]:
        """What people have done with it before it ended, oldest first."""

    async def task_counts(self, member: Member, at: datetime) -> TaskCounts: ...


class CrewCalendar(Protocol):
    async def crew_days(self, number: int, first: date) -> tuple[CrewDays, ...]:
        """The crews for a task, those of its area first, with their visits on that day and those after it.

        Empty where no crews are set.
        """


class TaskDocuments(Protocol):
    async def add_document(self, number: int, member: Member, new: NewDocument, at: datetime) -> Document:
        """Keeps a file for a field of an open task; the same one again is kept once, also after the task has ended.

        Raises ``NotFound``; ``InvalidInput`` if the task has ended or is another department's, if the field takes no
        such file, or no more of them.
        """

    async def remove_document(self, number: int, member: Member, digest: str) -> None:
        """Of an open task; a repeat changes nothing. Raises ``NotFound`` and ``InvalidInput``."""

    async def documents(self, number: int) -> list[Document]: ...

    async def document(self, number: int, digest: str) -> StoredDocument | None:
        """With its content."""


class Tasks(TaskOpener, TaskListing, CrewCalendar, TaskDocuments, Protocol):
    """Who acts is handed in with their departments. All raise ``NotFound``, and ``InvalidInput`` saying what to do:
    if the task is another department's or somebody else's, or has ended otherwise. A ``key`` takes effect once."""

    async def claim_task(self, number: int, member: Member, at: datetime, key: str | None = None) -> Task:
        """Makes it theirs; of two who claim it at once, the second is refused."""

    async def hand_over_task(
        self, number: int, member: Member, to: str | None, reason: str, at: datetime, key: str | None = None
    ) -> Task:
        """Makes it that user's, who has to belong to its department; None: nobody's again."""

    async def assign_tasks(
        self, numbers: Sequence[int], member: Member, owner: str, at: datetime, key: str | None = None
    ) -> list[Unassigned]:
        """Makes those that nobody has claimed that user's; answers which could not be, and why."""

    async def complete_task(self, number: int, member: Member, completion: Completion, at: datetime) -> Task:
        """Ends it with what its form says; the same again is the same answer.

        Whoever has disconnected an account has its account disconnected with it. Raises ``FormRefused``, too.
        """

    async def return_task(self, number: int, member: Member, to_step: str, reason: str, at: datetime) -> Task:
        """Ends it, and its order goes back to an earlier step; the same again is the same answer."""
