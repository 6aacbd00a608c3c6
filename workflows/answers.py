"""Decodes the results of activities: one that cannot be decoded is a failed step, which is done again.

Anybody may complete an activity by hand (``temporal activity complete``), with any result. The SDK would then fail the
workflow task again and again.
"""

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import (
    Interceptor,
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

UNREADABLE = "UnreadableAnswer"


class Answers(Interceptor):
    """Worker interceptor, for all workflows."""

    def workflow_interceptor_class(self, _: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        return _Inbound


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound))


class _Outbound(WorkflowOutboundInterceptor):
    def start_activity(self, started: StartActivityInput) -> workflow.ActivityHandle[Any]:
        kind, started.ret_type = started.ret_type, RawValue
        reading: Any = asyncio.create_task(_read(super().start_activity(started), kind, started.activity))
        return reading  # type: ignore[no-any-return]  # to be awaited and cancelled like a handle


async def _read(handle: workflow.ActivityHandle[RawValue | None], kind: type | None, name: str) -> Any:
    answer = await handle
    if kind is None or kind is type(None):
        return None
    try:
        value = workflow.payload_converter().from_payload(answer.payload, kind) if answer else None
        if not isinstance(value, kind):
            raise TypeError(f"{type(value).__name__} is no {kind}")
    except Exception as error:  # a converter may raise anything for input of any kind
        workflow.logger.warning("%s: an answer that cannot be read (%s)", name, type(error).__name__)
        unreadable = ActivityError(
            "the answer cannot be read",
            scheduled_event_id=0,
            started_event_id=0,
            identity=workflow.info().workflow_id,
            activity_type=name,
            activity_id="",
            retry_state=None,
        )
        raise unreadable from ApplicationError(
            f"the answer of {name} cannot be read: perhaps somebody has completed it by hand; it is done again",
            type=UNREADABLE,
        )
    return value
