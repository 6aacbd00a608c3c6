"""Crews' days in SQL: a visit is a task that is a crew's on a day, unless it came back or became needless."""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import Connection, func, or_, select

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import lock
from adapters.sql.schema.billers import service_accounts
from adapters.sql.subscribers.task_rows import T
from billing.errors import FormRefused, InvalidInput
from billing.tasks.crews import AHEAD, Crew, CrewDays, days_of
from billing.tasks.forms import Answers, FieldType
from billing.tasks.task import Task, TaskOutcome

_TAKES_ITS_DAY = or_(T.outcome.is_(None), T.outcome == TaskOutcome.DONE)
_A = service_accounts.c


class SqlCrews(SqlDatabase):
    """The part of ``SqlLedger`` about crews' days."""

    @in_thread
    def crew_days(self, number: int, first: date) -> tuple[CrewDays, ...]:
        with self._looking(f"look for a crew for task {number}") as connection:
            account = connection.scalar(select(T.account).where(T.number == number))
            return _days(connection, account, self._crews, first)


def crews_of(connection: Connection) -> tuple[Crew, ...]:
    """Those of the setting; none: whoever plans a visit writes down who goes."""
    found: tuple[Crew, ...] = connection.get_execution_options().get("crews", ())
    return found


def require_free(connection: Connection, task: Task, answers: Answers) -> None:
    """Raises ``FormRefused`` for an answer that is no crew, or one that has no room on the form's day.

    Of two who choose the last visit of a day, the second is refused.
    """
    crews = crews_of(connection)
    problems = {
        field.name: problem
        for field in task.form
        if crews and field.type is FieldType.CREW and field.name in answers
        if (problem := _problem(connection, task.account, str(answers[field.name]), _day(task, answers)))
    }
    if problems:
        raise FormRefused(problems)


def require_room(connection: Connection, account: str | None, name: str, day: date | None) -> None:
    """Raises ``InvalidInput`` for what is no crew, or for one that has no room on that day (None: on any)."""
    if problem := _problem(connection, account, name, day):
        raise InvalidInput(problem)


def _problem(connection: Connection, account: str | None, name: str, day: date | None) -> str | None:
    crews = crews_of(connection)
    chosen = [crew for crew in crews if crew.name == name]
    if not chosen:
        return f"choose one of: {', '.join(crew.name for crew in crews)}"
    if day is None:
        return None
    lock(connection, f"crew {name}")
    (days,) = _days(connection, account, chosen, day)
    if days.free_day == day:
        return None
    free = f"its next free day is {days.free_day}" if days.free_day else f"it is full for {AHEAD} days"
    return f"{name} has {days.crew.visits} of {days.crew.visits} visits on {day}; {free}, or choose another crew"


def _day(task: Task, answers: Answers) -> date | None:
    days = (answers.get(field.name) for field in task.form if field.type is FieldType.DATE)
    return next((date.fromisoformat(str(day)) for day in days if day is not None), None)


def _days(connection: Connection, account: str | None, crews: Sequence[Crew], first: date) -> tuple[CrewDays, ...]:
    until = first + timedelta(days=AHEAD)
    counted = (
        select(T.crew, T.visit_on, func.count())
        .where(T.crew.in_([crew.name for crew in crews]), T.visit_on.between(first.isoformat(), until.isoformat()))
        .where(_TAKES_ITS_DAY)
        .group_by(T.crew, T.visit_on)
    )
    booked = {(crew, day): count for crew, day, count in connection.execute(counted)}
    place = connection.execute(select(_A.node, _A.address).where(_A.number == account)).one_or_none()
    return days_of(crews, booked, first, *(place or (None, None)))
