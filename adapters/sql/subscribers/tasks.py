"""Tasks: ``billing.tasks.ports.Tasks`` in SQL."""

from datetime import datetime

from sqlalchemy import Connection, select

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import where_given
from adapters.sql.receivables.accounts import lock_account
from adapters.sql.schema.services import tasks
from adapters.sql.subscribers.changes import write_changes
from adapters.sql.subscribers.services import lock_service
from adapters.sql.subscribers.task_rows import T, as_task, open_task, save_end, task_by_number
from billing.subscribers.service import Change, ServiceCause, ServiceState
from billing.tasks.ports import PAGE_TASKS, TaskFilter
from billing.tasks.task import NewTask, Task, TaskEnd, TaskKind, TaskOutcome


class SqlTasks(SqlDatabase):
    """The part of ``SqlLedger`` about what people have to do."""

    @in_thread
    def open_task(self, task: NewTask, at: datetime) -> Task:
        with self._writing(f"open a task about {task.customer_id}") as connection:
            return open_task(connection, task, at)

    @in_thread
    def task(self, number: int) -> Task | None:
        with self._reading(f"read task {number}") as connection:
            row = connection.execute(select(tasks).where(T.number == number)).mappings().one_or_none()
            return as_task(row) if row else None

    @in_thread
    def tasks(self, wanted: TaskFilter, limit: int = PAGE_TASKS, offset: int = 0) -> list[Task]:
        query = select(tasks).where(*where_given(tasks, kind=wanted.kind, customer_id=wanted.customer_id))
        if wanted.open_only:
            query = query.where(T.ended_at.is_(None))
        order = (T.ended_at.is_not(None), T.ended_at.desc(), T.due_at.is_(None), T.due_at, T.number)
        with self._reading("list its tasks") as connection:
            return list(map(as_task, connection.execute(query.order_by(*order).limit(limit).offset(offset)).mappings()))

    @in_thread
    def end_task(self, number: int, end: TaskEnd) -> Task:
        with self._writing(f"end task {number}") as connection:
            customer_id = task_by_number(connection, number).customer_id
            lock_account(connection, customer_id)  # before the task's row, as whoever moves money does
            before = task_by_number(connection, number)
            task = before.ended(end)
            if before.end is None:
                save_end(connection, number, end)
                if task.kind is TaskKind.DISCONNECT and end.outcome is TaskOutcome.DONE:
                    _disconnect(connection, task, end)
            return task


def _disconnect(connection: Connection, task: Task, end: TaskEnd) -> None:
    assert task.account is not None, "a task to disconnect names the account"
    change = Change(
        ServiceState.DISCONNECTED, ServiceCause.TERMINATED, f"task {task.number}", end.at, end.by, end.reason
    )
    write_changes(connection, [change.of(lock_service(connection, task.account))])
