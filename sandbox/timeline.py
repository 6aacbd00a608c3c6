"""Skipped time: workflows reach an instant within milliseconds, each on a clock of its own, or many on one.

    timeline = Timeline(client)
    await timeline.reach(handle, month.notice_at + OVERSHOOT)         # one workflow
    await SharedClock(timeline, ports.stripe).pass_to(instant, ids)   # many, and the Stripe stand-in with them
    await until(all_drafted, seconds=60)                              # what they do then is waited for

Between two skips a workflow's clock runs at the usual speed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.testing._timeskipping import FastForwardConfig

from sandbox.stand_ins.control import control
from sandbox.stand_ins.whole_file import write_whole

_T = TypeVar("_T")
_Handle = WorkflowHandle[Any, Any]

OVERSHOOT = timedelta(seconds=45)
"""How far beyond an instant to skip, so that the work due then has ended before the skip does: between two tries of
what fails, which are at 31 and at 61 seconds. Work that ends in the same moment as a skip makes the server skip on to
the next timer, in days or a month (temporalio/temporal#11373).
"""
_SKIPS_MAX = 1_000_000  # retry backoffs count, and the server's default allows 200
_CONFIG = TimeSkippingConfig(enabled=False, max_session_skip_count=_SKIPS_MAX, disable_propagation=True)
_AT_ONCE = 16
_PAUSE_SECONDS = 0.1
_POLL_SECONDS, _POLL_SECONDS_MAX = 0.02, 0.2


class Timeline:
    """Skips time for one workflow after the other.

    With ``patience_seconds``, a skip that a dying worker or server leaves unanswered for that long is repeated.
    """

    def __init__(self, client: Client, patience_seconds: float | None = None) -> None:
        self._client = client
        self._skipper = TimeSkipper(client, config=_CONFIG)
        self._patience_seconds = patience_seconds

    def handle(self, workflow_id: str) -> _Handle:
        return self._client.get_workflow_handle(workflow_id)

    async def clock(self, handle: _Handle) -> datetime | None:
        """What time it is for the workflow; None once its chain has ended."""
        description = await handle.describe()
        if description.close_time is not None:
            return None
        extended = description.raw_description.workflow_extended_info
        skipped = extended.HasField("time_skipping_info")
        return extended.time_skipping_info.current_time.ToDatetime(UTC) if skipped else datetime.now(UTC)

    async def reach(self, handle: _Handle, instant: datetime) -> datetime | None:
        """Skips to ``instant``, unless it is past; answers the workflow's clock, or None once its chain has ended.

        The server may end a skip that meets a workflow task at once, without having skipped: it is asked again.
        """
        while True:
            try:
                async with asyncio.timeout(self._patience_seconds):
                    now = await self.clock(handle)
                    if now is None or now >= instant:
                        return now
                    if not await self._skipper.fast_forward(handle, instant - now):
                        return None
                continue
            except (TimeoutError, RuntimeError, RPCError) as error:  # RuntimeError: an abandoned skip was replaced
                if has_ended(error):
                    return None
                if self._patience_seconds is None:
                    raise
            await pause()


class SharedClock:
    """One clock for many workflows and for the Stripe stand-in; consoles and commands read it in ``skipped_file``.

    ``now`` is the instant that all workflows have reached for which something was due.
    """

    def __init__(self, timeline: Timeline, stripe_port: int, skipped_file: Path | None = None) -> None:
        self.now = self.began = datetime.now(UTC)
        self.timeline = timeline
        self._stripe_port = stripe_port
        self._skipped_file = skipped_file
        self._skipped_seconds = 0.0
        self._limit = asyncio.Semaphore(_AT_ONCE)

    async def pass_to(self, instant: datetime, workflow_ids: Iterable[str]) -> None:
        """These workflows reach ``instant``, unless they have ended; others catch up when they are named again."""
        skipped_seconds = max((instant - datetime.now(UTC)).total_seconds(), self._skipped_seconds)
        await control(self._stripe_port, "clock", {"advance_seconds": skipped_seconds - self._skipped_seconds})
        if self._skipped_file:
            write_whole(self._skipped_file, str(skipped_seconds))
        self._skipped_seconds = skipped_seconds
        await asyncio.gather(*(self._reach(workflow_id, instant) for workflow_id in workflow_ids))
        self.now = max(self.now, instant)

    async def _reach(self, workflow_id: str, instant: datetime) -> None:
        async with self._limit:
            await self.timeline.reach(self.timeline.handle(workflow_id), instant)


def skipping_client(client: Client, duration: timedelta) -> Client:
    """A client whose workflows skip ``duration`` as soon as they start; nothing waits for the end of the skip."""
    fast_forward = FastForwardConfig(id=uuid4().hex, duration=duration)
    return TimeSkipper(
        client, config=TimeSkippingConfig(fast_forward_config=fast_forward, max_session_skip_count=1000)
    ).client


async def until(look: Callable[[], Awaitable[_T | None]], seconds: float) -> _T:
    """The first answer that is true, of looks less and less often. Raises ``TimeoutError``."""
    poll_seconds = _POLL_SECONDS
    async with asyncio.timeout(seconds):
        while not (answer := await look()):
            await pause(poll_seconds)
            poll_seconds = min(1.2 * poll_seconds, _POLL_SECONDS_MAX)
    return answer


async def pause(seconds: float = _PAUSE_SECONDS) -> None:
    """Before a repeat. Raises ``CancelledError`` if the caller was cancelled and the SDK took it for a failed call."""
    if (task := asyncio.current_task()) and task.cancelling():
        raise asyncio.CancelledError
    await asyncio.sleep(seconds)


def has_ended(error: Exception) -> bool:
    """Whether the error says that no such workflow runs."""
    is_missing = isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND
    return is_missing and "namespace" not in str(error).lower()
