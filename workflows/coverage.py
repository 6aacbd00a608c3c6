"""Coverage: everybody is looked at; a Temporal Schedule runs it every day."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from temporalio import workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

with workflow.unsafe.imports_passed_through():
    from activities.coverage import CoverageCheck, CoverageRequest, CoverageResult, daily
    from billing.errors import TemporalUnavailable
    from billing.period import Period
    from workflows import options

SCHEDULE_ID = "coverage-v1"
_AT_HOUR = 6  # UTC: after the reconciliation


@workflow.defn
class Coverage:
    """One look at everybody. What is found is in the result, in the Temporal UI's details, and told by mail."""

    @workflow.run
    async def run(self, request: CoverageRequest) -> CoverageResult:
        result = await workflow.execute_activity_method(
            CoverageCheck.cover, request, **options.for_step(options.COVER, "look at everybody")
        )
        lines = [  # by id only: what else is in a finding may be an address
            f"- {each.period}: {found.kind}{': ' if found.customer_id else ''}{found.customer_id}"
            for each in result.periods
            for found in each.findings
        ]
        workflow.set_current_details("\n".join(lines[:100]) or "Everybody is covered.")
        return result


class Looking(NamedTuple):
    """A look that goes on: since when, whether a worker has begun it, and why the last try failed ("": it did not)."""

    since: datetime
    begun: bool
    failure: str


async def look_now(client: Client, period: Period) -> None:
    """Looks at ``period`` now, and at what is looked at daily. A look that goes on is not begun a second time.

    All of it, for what the monitors show is that of the last run. Raises ``TemporalUnavailable``.
    """
    periods = dict.fromkeys((period, *daily(datetime.now(UTC))))
    try:
        await client.start_workflow(
            Coverage.run,
            CoverageRequest(periods=tuple(periods)),
            id=_look_id(period),
            task_queue=options.TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
    except RPCError as error:
        raise TemporalUnavailable(f"nobody can look at {period} now: Temporal answers {error.message}") from None


async def looking(client: Client, period: Period, patience: timedelta) -> Looking | None:
    """The look of ``look_now`` that goes on; None if none does, or Temporal does not say."""
    execution = WorkflowExecution(workflow_id=_look_id(period))
    request = DescribeWorkflowExecutionRequest(namespace=client.namespace, execution=execution)
    try:
        answer = await client.workflow_service.describe_workflow_execution(request, timeout=patience)
    except (RPCError, RuntimeError):  # RuntimeError: of a client that connects when it is used, and cannot
        return None
    info, steps = answer.workflow_execution_info, answer.pending_activities
    if info.HasField("close_time"):
        return None
    return Looking(
        since=info.start_time.ToDatetime(UTC),
        begun=any(step.HasField("last_started_time") for step in steps),
        failure=steps[0].last_failure.message if steps else "",
    )


def _look_id(period: Period) -> str:
    return f"{SCHEDULE_ID}-{period}"


async def ensure_daily_coverage(client: Client, at_once: bool = False) -> None:
    """Creates the schedule, unless it is there; with ``at_once`` a new one begins with a run."""
    action = ScheduleActionStartWorkflow(Coverage.run, CoverageRequest(), id=SCHEDULE_ID, task_queue=options.TASK_QUEUE)
    spec = ScheduleSpec(calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(_AT_HOUR)])], jitter=timedelta(minutes=10))
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(days=1))
    with suppress(ScheduleAlreadyRunningError):
        await client.create_schedule(
            SCHEDULE_ID, Schedule(action=action, spec=spec, policy=policy), trigger_immediately=at_once
        )
