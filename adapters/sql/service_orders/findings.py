"""What coverage asks about service orders, and about tasks of every kind."""

from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, select, text

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.errors import unfit
from adapters.sql.schema.service_orders import SERVICE_ORDER_IS_OPEN, service_orders
from adapters.sql.schema.services import TASK_IS_UNCLAIMED, tasks
from adapters.sql.service_orders.rows import S, as_service_order
from adapters.sql.subscribers.task_rows import T, as_task
from billing.apart import Failed
from billing.tasks.task import Task
from orders.service.findings import ServiceOrderFaults
from orders.service.service_order import ServiceStanding

_MOST = 1000
_LATE = select(service_orders).where(text(SERVICE_ORDER_IS_OPEN), S.due_at.is_not(None)).order_by(S.due_at)
_UNOWNED = select(tasks).where(text(TASK_IS_UNCLAIMED), T.due_at.is_not(None)).order_by(T.due_at, T.number)


class SqlServiceOrderFindings(SqlDatabase):
    """The part of ``SqlLedger`` that says which service orders and tasks are not as they should be."""

    @in_thread
    def service_order_faults(self, now: datetime, failed: list[Failed]) -> ServiceOrderFaults:
        with self._looking("look for service orders that stand still") as connection:
            late = connection.execute(_LATE.where(S.due_at < now)).mappings()
            standings = (_read(connection, row, failed) for row in late.all())
            still = [standing for standing in standings if standing and _is_overdue(standing, now)]
            waiting = map(as_task, connection.execute(_UNOWNED).mappings())
            unowned = [task for task in waiting if _is_half_over(task, now)]
        return ServiceOrderFaults(still=tuple(still[:_MOST]), unowned=tuple(unowned[:_MOST]))


def _read(connection: Connection, row: Any, failed: list[Failed]) -> ServiceStanding | None:
    try:
        return as_service_order(connection, row).standing()
    except ValidationError as error:
        failed.append(Failed(customer_id=str(row["number"]), reason=unfit(error)))
        return None


def _is_overdue(standing: ServiceStanding, now: datetime) -> bool:
    """Late by more than the time that there was."""
    given = standing.due_at - standing.step_since if standing.due_at else timedelta.max
    return standing.due_at is not None and now - standing.due_at > given


def _is_half_over(task: Task, now: datetime) -> bool:
    return task.due_at is not None and now - task.opened_at > (task.due_at - task.opened_at) / 2
