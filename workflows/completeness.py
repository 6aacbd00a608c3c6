"""Coverage: everybody is looked at; a Temporal Schedule runs it every day."""

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
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

with workflow.unsafe.imports_passed_through():
    from activities.completeness import CompletenessActivities, CompletenessRequest, CompletenessResult
    from billing.markdown import escaped
    from workflows import options

SCHEDULE_ID = "coverage-v1"
_AT_HOUR = 6  # UTC: after the reconciliation


@workflow.defn
class DailyCompleteness:
    """One look at everybody. What is found is in the result, in the Temporal UI's details, and told by mail."""

    @workflow.run
    async def run(self, request: CompletenessRequest) -> CompletenessResult:
        result = await workflow.execute_activity_method(
            CompletenessActivities.cover, request, **options.with_summary(options.COVER, "look at everybody")
        )
        lines = [  # by id only: what else is in a finding may be an address
            f"- {each.period}: {found.kind}{': ' if found.customer_id else ''}{escaped(found.customer_id)}"
            for each in result.periods
            for found in each.findings
        ]
        workflow.set_current_details("\n".join(lines[:100]) or "Everybody is covered.")
        return result


async def ensure_daily_completeness(client: Client, at_once: bool = False) -> None:
    """Creates the schedule, unless it is there; with ``at_once`` a new one begins with a run."""
    action = ScheduleActionStartWorkflow(
        DailyCompleteness.run, CompletenessRequest(), id=SCHEDULE_ID, task_queue=options.TASK_QUEUE
    )
    spec = ScheduleSpec(calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(_AT_HOUR)])], jitter=timedelta(minutes=10))
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(days=1))
    with suppress(ScheduleAlreadyRunningError):
        await client.create_schedule(
            SCHEDULE_ID, Schedule(action=action, spec=spec, policy=policy), trigger_immediately=at_once
        )
