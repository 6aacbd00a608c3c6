"""Task queues, timeouts and retry policies, in one table.

A heartbeat timeout lets another worker take over soon after one was killed. ``maximum_attempts`` and
``schedule_to_close_timeout`` end a round of tries, not the work: the workflow then shows what is wrong, tells the
reviewers, and starts the next round. What a retry cannot mend is marked in ``activities/failures.py``.
"""

from datetime import timedelta
from enum import IntEnum

from temporalio.common import Priority, RetryPolicy
from temporalio.workflow import ActivityConfig

from billing.errors import BrakeOn
from billing.progress import Outage

TASK_QUEUE = "monthly-billing"
CHARGES_QUEUE = f"{TASK_QUEUE}-charges"
"""Where whatever moves money at the processor waits for its turn: so many a second, ``BILLING_CHARGES_PER_SECOND``."""


class ChargePriority(IntEnum):
    """Who goes first there, if many wait (``temporalio.common.Priority``)."""

    CUSTOMER_PRESENT = 1  # at our page
    CHARGE = 3  # a month's first round of tries; and what people ask for
    TRY_AGAIN = 5  # days later, or in the rounds after the first


_HEARTBEAT = timedelta(seconds=15)
_SOON = timedelta(seconds=1)
RETRY_PAUSE = timedelta(minutes=5)
"""Between two rounds of a step that failed for good and has to be done all the same."""

_WAITED_FOR = [BrakeOn.__name__]
"""What a step is not tried again for: the workflow waits for the release, without an event for each look."""

_QUICK = RetryPolicy(
    initial_interval=_SOON,
    maximum_interval=timedelta(seconds=30),
    maximum_attempts=6,
    non_retryable_error_types=_WAITED_FOR,
)
"""The first round of a step: about a minute, before anybody is alarmed."""

_PATIENT = RetryPolicy(
    initial_interval=timedelta(minutes=1),
    maximum_interval=timedelta(minutes=15),
    maximum_attempts=24,
    non_retryable_error_types=_WAITED_FOR,
)
"""The rounds after that: some five hours each, as many as it takes."""

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
"""A customer who waits at our page; what is not known by then is looked up for as long as it takes."""
NOTIFY = ActivityConfig(start_to_close_timeout=timedelta(minutes=2), heartbeat_timeout=_HEARTBEAT)
ALERT = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=1),
    schedule_to_close_timeout=timedelta(minutes=15),
    heartbeat_timeout=_HEARTBEAT,
    retry_policy=RetryPolicy(initial_interval=_SOON, maximum_interval=timedelta(seconds=30)),
)
"""A server that restarts must not cost reviewers a day; what is down for longer is told with the next reminder."""
NOTIFY_REVIEWERS = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=2), heartbeat_timeout=_HEARTBEAT, retry_policy=_UNTIL_DONE
)
NOTIFY_OTHER_CHANNELS = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=2),
    schedule_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=_HEARTBEAT,
    retry_policy=_UNTIL_DONE,
)
"""A chat service that is down must not hold up the mails to come."""
RECORD = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=30), heartbeat_timeout=_HEARTBEAT, retry_policy=_UNTIL_DONE
)
CLOSE = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=2),
    heartbeat_timeout=_HEARTBEAT,
    schedule_to_close_timeout=timedelta(days=2),
    retry_policy=_UNTIL_DONE,
)
"""A receipt that cannot be handed over for two days must not hold the next month; the outcome is recorded first."""

AWAIT_RELEASE = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=30),
    heartbeat_timeout=_HEARTBEAT,
    retry_policy=RetryPolicy(initial_interval=timedelta(minutes=1), backoff_coefficient=1),
)
"""As long as the emergency brake is on; a retry leaves no event in the history."""

RECONCILE = ActivityConfig(
    start_to_close_timeout=timedelta(hours=1),
    schedule_to_close_timeout=timedelta(hours=20),
    heartbeat_timeout=_HEARTBEAT,
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=10), maximum_interval=timedelta(minutes=10)),
)

COVER = RECONCILE


def on_charges_queue(config: ActivityConfig, priority: ChargePriority, customer_id: str) -> ActivityConfig:
    """The options on the queue of charges. Within one priority, Temporal's fairness key favours the customer with the
    fewest recent charges: a first try goes before the repeats of others.
    """
    ordered = Priority(priority_key=priority, fairness_key=customer_id)
    return config | ActivityConfig(task_queue=CHARGES_QUEUE, priority=ordered)


def with_summary(config: ActivityConfig, summary: str) -> ActivityConfig:
    """The options of one activity, with what the Temporal UI says about it."""
    return config | ActivityConfig(summary=summary)


def with_retry_round(config: ActivityConfig, summary: str, outage: Outage | None) -> ActivityConfig:
    """The options of a step that is tried in rounds: quick at first, patient once something is known to be down."""
    return config | ActivityConfig(summary=summary, retry_policy=_PATIENT if outage else _QUICK)
