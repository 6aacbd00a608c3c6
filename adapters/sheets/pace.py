"""So many requests a second and no more, however many ask at once: below a service's limit nobody is turned away."""

import asyncio
import time
from collections.abc import Awaitable, Callable


class Pace:
    """Turns at even distances; the first, and one after a pause, is had at once.

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
        self._distance = 1 / per_second
        self._clock = clock
        self._sleep = sleep
        self._next = clock()

    async def turn(self) -> None:
        """Returns when it is one's turn, in the order of asking."""
        now = self._clock()
        mine = max(now, self._next)
        self._next = mine + self._distance
        if mine > now:
            await self._sleep(mine - now)
