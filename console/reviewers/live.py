"""Tells open pages that something has changed: one look at the ledger a second for all listeners, none without.

::

    live = Live(ledger.pulse)                       # of months, or of orders
    async for pulse in live.pulses(period): ...     # the present one at once, then each new one
    live.stop()                                     # every stream ends, so that the server can
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

from fastapi import Request
from fastapi.responses import StreamingResponse

from billing.errors import BillingError
from console.reviewers.signed_in import session_of

LOOK_SECONDS = 1.0
QUIET_SECONDS = 20.0
"""After this long without news a stream sends a sign of life and checks its session."""

K = TypeVar("K", bound=str)

_log = logging.getLogger(__name__)


class _Watch:
    """A page's subject that is watched: its last pulse, a future for the next one, and the task that polls."""

    def __init__(self) -> None:
        self.pulse = ""
        self.news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.listeners = 0
        self.task: asyncio.Task[None] | None = None

    def tell(self, pulse: str) -> None:
        if pulse != self.pulse:
            self.pulse = pulse
            self.wake()

    def wake(self) -> None:
        news, self.news = self.news, asyncio.get_running_loop().create_future()
        news.set_result(None)


class Live(Generic[K]):
    """``look`` returns a text that differs after every change of a month, or of an order."""

    def __init__(self, look: Callable[[K], Awaitable[str]], every_seconds: float = LOOK_SECONDS) -> None:
        self._look = look
        self._every_seconds = every_seconds
        self._watches: dict[K, _Watch] = {}
        self._stopped = False

    @property
    def watched(self) -> int:
        """How many subjects are watched now."""
        return len(self._watches)

    async def pulses(self, subject: K, quiet_seconds: float = QUIET_SECONDS) -> AsyncGenerator[str]:
        """The present pulse, then each new one; "" after ``quiet_seconds`` without one. Ends with ``stop``."""
        watch = self._watches.setdefault(subject, _Watch())
        watch.listeners += 1
        watch.task = watch.task or asyncio.create_task(self._watch(subject, watch))
        last = ""
        try:
            while not self._stopped:
                if watch.pulse != last:
                    last = watch.pulse
                    yield last
                    continue
                try:
                    async with asyncio.timeout(quiet_seconds):
                        await asyncio.shield(watch.news)
                except TimeoutError:
                    yield ""
        finally:
            self._leave(subject, watch)

    def stop(self) -> None:
        """Ends all streams, at once and for good."""
        self._stopped = True
        for watch in self._watches.values():
            watch.wake()

    def _leave(self, subject: K, watch: _Watch) -> None:
        watch.listeners -= 1
        if not watch.listeners:
            del self._watches[subject]
            assert watch.task is not None
            watch.task.cancel()

    async def _watch(self, subject: K, watch: _Watch) -> None:
        while True:
            try:
                watch.tell(await self._look(subject))
            except BillingError as error:
                _log.warning("whether %s has changed is not known now: %s", subject, error)
            await asyncio.sleep(self._every_seconds)


def stream(request: Request, pulses: AsyncGenerator[str]) -> StreamingResponse:
    """The pulses as server-sent events; they end when the session does."""
    return StreamingResponse(_events(request, pulses), media_type="text/event-stream")


async def _events(request: Request, pulses: AsyncGenerator[str]) -> AsyncIterator[str]:
    yield "retry: 3000\n\n"
    async for pulse in pulses:
        if not pulse and await session_of(request) is None:
            return
        yield f"data: {pulse}\n\n" if pulse else ": still here\n\n"
