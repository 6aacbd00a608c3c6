"""Reconcile: compares the processor's records with the ledger; a Temporal Schedule runs it every day."""

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
    from activities.reconciliation import Reconciler, ReconcileRequest, ReconcileResult
    from billing.markdown import escaped
    from workflows import options

SCHEDULE_ID = "reconciliation-v1"
_AT_HOUR = 5  # UTC


@workflow.defn
class DailyReconciliation:
    """One comparison. What stays open is in the result, in the details shown by the Temporal UI, and told by mail."""

    @workflow.run
    async def run(self, request: ReconcileRequest) -> ReconcileResult:
        result = await workflow.execute_activity_method(
            Reconciler.reconcile, request, **options.with_summary(options.RECONCILE, "compare Stripe with the ledger")
        )
        lines = [f"- {found.kind}: {escaped(found.text)}" for each in result.periods for found in each.findings]
        workflow.set_current_details("\n".join(lines) or "Nothing differs.")
        return result


async def ensure_daily_reconciliation(client: Client) -> None:
    """Creates the schedule, unless it is there; one that people have changed or paused stays as it is."""
    action = ScheduleActionStartWorkflow(
        DailyReconciliation.run, ReconcileRequest(), id=SCHEDULE_ID, task_queue=options.TASK_QUEUE
    )
    spec = ScheduleSpec(calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(_AT_HOUR)])], jitter=timedelta(minutes=10))
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(days=1))
    with suppress(ScheduleAlreadyRunningError):
        await client.create_schedule(SCHEDULE_ID, Schedule(action=action, spec=spec, policy=policy))
