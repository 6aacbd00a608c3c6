"""From a domain error to a Temporal failure: the one place that decides what is retried. Also sends heartbeats.

An error of ``billing.errors`` keeps its class name as the failure's type; ``retryable`` decides whether Temporal
retries and ``retry_after`` when. Any other exception is our bug: it is retried too, because a deploy fixes it.
"""

import asyncio
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from billing.errors import BillingError
from billing.model import cut
from services import clock

_HEARTBEAT_SECONDS = 5.0


class Failures(Interceptor):
    """Worker interceptor: translates errors and heartbeats for every activity."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Inbound(next)


class _Inbound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        clock.begin()
        heartbeat = asyncio.create_task(_heartbeat())
        try:
            return await super().execute_activity(input)
        except BillingError as error:
            raise to_failure(error).with_traceback(error.__traceback__) from None
        finally:
            heartbeat.cancel()


def to_failure(error: BillingError) -> ApplicationError:
    """The Temporal failure for ``error``; expected outages are marked benign, so that they raise no alarm."""
    return ApplicationError(
        cut(str(error)),
        type=type(error).__name__,
        non_retryable=not error.retryable,
        next_retry_delay=error.retry_after,
        category=ApplicationErrorCategory.BENIGN if error.retryable else ApplicationErrorCategory.UNSPECIFIED,
    )


async def _heartbeat() -> None:
    """A killed worker is noticed within the heartbeat timeout; an activity shorter than the interval sends none."""
    while True:
        await asyncio.sleep(_HEARTBEAT_SECONDS)
        activity.heartbeat()
