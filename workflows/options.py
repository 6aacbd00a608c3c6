"""Task queues, timeouts and retry policies, in one table.

A heartbeat timeout lets another worker take over soon after one was killed. ``maximum_attempts`` and
``schedule_to_close_timeout`` end a round of tries, not the step: the workflow then shows what is wrong, alerts the
reviewers, and starts the next round. ``activities/failures.py`` marks errors that no retry can help.
"""

from datetime import timedelta
from enum import IntEnum

from temporalio.common import Priority, RetryPolicy
from temporalio.workflow import ActivityConfig

from billing.errors import BrakeOn
from billing.progress import Outage

TASK_QUEUE = "monthly-billing"
CHARGES_QUEUE = f"{TASK_QUEUE}-charges"
"""The queue of all requests that move money at the processor, limited to ``BILLING_CHARGES_PER_SECOND``."""


class ChargePriority(IntEnum):
    """The order in that queue (``temporalio.common.Priority``)."""

    CUSTOMER_PRESENT = 1  # at our page
    CHARGE = 3  # a month's first round of tries; and requests of people
    TRY_AGAIN = 5  # days later, or in the rounds after the first


_HEARTBEAT = timedelta(seconds=15)
_SOON = timedelta(seconds=1)
RETRY_PAUSE = timedelta(minutes=5)
"""Before another try of a step that failed for good and has to be done all the same."""

_WAITED_FOR = [BrakeOn.__name__]
"""Errors that end a round at once: the workflow waits for the release, which costs no events."""

_QUICK = RetryPolicy(
    initial_interval=_SOON,
    maximum_interval=timedelta(seconds=30),
    maximum_attempts=6,
    non_retryable_error_types=_WAITED_FOR,
)
"""The first round of a step: about a minute, before anybody is alerted."""

_PATIENT = RetryPolicy(
    initial_interval=timedelta(minutes=1),
    maximum_interval=timedelta(minutes=15),
    maximum_attempts=24,
    non_retryable_error_types=_WAITED_FOR,
)
"""Each round after that: about five hours."""

_UNTIL_DONE = RetryPolicy(
    initial_interval=_SOON, maximum_interval=timedelta(minutes=5), non_retryable_error_types=_WAITED_FOR
)

IMPORT = ActivityConfig(start_to_close_timeout=timedelta(minutes=3), heartbeat_timeout=_HEARTBEAT)
CHARGE = ActivityConfig(start_to_close_timeout=timedelta(minutes=3), heartbeat_timeout=_HEARTBEAT)
PAY = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=60),
    schedule_to_close_timeout=timedelta(seconds=90),
    heartbeat_timeout=_HEARTBEAT,
    retry_policy=RetryPolicy(initial_interval=_SOON, maximum_attempts=4, non_retryable_error_types=_WAITED_FOR),
)
"""A customer is waiting at our page; an outcome that is unknown after that is looked up."""
COUNT = ActivityConfig(start_to_close_timeout=timedelta(seconds=30), heartbeat_timeout=_HEARTBEAT)
NOTIFY = ActivityConfig(start_to_close_timeout=timedelta(minutes=2), heartbeat_timeout=_HEARTBEAT)
ALERT = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=1),
    schedule_to_close_timeout=timedelta(minutes=15),
    heartbeat_timeout=_HEARTBEAT,
    retry_policy=RetryPolicy(initial_interval=_SOON, maximum_interval=timedelta(seconds=30)),
)
"""Long enough for a server's restart; after that, the next reminder makes up for a lost alert."""
NOTIFY_REVIEWERS = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=2), heartbeat_timeout=_HEARTBEAT, retry_policy=_UNTIL_DONE
)
NOTIFY_OTHER_CHANNELS = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=2),
    schedule_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=_HEARTBEAT,
    retry_policy=_UNTIL_DONE,
)
"""Bounded, so that a chat service's outage holds up no later mail."""
RECORD = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=30), heartbeat_timeout=_HEARTBEAT, retry_policy=_UNTIL_DONE
)
CLOSE = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=2),
    heartbeat_timeout=_HEARTBEAT,
    schedule_to_close_timeout=timedelta(days=2),
    retry_policy=_UNTIL_DONE,
)
"""Bounded, so that a receipt that cannot be sent does not hold up the next month; the outcome is recorded first."""

AWAIT_RELEASE = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=30),
    heartbeat_timeout=_HEARTBEAT,
    retry_policy=RetryPolicy(initial_interval=timedelta(minutes=1), backoff_coefficient=1),
)
"""Retried until the emergency brake is released; a retry leaves no event in the history."""

RECONCILE = ActivityConfig(
    start_to_close_timeout=timedelta(hours=1),
    schedule_to_close_timeout=timedelta(hours=20),
    heartbeat_timeout=_HEARTBEAT,
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=10), maximum_interval=timedelta(minutes=10)),
)

COVER = RECONCILE


def on_charges_queue(config: ActivityConfig, priority: ChargePriority, customer_id: str) -> ActivityConfig:
    """``config`` on the queue of charges. Within one priority, Temporal's fairness key favours the customer with the
    fewest recent charges.
    """
    ordered = Priority(priority_key=priority, fairness_key=customer_id)
    return config | ActivityConfig(task_queue=CHARGES_QUEUE, priority=ordered)


def with_summary(config: ActivityConfig, summary: str) -> ActivityConfig:
    """``config`` with a summary for the Temporal UI."""
    return config | ActivityConfig(summary=summary)


def with_retry_round(config: ActivityConfig, summary: str, outage: Outage | None) -> ActivityConfig:
    """``config`` of a step that is tried in rounds: a quick first one, patient ones during an outage."""
    return config | ActivityConfig(summary=summary, retry_policy=_PATIENT if outage else _QUICK)
