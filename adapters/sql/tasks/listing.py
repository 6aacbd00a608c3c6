"""Tasks in lists, page by page: each page costs the same, however many tasks there are."""

from collections.abc import Sequence
from datetime import datetime
from heapq import merge
from itertools import islice

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from adapters.sql.core.database import SqlDatabase, as_models, in_thread
from adapters.sql.core.statements import where_given
from adapters.sql.schema.services import task_log, tasks
from adapters.sql.subscribers.task_rows import T, as_task
from billing.tasks.listing import COUNT_MAX, PAGE_TASKS, TaskCounts, TaskCursor, TaskFilter
from billing.tasks.log import TaskEntry
from billing.tasks.member import Member
from billing.tasks.task import Task

_LOGGED = [task_log.c[name] for name in TaskEntry.model_fields]


class SqlTaskListing(SqlDatabase):
    """The part of ``SqlLedger`` that lists tasks."""

    @in_thread
    def task(self, number: int) -> Task | None:
        with self._reading(f"read task {number}") as connection:
            row = connection.execute(select(tasks).where(T.number == number)).mappings().one_or_none()
            return as_task(row) if row else None

    @in_thread
    def task_log(self, number: int) -> list[TaskEntry]:
        query = select(*_LOGGED).where(task_log.c.number == number).order_by(task_log.c.entry)
        with self._reading(f"read the log of task {number}") as connection:
            return as_models(TaskEntry, connection.execute(query).mappings())

    @in_thread
    def tasks(self, wanted: TaskFilter, limit: int = PAGE_TASKS, after: TaskCursor | None = None) -> list[Task]:
        is_later = after is not None and after.has_ended
        with self._looking("list its tasks") as connection:
            found = [] if is_later else _open(connection, wanted, limit, after)
            if not wanted.open_only and len(found) < limit:
                found += _ended(connection, wanted, limit - len(found), after if is_later else None)
            return found

    @in_thread
    def task_counts(self, member: Member, at: datetime) -> TaskCounts:
        own, late = T.owner == member.username, T.sort_at < at
        theirs = [()] if member.may_all else [(T.department == name,) for name in member.departments]
        with self._looking("count its tasks") as connection:
            return TaskCounts(
                own=_count(connection, own),
                departments=sum(_count(connection, *of) for of in theirs),
                late=sum(_count(connection, late, *of) for of in theirs),
            )


def _count(connection: Connection, *where: ColumnElement[bool]) -> int:
    some = select(T.number).where(T.ended_at.is_(None), *where).limit(COUNT_MAX).subquery()
    return connection.scalar(select(func.count()).select_from(some)) or 0


def _open(connection: Connection, wanted: TaskFilter, limit: int, after: TaskCursor | None) -> list[Task]:
    where: list[ColumnElement[bool]] = [T.ended_at.is_(None), *([T.owner.is_(None)] if wanted.unclaimed_only else [])]
    if after is not None:
        is_next = or_(T.sort_at > after.at, T.number > after.number)
        where.append(and_(T.sort_at >= after.at, is_next))
    pages = _pages(connection, wanted, where, (T.sort_at, T.number), limit)
    return list(islice(merge(*pages, key=lambda task: TaskCursor.after(task)[1:]), limit))


def _ended(connection: Connection, wanted: TaskFilter, limit: int, after: TaskCursor | None) -> list[Task]:
    where: list[ColumnElement[bool]] = [T.ended_at.is_not(None)]
    if after is not None:
        is_next = or_(T.ended_at < after.at, T.number < after.number)
        where.append(and_(T.ended_at <= after.at, is_next))
    pages = _pages(connection, wanted, where, (T.ended_at.desc(), T.number.desc()), limit)
    return list(islice(merge(*pages, key=lambda task: TaskCursor.after(task)[1:], reverse=True), limit))


def _pages(
    connection: Connection,
    wanted: TaskFilter,
    where: Sequence[ColumnElement[bool]],
    order: tuple[ColumnElement[object], ColumnElement[object]],
    limit: int,
) -> list[list[Task]]:
    """One for each department, which an index has in order; a query of several would sort them all."""
    given = where_given(
        tasks,
        kind=wanted.kind,
        customer_id=wanted.customer_id,
        owner=wanted.owner,
        order_number=wanted.order_number,
    )
    pages = []
    for department in wanted.departments or (None,):
        own = where_given(tasks, department=department)
        query = select(tasks).where(*where, *given, *own).order_by(*order).limit(limit)
        pages.append(list(map(as_task, connection.execute(query).mappings())))
    return pages
