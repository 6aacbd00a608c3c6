"""The production worker, with stalls on demand; its crashes are noticed after two seconds instead of fifteen.

Timeouts are no part of what a history replays, so this changes nothing but how long a run of chaos takes.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from temporalio.worker import (
    Interceptor,
    StartActivityInput,
    Worker,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)
from temporalio.workflow import ActivityHandle

import worker
from activities import failures
from process import shutdown as ending
from sandbox.chaos.stalls import stalls_from

_HEARTBEAT_SECONDS = 0.5
_HEARTBEAT_TIMEOUT = timedelta(seconds=2)
_STICKY_TIMEOUT = timedelta(seconds=1)
_KEPT = timedelta(seconds=15)  # the plan's stalls are over long before


class _Impatience(Interceptor):
    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        return _Inbound


class _Inbound(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound))


class _Outbound(WorkflowOutboundInterceptor):
    def start_activity(self, input: StartActivityInput) -> ActivityHandle[Any]:
        input.heartbeat_timeout = _HEARTBEAT_TIMEOUT
        return super().start_activity(input)


def _impatient(*arguments: Any, interceptors: list[Interceptor], **options: Any) -> Worker:
    changed = {**options, "sticky_queue_schedule_to_start_timeout": _STICKY_TIMEOUT}
    return Worker(*arguments, interceptors=[_Impatience(), *interceptors], **changed)


if __name__ == "__main__":
    failures._HEARTBEAT_SECONDS = _HEARTBEAT_SECONDS
    ending._KEPT = _KEPT
    with mock.patch.object(worker, "Worker", _impatient), stalls_from(Path.cwd()):
        worker.run()
