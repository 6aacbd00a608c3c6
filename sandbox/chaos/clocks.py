"""Virtual time in chaos: workflows reach an instant whatever dies meanwhile, and Stripe's clock goes with them."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from billing.invoices.month import Month
from billing.period import Period
from clients.running_workflows import is_missing
from sandbox.chaos.company import Company

_HELD = TimeSkippingConfig(enabled=False, max_session_skip_count=100_000, disable_propagation=True)
_TASK_TIMEOUT = timedelta(seconds=2)
_AT_ONCE = 16
_PATIENCE_SECONDS = 3
_PAUSE_SECONDS = 0.1


class Clocks:
    """``now`` is the instant that everybody has reached for whom anything was due."""

    def __init__(self, client: Client, company: Company) -> None:
        self.now = self.began = datetime.now(UTC)
        self._client = client
        self._company = company
        self._skipper = TimeSkipper(client, config=_HELD)
        self._limit = asyncio.Semaphore(_AT_ONCE)

    async def pass_to(self, instant: datetime, workflow_ids: Iterable[str]) -> None:
        """These workflows reach ``instant``; the others when something is due for them, or said to them."""
        await self._company.tell_stripe("clock", {"advance_seconds": max(0.0, (instant - self.now).total_seconds())})
        self.now = max(self.now, instant)
        async with asyncio.TaskGroup() as group:
            for workflow_id in workflow_ids:
                group.create_task(self.reach(workflow_id, instant))

    async def reach(self, workflow_id: str, instant: datetime) -> None:
        """A skip hangs while no worker serves and fails while the server restarts; then it is asked for again."""
        handle = self._client.get_workflow_handle(workflow_id)
        async with self._limit:
            while True:
                try:
                    async with asyncio.timeout(_PATIENCE_SECONDS):
                        left = instant - await self._skipper.get_current_time(handle)
                        if left.total_seconds() <= 0 or not await self._skipper.fast_forward(handle, left):
                            return
                except (TimeoutError, RuntimeError):
                    pass
                except RPCError as error:
                    if is_missing(error):
                        return
                await pause()

    async def runs(self, workflow_id: str) -> bool:
        return (await self._client.get_workflow_handle(workflow_id).describe()).close_time is None

    async def until_past(self, workflow_id: str, period: Period) -> None:
        """Until the chain is in a later month, or has ended."""
        handle: WorkflowHandle[Any, Any] = self._client.get_workflow_handle(workflow_id)
        while await self.runs(workflow_id) and (await handle.query("invoice", result_type=Month)).period <= period:
            self.now += timedelta(minutes=10)
            await self.reach(workflow_id, self.now)


async def pause() -> None:
    """Before something is tried again; raises if it was cancelled, which the SDK may have taken for a failed call."""
    if (task := asyncio.current_task()) and task.cancelling():
        raise asyncio.CancelledError
    await asyncio.sleep(_PAUSE_SECONDS)


class ShortTasks(Interceptor):
    """Of workflows that are started: a task that died with its worker is soon given to another."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        class Starting(OutboundInterceptor):
            async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
                input.task_timeout = _TASK_TIMEOUT
                return await super().start_workflow(input)

        return Starting(next)
