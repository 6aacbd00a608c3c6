"""What the pages of tasks share: who acts, which task an address names, what a form says."""

import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends

from billing.errors import InvalidInput
from billing.reviewers.users import Role
from billing.tasks.ports import TaskListing
from billing.tasks.task import Task
from console.reviewers.page_frame import DeskRefusal
from console.reviewers.signed_in import Session, signed_in

TASKS = "/desk/tasks"
FIELD, FILE = "field-", "file-"
"""What the names of a form's fields begin with."""
_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)

Worker = Annotated[Session, Depends(signed_in(Role.STAFF))]
"""Anybody who is signed in; the ledger checks their departments."""


def number_of(text: str) -> int:
    """Raises ``DeskRefusal`` for what is no number of a task."""
    if not _NUMBER.fullmatch(text):
        raise no_such_task()
    return int(text)


async def seen_task(ledger: TaskListing, number: str, session: Session) -> Task:
    """The task, if this person may see it: staff see those of their departments. Raises ``DeskRefusal``."""
    task = await ledger.task(number_of(number))
    if task is None:
        raise no_such_task()
    if not session.role.may(Role.VIEWER) and not session.member.is_of(task.department):
        text = f"Task {task.number} is for {task.department}. Ask somebody there."
        raise DeskRefusal(403, "This is another department's", text, TASKS, "To my tasks", "tasks")
    return task


def no_such_task() -> DeskRefusal:
    text = "It may have been mistyped. Search for it in the list."
    return DeskRefusal(404, "There is no such task", text, TASKS, "To my tasks", "tasks")


def fields_in(typed: Mapping[str, str]) -> dict[str, str]:
    """What is typed into the form of the task itself."""
    return {name.removeprefix(FIELD): text for name, text in typed.items() if name.startswith(FIELD)}


def reason_in(typed: Mapping[str, str]) -> str | None:
    """Raises ``InvalidInput`` for one that is too long."""
    reason = typed.get("reason", "").strip()
    if len(reason) > 1000:
        raise InvalidInput("say why, in up to 1,000 characters: it is kept")
    return reason or None
