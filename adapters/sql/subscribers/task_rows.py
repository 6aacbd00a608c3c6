"""Tasks from rows, and what other transactions do with tasks."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from adapters.sql.core.statements import insert_counted, where_given
from adapters.sql.schema.services import task_log, tasks
from billing.errors import NotFound
from billing.tasks.listing import NEVER
from billing.tasks.log import TaskAct, TaskEntry
from billing.tasks.member import Department
from billing.tasks.task import DEPARTMENT_OF, NewTask, Task, TaskEnd, TaskKind, TaskOutcome

T = tasks.c


def open_task(connection: Connection, task: NewTask, at: datetime) -> Task:
    """Opens it, or answers the one that has its key."""
    values = task.model_dump() | {"opened_at": at, "sort_at": task.due_at or NEVER, "answers": {}}
    insert_counted(connection, tasks, values | {"department": task.department or DEPARTMENT_OF[task.kind]})
    row = connection.execute(select(tasks).where(T.key == task.key)).mappings().one()
    return as_task(row)


def task_by_number(connection: Connection, number: int) -> Task:
    row = connection.execute(select(tasks).where(T.number == number).with_for_update()).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no task {number}; see: python starter.py tasks list")
    return as_task(row)


def open_tasks(connection: Connection, **where: str) -> list[Task]:
    query = select(tasks).where(*where_given(tasks, **where), T.ended_at.is_(None)).order_by(T.number)
    return list(map(as_task, connection.execute(query).mappings()))


def save_end(connection: Connection, number: int, end: TaskEnd) -> None:
    connection.execute(update(tasks).where(T.number == number, T.ended_at.is_(None)).values(_values(end)))


def end_needless(
    connection: Connection, customer_id: str, kind: TaskKind, reason: str, at: datetime, account: str | None = None
) -> None:
    """Ends the customer's open tasks of this kind, about one account or any."""
    end = TaskEnd(outcome=TaskOutcome.NEEDLESS, at=at, by=None, reason=reason)
    where = where_given(tasks, customer_id=customer_id, kind=kind, account=account)
    connection.execute(update(tasks).where(*where, T.ended_at.is_(None)).values(_values(end)))


def escalate_task(connection: Connection, key: str, department: Department, at: datetime) -> None:
    """Gives an open task to another department, where it is nobody's yet; what that has already stays as it is."""
    is_elsewhere = T.key == key, T.ended_at.is_(None), T.department != department
    anew = update(tasks).where(*is_elsewhere).values(department=department, owner=None)
    if row := connection.execute(anew.returning(T.number, T.customer_id)).one_or_none():
        entry = TaskEntry(act=TaskAct.ESCALATED, at=at, by="", department=department)
        log_task(connection, row.number, row.customer_id, entry)


def move_task(connection: Connection, moved: Task, entry: TaskEntry) -> None:
    """Writes down whose it is by now, on which day, and by when."""
    place = moved.model_dump(include={"department", "owner", "claimed_at", "crew", "visit_on", "due_at"})
    place["sort_at"] = moved.due_at or NEVER
    connection.execute(update(tasks).where(T.number == moved.number).values(place))
    log_task(connection, moved.number, moved.customer_id, entry)


def log_task(connection: Connection, number: int, customer_id: str, entry: TaskEntry, key: str | None = None) -> None:
    about = {"number": number, "customer_id": customer_id, "key": key}
    connection.execute(insert(task_log).values(entry.model_dump() | about))


def as_task(row: Any) -> Task:
    values = {name: row[name] for name in Task.model_fields if name != "end"}
    end = None
    if row["ended_at"] is not None:
        ended = {name: row[name] for name in ("outcome", "answers", "to_step")}
        end = TaskEnd(at=row["ended_at"], by=row["ended_by"], reason=row["ended_why"], **ended)
    return Task.model_validate(values | {"end": end})


def _values(end: TaskEnd) -> dict[str, Any]:
    ended = {"ended_at": end.at, "ended_by": end.by, "ended_why": end.reason}
    return ended | end.model_dump(include={"outcome", "answers", "to_step"})
