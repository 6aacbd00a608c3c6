"""Tasks: ``billing.tasks.ports.Tasks`` in SQL. Whoever ends one has the customer's lock, then the task's."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.receivables.accounts import lock_account
from adapters.sql.schema.months import customers
from adapters.sql.schema.reviewers import users
from adapters.sql.schema.service_orders import service_orders
from adapters.sql.schema.services import task_log, tasks
from adapters.sql.service_orders.walk import task_ended
from adapters.sql.subscribers.changes import write_changes
from adapters.sql.subscribers.services import lock_service
from adapters.sql.subscribers.task_rows import T, log_task, open_task, save_end, task_by_number
from adapters.sql.tasks.crews import require_free
from adapters.sql.tasks.documents import files_of
from billing.errors import InvalidInput, NotFound
from billing.reviewers.users import User
from billing.subscribers.service import Change, ServiceCause, ServiceState
from billing.tasks.log import TaskAct, TaskEntry
from billing.tasks.member import Member
from billing.tasks.ports import ASSIGN_MAX, Unassigned
from billing.tasks.task import Completion, NewTask, Task, TaskKind, TaskOutcome


class SqlTasks(SqlDatabase):
    """The part of ``SqlLedger`` about what people do with tasks."""

    @in_thread
    def open_task(self, task: NewTask, at: datetime) -> Task:
        with self._writing(f"open a task about {task.customer_id}") as connection:
            return open_task(connection, task, at)

    @in_thread
    def claim_task(self, number: int, member: Member, at: datetime, key: str | None = None) -> Task:
        with self._writing(f"claim task {number}") as connection:
            before = task_by_number(connection, number)
            if _is_done(connection, number, key):
                return before
            task = before.claimed(member, at)
            _save_owner(connection, before, task, TaskEntry(act=TaskAct.CLAIMED, at=at, by=member.username), key)
            return task

    @in_thread
    def hand_over_task(
        self, number: int, member: Member, to: str | None, reason: str, at: datetime, key: str | None = None
    ) -> Task:
        act = TaskAct.GIVEN_BACK if to is None else TaskAct.HANDED_OVER
        with self._writing(f"hand task {number} over") as connection:
            owner = None if to is None else _user(connection, to)
            before = task_by_number(connection, number)
            before.check_member(member)
            if _is_done(connection, number, key) or (before.end is None and before.owner == to):
                return before
            task = before.owned_by(owner, at)
            _save_owner(connection, before, task, TaskEntry(act=act, at=at, by=member.username, reason=reason), key)
            return task

    @in_thread
    def assign_tasks(
        self, numbers: Sequence[int], member: Member, owner: str, at: datetime, key: str | None = None
    ) -> list[Unassigned]:
        if len(numbers) > ASSIGN_MAX:
            raise InvalidInput(f"{len(numbers)} tasks; assign at most {ASSIGN_MAX} at once")
        entry = TaskEntry(act=TaskAct.ASSIGNED, at=at, by=member.username)
        failed = []
        with self._writing(f"assign tasks to {owner}") as connection:
            user = _user(connection, owner)
            for number in sorted(set(numbers)):  # in one order, so that two who assign do not block each other
                try:
                    before = task_by_number(connection, number)
                    before.check_member(member)
                    if not _is_done(connection, number, key):
                        _save_owner(connection, before, before.assigned(user, at), entry, key)
                except (InvalidInput, NotFound) as error:
                    failed.append(Unassigned(number, str(error)))
        return failed

    @in_thread
    def complete_task(self, number: int, member: Member, completion: Completion, at: datetime) -> Task:
        with self._writing(f"complete task {number}") as connection:
            before = _locked(connection, number)
            currency = _currency(connection, before)
            task = before.completed(member, completion, files_of(connection, number), currency, at)
            if before.end is None and task.end is not None:
                require_free(connection, task, task.end.answers)
            return _end(connection, before, task)

    @in_thread
    def return_task(self, number: int, member: Member, to_step: str, reason: str, at: datetime) -> Task:
        with self._writing(f"return task {number}") as connection:
            before = _locked(connection, number)
            return _end(connection, before, before.returned(member, to_step, reason, at))


def _end(connection: Connection, before: Task, task: Task) -> Task:
    """Saves how it has ended, with what follows from it, unless it had ended so before."""
    if before.end is None:
        assert task.end is not None, "it has just ended"
        save_end(connection, task.number, task.end)
        if task.kind is TaskKind.DISCONNECT and task.end.outcome is TaskOutcome.DONE:
            _disconnect(connection, task)
        if task.kind is TaskKind.STEP:
            task_ended(connection, task, task.end.at)
    return task


def _currency(connection: Connection, task: Task) -> str | None:
    """That of the order, whose customer need not be billed by the month yet, or that of the customer."""
    of_order = select(service_orders.c.currency).where(service_orders.c.number == task.order_number)
    of_customer = select(customers.c.currency).where(customers.c.customer_id == task.customer_id)
    return connection.scalar(of_order) or connection.scalar(of_customer)


def _locked(connection: Connection, number: int) -> Task:
    """The customer is locked before the task's row, as by whoever moves money. Raises ``NotFound``."""
    customer_id = connection.scalar(select(T.customer_id).where(T.number == number))
    if customer_id is not None:
        lock_account(connection, customer_id)
    return task_by_number(connection, number)


def _is_done(connection: Connection, number: int, key: str | None) -> bool:
    """Whether this has taken effect before; whoever asks has the lock of the task."""
    of_key = task_log.c.number == number, task_log.c.key == key
    return key is not None and connection.scalar(select(task_log.c.entry).where(*of_key)) is not None


def _save_owner(connection: Connection, before: Task, task: Task, entry: TaskEntry, key: str | None) -> None:
    if task == before:
        return
    values = {"owner": task.owner, "claimed_at": task.claimed_at}
    connection.execute(update(tasks).where(T.number == task.number).values(values))
    log_task(connection, task.number, task.customer_id, entry.evolve(owner=task.owner), key)


def _user(connection: Connection, username: str) -> Member:
    """Raises ``NotFound`` unless somebody may sign in by that name."""
    columns = [users.c[name] for name in User.model_fields]
    row = connection.execute(select(*columns).where(users.c.username == username)).mappings().one_or_none()
    if row is None or row["disabled_at"] is not None:
        raise NotFound(f"nobody signs in as {username}; see: python starter.py user list")
    return User.model_validate(dict(row)).member


def _disconnect(connection: Connection, task: Task) -> None:
    assert task.account is not None, "a task to disconnect names the account"
    end, terminated = task.end, (ServiceState.DISCONNECTED, ServiceCause.TERMINATED)
    assert end is not None, "it has ended"
    change = Change(*terminated, f"task {task.number}", end.at, end.by, end.reason or f"task {task.number}")
    write_changes(connection, [change.of(lock_service(connection, task.account))])
