"""What runs every day, by Temporal Schedules: the completeness check, and the reconciliation before it."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple

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

from activities.completeness import CompletenessRequest
from activities.reconciliation import ReconcileRequest
from billing.model import Model
from workflows import about
from workflows.daily import DailyCompleteness, DailyReconciliation
from workflows.options import TASK_QUEUE


class Daily(NamedTuple):
    """A workflow that runs every day at ``hour``, UTC."""

    schedule_id: str
    run: Callable[..., Any]
    request: Model
    hour: int
    about: about.About


RECONCILIATION = Daily("reconciliation-v1", DailyReconciliation.run, ReconcileRequest(), 5, about.RECONCILIATION)
COMPLETENESS = Daily("coverage-v1", DailyCompleteness.run, CompletenessRequest(), 6, about.COMPLETENESS)


async def ensure_daily(client: Client, daily: Daily, at_once: bool = False) -> None:
    """Creates the schedule, unless it is there: one that people have changed or paused stays as it is.

    With ``at_once`` a new one begins with a run.
    """
    action = ScheduleActionStartWorkflow(
        daily.run, daily.request, id=daily.schedule_id, task_queue=TASK_QUEUE, **daily.about
    )
    spec = ScheduleSpec(
        calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(daily.hour)])], jitter=timedelta(minutes=10)
    )
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(days=1))
    with suppress(ScheduleAlreadyRunningError):
        await client.create_schedule(
            daily.schedule_id, Schedule(action=action, spec=spec, policy=policy), trigger_immediately=at_once
        )
