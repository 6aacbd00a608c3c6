"""Load: requests at a fixed rate, or as fast as it goes.

arrivals = await at_rate(send, requests, 50)     open loop: the rate is kept whatever is answered
seconds = await at_once(send, requests, 8)       closed loop: eight at a time, as fast as it goes
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

_T = TypeVar("_T")


class Arrival(NamedTuple):
    """When a request was due, when it was answered (seconds of the event loop's clock), and by what status."""

    due: float
    answered: float
    status: int

    @property
    def ms(self) -> float:
        return 1000 * (self.answered - self.due)


async def at_rate(send: Callable[[_T], Awaitable[int]], requests: Sequence[_T], rate: float) -> list[Arrival]:
    """One every ``1 / rate`` seconds, however long the answers take."""
    began, sent = time.perf_counter(), list[asyncio.Task[Arrival]]()

    async def one(request: _T, due: float) -> Arrival:
        status = await send(request)
        return Arrival(due, time.perf_counter(), status)

    for place, request in enumerate(requests):
        due = began + place / rate
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        sent.append(asyncio.create_task(one(request, due)))
    return await asyncio.gather(*sent)


async def at_once(send: Callable[[_T], Awaitable[int]], requests: Iterable[_T], workers: int) -> float:
    """Seconds for all of them, ``workers`` at a time. Raises ``AssertionError`` unless all are taken."""
    waiting, began = list(requests), time.perf_counter()

    async def work() -> None:
        while waiting:
            status = await send(waiting.pop())
            assert status == 200, f"answered {status}"

    await asyncio.gather(*(work() for _ in range(workers)))
    return time.perf_counter() - began


def answered(arrivals: Iterable[Arrival]) -> tuple[list[float], int]:
    """Milliseconds, the shortest first, and how many were not answered with 200."""
    arrivals = list(arrivals)
    return sorted(arrival.ms for arrival in arrivals), sum(arrival.status != 200 for arrival in arrivals)
