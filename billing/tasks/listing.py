"""Lists of tasks, page by page: what is wanted, and where a page goes on."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from billing.errors import InvalidInput
from billing.tasks.task import Task, TaskKind

PAGE_TASKS = 100
COUNT_MAX = 1000
"""Tasks are counted so far, and no further."""
NEVER = datetime(2999, 1, 1, tzinfo=UTC)
"""Where a task without a deadline stands among the others."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"(open|ended)_([0-9]{1,11})_([0-9]{1,6})_([0-9]{1,10})", re.ASCII)


class TaskFilter(NamedTuple):
    """None and (): any. ``open_only`` False: also those that have ended, after all others."""

    kind: TaskKind | None = None
    customer_id: str | None = None
    open_only: bool = True
    departments: tuple[str, ...] = ()
    owner: str | None = None
    order_number: str | None = None
    unclaimed_only: bool = False


class TaskCursor(NamedTuple):
    """The last task of a page; the next page goes on after it, whatever has ended or been opened meanwhile."""

    has_ended: bool
    at: datetime
    number: int

    @classmethod
    def after(cls, task: Task) -> "TaskCursor":
        if task.end is not None:
            return cls(True, task.end.at, task.number)
        return cls(False, task.due_at or NEVER, task.number)

    @classmethod
    def read(cls, text: str) -> "TaskCursor":
        """Raises ``InvalidInput``."""
        match = _CURSOR.fullmatch(text)
        if match is None:
            raise InvalidInput("there is no such page of tasks; begin with the first")
        seconds, micros, number = int(match[2]), int(match[3]), int(match[4])
        return cls(match[1] == "ended", _EPOCH + timedelta(seconds=seconds, microseconds=micros), number)

    def __str__(self) -> str:
        since = self.at - _EPOCH
        state = "ended" if self.has_ended else "open"
        return f"{state}_{since.days * 86_400 + since.seconds}_{since.microseconds}_{self.number}"


class TaskCounts(NamedTuple):
    """Open ones, up to ``COUNT_MAX`` of each: a member's own, their departments', and of these the late ones."""

    own: int
    departments: int
    late: int
