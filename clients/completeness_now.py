"""A look at everybody for which somebody asks: begun from outside, and how far it is."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from activities.completeness import CompletenessRequest, daily
from billing.errors import TemporalUnavailable
from billing.period import Period
from clients.schedules import COMPLETENESS
from workflows.completeness import DailyCompleteness
from workflows.options import TASK_QUEUE


class CheckInProgress(NamedTuple):
    """A look that goes on: since when, whether a worker has begun it, and why the last try failed ("": it did not)."""

    since: datetime
    begun: bool
    failure: str


async def check_now(client: Client, period: Period) -> None:
    """Looks at ``period`` now, and at what is looked at daily. A look that goes on is not begun a second time.

    All of it, for what the monitors show is that of the last run. Raises ``TemporalUnavailable``.
    """
    periods = dict.fromkeys((period, *daily(datetime.now(UTC))))
    try:
        await client.start_workflow(
            DailyCompleteness.run,
            CompletenessRequest(periods=tuple(periods)),
            id=_look_id(period),
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
    except RPCError as error:
        raise TemporalUnavailable(f"nobody can look at {period} now: Temporal answers {error.message}") from None


async def check_in_progress(client: Client, period: Period, patience: timedelta) -> CheckInProgress | None:
    """The look of ``check_now`` that goes on; None if none does, or Temporal does not say."""
    execution = WorkflowExecution(workflow_id=_look_id(period))
    request = DescribeWorkflowExecutionRequest(namespace=client.namespace, execution=execution)
    try:
        answer = await client.workflow_service.describe_workflow_execution(request, timeout=patience)
    except (RPCError, RuntimeError):  # RuntimeError: of a client that connects when it is used, and cannot
        return None
    info, steps = answer.workflow_execution_info, answer.pending_activities
    if info.HasField("close_time"):
        return None
    return CheckInProgress(
        since=info.start_time.ToDatetime(UTC),
        begun=any(step.HasField("last_started_time") for step in steps),
        failure=steps[0].last_failure.message if steps else "",
    )


def _look_id(period: Period) -> str:
    return f"{COMPLETENESS.schedule_id}-{period}"
