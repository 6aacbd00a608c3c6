"""Defects of service orders and planned works, planted into the real application: each function breaks one thing."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, delete, true, update

from adapters.sql.announcements import announcements, audience
from adapters.sql.events.outbox import put_events
from adapters.sql.schema.services import documents
from adapters.sql.schema.services import tasks as task_table
from adapters.sql.service_orders import billed, service_orders, steps, walk
from adapters.sql.service_orders.rows import read_service_order
from adapters.sql.subscribers.task_rows import T, log_task
from adapters.sql.tasks import tasks
from billing.events.event import Destination
from billing.tasks.log import TaskAct, TaskEntry
from billing.tasks.task import Task, TaskKind
from orders.procedures.steps import BillingStep, CallStep, PaymentStep
from orders.service.events import order_step
from orders.service.service_order import ServiceOrder
from services.messages.customer_mails import CustomerMails
from services.messages.customer_texts import CustomerTexts
from tests.bed import Bed


def takes_a_completion_again(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """The order goes on from the task once more, wherever it is by then: a second fee is opened."""
    end = tasks._end

    def again(connection: Connection, before: Task, task: Task) -> Task:
        if before.end is not None and task.kind is TaskKind.STEP and task.order_number and task.end:
            order = read_service_order(connection, task.order_number)
            assert order is not None
            at_task = order.evolve(step=task.step, position=int(task.key.rpartition(" ")[2]))
            ended = steps.ended_step(connection, at_task, task.end.at)
            assert ended is not None
            walk.enter(connection, order.knowing(**ended.values), ended.to, task.end.at)
            walk.walk(connection, order.number, task.end.at)
        return end(connection, before, task)

    patch.setattr(tasks, "_end", again)


def lets_every_department_do_everything(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(Task, "check_member", lambda self, member: None)


def loses_a_document(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """Once the task that it was for is done."""

    def and_lose(connection: Connection, task: Task, at: datetime) -> None:
        connection.execute(delete(documents).where(documents.c.number == task.number))
        walk.task_ended(connection, task, at)

    patch.setattr(tasks, "task_ended", and_lose)


def asks_nobody_about_debts(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(steps, "overdue", lambda balance, at: {})


def bills_before_the_installation(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """By days."""
    day = billed._day

    def earlier(order: ServiceOrder, step: BillingStep, at: datetime) -> date:
        return day(order, step, at) - timedelta(days=3)

    patch.setattr(billed, "_day", earlier)


def bills_no_missing_equipment(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(billed, "_amount", lambda order, step: 0)


def announces_to_whoever_is_not_concerned(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """Once they are approved."""
    concerned = audience.concerned

    def everybody(wanted: Any, timezone: str) -> Any:
        with pytest.MonkeyPatch.context() as wide:
            wide.setattr(audience, "_matches", lambda _: true())
            return concerned(wanted, timezone)

    patch.setattr(announcements, "concerned", everybody)


def announces_twice(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    send = CustomerTexts.send_body

    async def again(self: CustomerTexts, *of: Any, **options: Any) -> None:
        await send(self, *of, **options)
        if name := options.get("message_id"):
            await send(self, *of, **options | {"message_id": f"{name[:-5]}again"})

    patch.setattr(CustomerTexts, "send_body", again)


def tells_a_step_twice(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """Under two ids, so that the receiver knows no copy."""
    tell = walk.tell

    def twice(connection: Connection, order: ServiceOrder, at: datetime) -> None:
        tell(connection, order, at)
        put_events(connection, Destination.RECEIVER, [order_step(order, at).evolve(id=str(uuid4()))])

    patch.setattr(walk, "tell", twice)


def activates_before_the_fee_is_paid(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    begin = steps.begin

    def early(connection: Connection, order: ServiceOrder, at: datetime) -> None:
        begin(connection, order, at)
        if isinstance(order.now_at, PaymentStep):
            call = next(step for step in order.procedure.steps if isinstance(step, CallStep))
            steps._change_service(connection, order, call, at)

    patch.setattr(walk, "begin", early)


def forgets_steps_by_mail(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    async def nothing(self: CustomerMails, *of: Any) -> None:
        return

    patch.setattr(CustomerMails, "of_step", nothing)


def takes_a_fee_for_paid(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(steps, "owed_for", lambda connection, order: 0)


def escalates_with_every_reminder(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """So whoever had claimed it has lost it, though their department has it already."""
    remind = service_orders._remind

    def anew(connection: Connection, order: ServiceOrder, at: datetime) -> None:
        remind(connection, order.evolve(reminders=0), at)

    def gives(connection: Connection, key: str, department: str, at: datetime) -> None:
        anybodys = (
            update(task_table).where(T.key == key, T.ended_at.is_(None)).values(department=department, owner=None)
        )
        if row := connection.execute(anybodys.returning(T.number, T.customer_id)).one_or_none():
            entry = TaskEntry(act=TaskAct.ESCALATED, at=at, by="", department=department)
            log_task(connection, row.number, row.customer_id, entry)

    patch.setattr(service_orders, "_remind", anew)
    patch.setattr(service_orders, "escalate_task", gives)


def forgets_to_void_fees(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    for module in (steps, service_orders):
        patch.setattr(module, "void_fees", lambda connection, order, at: None)
