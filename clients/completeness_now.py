"""A completeness check on demand: its start and its progress; and a reconciliation on demand."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from activities.completeness import CompletenessRequest, daily
from activities.reconciliation import ReconcileRequest
from billing.errors import BillingError
from billing.period import Period
from clients.running_workflows import translated
from clients.schedules import COMPLETENESS, RECONCILIATION
from workflows import about
from workflows.daily import DailyCompleteness, DailyReconciliation
from workflows.options import TASK_QUEUE


class CheckInProgress(NamedTuple):
    """A running check: its start, whether a worker has begun it, and the failure of the last attempt ("": none)."""

    since: datetime
    begun: bool
    failure: str


async def check_now(client: Client, period: Period) -> None:
    """Checks ``period`` and the periods of the daily check now, unless such a check is running.

    It checks all of them because monitors show the last run. Raises ``TemporalUnavailable``.
    """
    periods = dict.fromkeys((period, *daily(datetime.now(UTC))))
    with translated(f"{period} cannot be checked now: Temporal answers"):
        await client.start_workflow(
            DailyCompleteness.run,
            CompletenessRequest(periods=tuple(periods)),
            id=_check_id(period),
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            **about.COMPLETENESS,
        )


async def reconcile_now(client: Client, period: Period | None) -> None:
    """Compares the processor's records of ``period``, or of the last three months, with the ledger now.

    A second one of the same months is not begun meanwhile. Raises ``TemporalUnavailable``.
    """
    with translated("nothing can be compared now: Temporal answers"):
        await client.start_workflow(
            DailyReconciliation.run,
            ReconcileRequest(periods=(period,) if period else ()),
            id=f"{RECONCILIATION.schedule_id}-{period or 'now'}",
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            **about.RECONCILIATION,
        )


async def check_in_progress(client: Client, period: Period, patience: timedelta) -> CheckInProgress | None:
    """The running check that ``check_now`` has started; None if there is none, or Temporal does not answer."""
    execution = WorkflowExecution(workflow_id=_check_id(period))
    request = DescribeWorkflowExecutionRequest(namespace=client.namespace, execution=execution)
    try:
        with translated(f"{period} cannot be watched"):
            answer = await client.workflow_service.describe_workflow_execution(request, timeout=patience)
    except BillingError:
        return None
    info, steps = answer.workflow_execution_info, answer.pending_activities
    if info.HasField("close_time"):
        return None
    return CheckInProgress(
        since=info.start_time.ToDatetime(UTC),
        begun=any(step.HasField("last_started_time") for step in steps),
        failure=steps[0].last_failure.message if steps else "",
    )


def _check_id(period: Period) -> str:
    return f"{COMPLETENESS.schedule_id}-{period}"
