"""Tells open pages that a month has changed: one look at the ledger a second for all listeners, none without.

::

    live = Live(ledger.pulse)
    async for pulse in live.pulses(period): ...     # the present one at once, then each new one
    live.stop()                                     # every stream ends, so that the server can
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable

from billing.errors import BillingError
from billing.period import Period

LOOK_SECONDS = 1.0
QUIET_SECONDS = 20.0
"""After this long without news a stream sends a sign of life and checks its session."""

_log = logging.getLogger(__name__)


class _Watch:
    """A month that is watched: its last pulse, a future for the next one, and the task that polls."""

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


class Live:
    """``look`` returns a text that differs after every change of a month."""

    def __init__(self, look: Callable[[Period], Awaitable[str]], every_seconds: float = LOOK_SECONDS) -> None:
        self._look = look
        self._every_seconds = every_seconds
        self._watches: dict[Period, _Watch] = {}
        self._stopped = False

    @property
    def watched(self) -> int:
        """How many months are watched now."""
        return len(self._watches)

    async def pulses(self, period: Period, quiet_seconds: float = QUIET_SECONDS) -> AsyncGenerator[str]:
        """The present pulse, then each new one; "" after ``quiet_seconds`` without one. Ends with ``stop``."""
        watch = self._watches.setdefault(period, _Watch())
        watch.listeners += 1
        watch.task = watch.task or asyncio.create_task(self._watch(period, watch))
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
            self._leave(period, watch)

    def stop(self) -> None:
        """Ends all streams, at once and for good."""
        self._stopped = True
        for watch in self._watches.values():
            watch.wake()

    def _leave(self, period: Period, watch: _Watch) -> None:
        watch.listeners -= 1
        if not watch.listeners:
            del self._watches[period]
            assert watch.task is not None
            watch.task.cancel()

    async def _watch(self, period: Period, watch: _Watch) -> None:
        while True:
            try:
                watch.tell(await self._look(period))
            except BillingError as error:
                _log.warning("whether %s has changed is not known now: %s", period, error)
            await asyncio.sleep(self._every_seconds)
