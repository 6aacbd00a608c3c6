"""Wakes the workflow that tells the reviewers, once an alert is in the outbox.

bell = DigestTrigger(client, settings.digest_interval)
await bell.ring()
"""

import asyncio
import time
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from billing.errors import AlertUnavailable
from billing.keys import digest_workflow_id
from workflows.digest import DigestPlan, ReviewerDigest
from workflows.options import TASK_QUEUE

_PAUSE_SECONDS = 0.25  # between two rings of one process: a burst of alerts needs few


class DigestTrigger:
    """``Bell``, by signal-with-start. Rings that are asked for together are one."""

    def __init__(self, client: Client, interval: timedelta) -> None:
        self._client = client
        self._plan = DigestPlan(interval_seconds=interval.total_seconds())
        self._lock = asyncio.Lock()
        self._rung_at = float("-inf")

    async def ring(self) -> None:
        """Returns after a ring that began after it was asked for, whoever rang."""
        asked_at = time.monotonic()
        async with self._lock:
            if self._rung_at > asked_at:
                return
            await asyncio.sleep(max(0.0, self._rung_at + _PAUSE_SECONDS - time.monotonic()))
            began_at = time.monotonic()
            await self._signal()
            self._rung_at = began_at

    async def _signal(self) -> None:
        try:
            await self._client.start_workflow(
                ReviewerDigest.run,
                self._plan,
                id=digest_workflow_id(),
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                start_signal="ring",
                static_summary="tells the reviewers what waits for them",
            )
        except RPCError as error:
            raise AlertUnavailable(f"the reviewers cannot be told: Temporal answers {error.message}") from None
