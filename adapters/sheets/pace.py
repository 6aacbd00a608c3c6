"""A limit of requests per second, so that a service with a rate limit refuses none."""

import asyncio
import time
from collections.abc import Awaitable, Callable


class Pace:
    """Turns at even intervals; the first turn, and one after a pause, is immediate.

    ::

        pace = Pace(20)     # a second
        await pace.turn()
    """

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._interval = 1 / per_second
        self._clock = clock
        self._sleep = sleep
        self._next = clock()

    async def turn(self) -> None:
        """Waits for the next turn, in the order of calls."""
        now = self._clock()
        turn_at = max(now, self._next)
        self._next = turn_at + self._interval
        if turn_at > now:
            await self._sleep(turn_at - now)
