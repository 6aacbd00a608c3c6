"""Wakes the workflow that sends digests, once an alert is in the outbox.

trigger = DigestTrigger(client, settings.digest_interval)
await trigger.wake()
"""

import asyncio
import time
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from billing.errors import AlertUnavailable
from billing.keys import digest_workflow_id
from billing.reviewers.digest_plan import DigestPlan
from clients.running_workflows import translated
from workflows import about
from workflows.digest import ReviewerDigest
from workflows.options import TASK_QUEUE

_PAUSE_SECONDS = 0.25  # between two signals of one process: a burst of alerts needs few


class DigestTrigger:
    """``DigestWaker`` by signal-with-start. Concurrent calls share one signal."""

    def __init__(self, client: Client, interval: timedelta) -> None:
        self._client = client
        self._plan = DigestPlan(interval_seconds=interval.total_seconds())
        self._lock = asyncio.Lock()
        self._woken_at = float("-inf")

    async def wake(self) -> None:
        """Returns after a signal that was sent after this call, by any call. Raises ``AlertUnavailable``."""
        called_at = time.monotonic()
        async with self._lock:
            if self._woken_at > called_at:
                return
            await asyncio.sleep(max(0.0, self._woken_at + _PAUSE_SECONDS - time.monotonic()))
            began_at = time.monotonic()
            await self._signal()
            self._woken_at = began_at

    async def _signal(self) -> None:
        with translated("the reviewers cannot be told: Temporal answers", AlertUnavailable):
            await self._client.start_workflow(
                ReviewerDigest.run,
                self._plan,
                id=digest_workflow_id(),
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                start_signal="wake",
                **about.DIGEST,
            )
