"""Where tasks are kept. Every method may be called again after any failure."""

from datetime import datetime
from typing import NamedTuple, Protocol

from billing.tasks.task import NewTask, Task, TaskEnd, TaskKind

PAGE_TASKS = 100


class TaskFilter(NamedTuple):
    """None: any."""

    kind: TaskKind | None = None
    customer_id: str | None = None
    open_only: bool = True


class TaskOpener(Protocol):
    async def open_task(self, task: NewTask, at: datetime) -> Task:
        """Opens it, or answers the one that has its key, open or not."""


class Tasks(TaskOpener, Protocol):
    async def task(self, number: int) -> Task | None: ...

    async def tasks(self, wanted: TaskFilter, limit: int = PAGE_TASKS, offset: int = 0) -> list[Task]:
        """Those that are due first come first; of those that have ended, the newest."""

    async def end_task(self, number: int, end: TaskEnd) -> Task:
        """Ends it; whoever has disconnected an account has its account disconnected with it.

        Raises ``NotFound``, and ``InvalidInput`` if it has ended otherwise, or if the account cannot be disconnected.
        """
