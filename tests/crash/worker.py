"""A worker process that writes down every boundary it passes, and kills itself at one of them, as a crash would.

Boundaries are before and after each workflow task and each activity, and after each call that an activity makes to the
ledger, Stripe, the mail server or the sheet. What the process knows there, and nobody else does, is lost with it.
"""

import asyncio
import inspect
import logging
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Any
from unittest import mock

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import Client, OutboundInterceptor, StartWorkflowInput, WorkflowHandle
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkflowInstance,
    WorkflowInstanceDetails,
)

import worker
from activities import failures
from billing.keys import digest_workflow_id
from bootstrap import connect_adapters, connect_temporal
from settings import Settings
from workflows.options import TASK_QUEUE

TASK_SECONDS = 2
"""Until a workflow task that died with its worker is given to another one."""

_HEARTBEAT_SECONDS = 2  # the same for an activity
_NOTHING_COMES_OF = {"query_workflow", "remove_from_cache"}


def serve(settings: Settings, address: str, task_queue: str, fatal: str) -> None:
    """Runs a worker until it reaches the boundary ``fatal``; ``worker.log`` is in the data folder."""
    with (settings.data_dir / "worker.log").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    logging.basicConfig(format="%(asctime)s %(process)d %(levelname)s %(name)s %(message)s")
    failures._HEARTBEAT_SECONDS = _HEARTBEAT_SECONDS / 4
    asyncio.run(_serve(settings, address, task_queue, Boundaries(settings.data_dir, fatal)))


async def _serve(settings: Settings, address: str, task_queue: str, boundaries: "Boundaries") -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    asyncio.get_running_loop().add_reader(parent.sentinel, os._exit, 1)  # must not outlive the test

    def breakable(client: Client, *, interceptors: list[Interceptor], **arguments: Any) -> Worker:
        changed = arguments | {
            "task_queue": arguments["task_queue"].replace(TASK_QUEUE, task_queue),
            "interceptors": [Activities(boundaries), *interceptors],
            "workflow_runner": Workflows(boundaries=boundaries, task_queue=task_queue),
            "build_id": "crash",  # the default hashes every module, which takes a while
            "sticky_queue_schedule_to_start_timeout": timedelta(seconds=1),
        }
        return Worker(client, **changed)

    async with connect_adapters(settings) as adapters:
        ports: dict[str, Any] = {
            name: Port(name, adapter, boundaries) for name, adapter in vars(adapters).items() if name != "others"
        }
        connected = await connect_temporal(settings, address)
        client = Client(**connected.config() | {"interceptors": [OnQueue(task_queue)]})
        with mock.patch.object(worker, "Worker", breakable):
            serving = worker.create_worker(client, settings, replace(adapters, **ports))
        async with serving:
            await asyncio.Event().wait()


class OnQueue(ClientInterceptor):
    """Starts workflows on this task queue; a workflow task that is not answered is soon given out again."""

    def __init__(self, task_queue: str) -> None:
        self._task_queue = task_queue

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _Starting(next, self._task_queue)


class _Starting(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, task_queue: str) -> None:
        super().__init__(next)
        self._task_queue = task_queue

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        input.task_queue, input.task_timeout = self._task_queue, timedelta(seconds=TASK_SECONDS)
        if input.id == digest_workflow_id():  # there is one for each ledger, and here are several on one server
            input.id = f"{input.id}-{self._task_queue}"
        return await super().start_workflow(input)


class Boundaries:
    """Those that the workers on ``folder`` have passed; ``after charge_card 2`` is one worker's second of its name."""

    def __init__(self, folder: Path, fatal: str = "") -> None:
        self._path = folder / "boundaries.log"
        self._fatal = fatal
        self._count: Counter[str] = Counter()
        self._lock = Lock()

    def passed(self) -> list[str]:
        return self._path.read_text().splitlines()

    def reach(self, name: str) -> None:
        with self._lock:
            self._count[name] += 1
            boundary = f"{name} {self._count[name]}"
            with self._path.open("a") as file:
                file.write(f"{boundary}\n")
            if boundary == self._fatal:
                os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def around(self, name: str) -> Iterator[None]:
        self.reach(f"before {name}")
        try:
            yield
        finally:
            self.reach(f"after {name}")


class Activities(Interceptor):
    def __init__(self, boundaries: Boundaries) -> None:
        self._boundaries = boundaries

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Activity(next, self._boundaries)


class _Activity(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, boundaries: Boundaries) -> None:
        super().__init__(next)
        self._boundaries = boundaries

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        with self._boundaries.around(input.fn.__name__):
            return await super().execute_activity(input)


class Port:
    """An adapter; each of its calls ends with a boundary."""

    def __init__(self, name: str, adapter: object, boundaries: Boundaries) -> None:
        self._name = name
        self._adapter = adapter
        self._boundaries = boundaries

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._adapter, name)
        if not inspect.iscoroutinefunction(method):
            return method

        async def call(*arguments: Any, **options: Any) -> Any:
            answer = await method(*arguments, **options)
            self._boundaries.reach(f"after {self._name}.{name}")
            return answer

        return call


@dataclass(frozen=True)
class Workflows(UnsandboxedWorkflowRunner):
    boundaries: Boundaries = field(kw_only=True)
    task_queue: str = field(kw_only=True)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        instance = super().create_instance(det)
        activate = instance.activate

        def activate_between_boundaries(act: WorkflowActivation) -> WorkflowActivationCompletion:
            jobs = {str(job.WhichOneof("variant")) for job in act.jobs}
            if act.is_replaying or jobs <= _NOTHING_COMES_OF:
                return activate(act)
            with self.boundaries.around(f"{det.info.workflow_type} {'+'.join(sorted(jobs))}"):
                return self._retried_soon(activate(act))

        instance.activate = activate_between_boundaries  # type: ignore[method-assign]
        return instance

    def _retried_soon(self, completion: WorkflowActivationCompletion) -> WorkflowActivationCompletion:
        """Shortens what a dead worker's work is waited for, on our own queues; a history replays whatever they are."""
        for command in completion.successful.commands:
            if command.HasField("schedule_activity"):
                command.schedule_activity.heartbeat_timeout.FromSeconds(_HEARTBEAT_SECONDS)
                queue = command.schedule_activity.task_queue
                command.schedule_activity.task_queue = queue.replace(TASK_QUEUE, self.task_queue)
            if command.HasField("start_child_workflow_execution"):
                command.start_child_workflow_execution.workflow_task_timeout.FromSeconds(TASK_SECONDS)
        return completion
