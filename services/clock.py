"""The clock of activities: Temporal's, so that a rehearsal that skips time skips it here too."""

import time
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

from temporalio import activity

_began: ContextVar[float] = ContextVar("_began")


def begin() -> None:
    """Marks the beginning of an attempt; ``activities.failures`` calls it for every activity."""
    _began.set(time.monotonic())


def now() -> datetime:
    """The present instant in UTC: on the workflow's clock inside an activity, and else the real one."""
    if not activity.in_activity():
        return datetime.now(UTC)
    elapsed = timedelta(seconds=time.monotonic() - _began.get())
    return activity.info().started_time.astimezone(UTC) + elapsed
