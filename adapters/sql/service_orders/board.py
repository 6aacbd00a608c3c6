"""The board of service orders: counted by an index alone, and timed by the last tasks."""

from sqlalchemy import func, select, text

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.schema.service_orders import SERVICE_ORDER_IS_OPEN
from adapters.sql.schema.services import TASK_HAS_ENDED
from adapters.sql.service_orders.rows import S
from adapters.sql.subscribers.task_rows import T
from billing.tasks.task import TaskKind, TaskOutcome
from orders.service.board import TIMES_MAX, StepCount, StepTime

_COUNTED = (
    select(S.procedure_name, S.step, func.count(), func.min(S.step_since))
    .where(text(SERVICE_ORDER_IS_OPEN))
    .group_by(S.procedure_name, S.step)
    .order_by(S.procedure_name, S.step)
)
_ENDED = (
    select(T["values"], T.step, T.department, T.ended_by, T.outcome, T.opened_at, T.ended_at)
    .where(T.kind == TaskKind.STEP, text(TASK_HAS_ENDED))
    .order_by(T.ended_at.desc(), T.number.desc())
)


class SqlServiceBoard(SqlDatabase):
    """The part of ``SqlLedger`` about how orders get on."""

    @in_thread
    def step_counts(self) -> list[StepCount]:
        with self._reading("count orders by step") as connection:
            return [StepCount(*row) for row in connection.execute(_COUNTED)]

    @in_thread
    def step_times(self, limit: int = TIMES_MAX) -> list[StepTime]:
        with self._reading("read how long steps took") as connection:
            rows = connection.execute(_ENDED.limit(limit)).all()
        done = (row for row in rows if row.ended_by is not None and row.outcome != TaskOutcome.NEEDLESS)
        return [
            StepTime(
                row.values.get("title") or row.step or "",
                row.department,
                row.ended_by,
                (row.ended_at - row.opened_at).total_seconds(),
            )
            for row in done
        ]
