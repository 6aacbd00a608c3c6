"""The task of a month in review mode manual: opened with its draft, ended once the amounts are entered."""

from datetime import datetime

from sqlalchemy import Connection

from adapters.sql.subscribers.task_rows import open_task, open_tasks, save_end
from billing.customers.customer import ReviewMode
from billing.invoices.month import Month
from billing.tasks.task import NewTask, TaskEnd, TaskKind, TaskOutcome


def follow_amounts(connection: Connection, month: Month, at: datetime) -> None:
    """Called with every record of the month, under the customer's lock. The mode stays while amounts are wanted."""
    if month.customer.terms.review_mode is not ReviewMode.MANUAL:
        return
    about = {"customer_id": month.customer_id, "kind": TaskKind.ENTER_AMOUNTS}
    opened = [task for task in open_tasks(connection, **about) if task.values["period"] == month.period]
    if month.wants_amounts and not opened:
        open_task(connection, _asking(connection, month), at)
    elif not month.wants_amounts:
        for task in opened:
            save_end(connection, task.number, _end(month, at))


def _asking(connection: Connection, month: Month) -> NewTask:
    return NewTask(
        kind=TaskKind.ENTER_AMOUNTS,
        key=f"amounts {month.customer_id} {month.period} {month.revision}",
        customer_id=month.customer_id,
        values={"period": month.period},
        due_at=month.notice_at,
        department=connection.get_execution_options().get("manual_department"),
    )


def _end(month: Month, at: datetime) -> TaskEnd:
    if month.last_editor is not None:
        return TaskEnd(outcome=TaskOutcome.DONE, at=at, by=month.last_editor, reason="the amounts are entered")
    why = f"the month is closed as {month.outcome}" if month.outcome else "no amounts are wanted any more"
    return TaskEnd(outcome=TaskOutcome.NEEDLESS, at=at, by=None, reason=why)
