"""The sheet as read a moment ago, for everybody who asks: quotas are per minute."""

import asyncio
import time

from billing.errors import SalesUnavailable
from billing.period import Period
from billing.ports import SalesSource
from billing.sales import SalesSnapshot

_SHARED_SECONDS = 20.0


class SharedSales:
    """One read of a worksheet serves every customer who asks within a few seconds: quotas are per minute.

    A failed read serves those who were waiting for it, so that an outage does not make them queue one behind the other.
    """

    def __init__(self, source: SalesSource) -> None:
        self._source = source
        self._lock = asyncio.Lock()
        self._last: dict[Period, tuple[float, SalesSnapshot | SalesUnavailable]] = {}

    async def read(self, period: Period) -> SalesSnapshot:
        asked = time.monotonic()
        async with self._lock:
            read_at, outcome = self._last.get(period, (float("-inf"), None))
            oldest = asked - _SHARED_SECONDS if isinstance(outcome, SalesSnapshot) else asked
            if outcome is None or read_at < oldest:
                outcome = await self._read(period)
                still_shared = {each: last for each, last in self._last.items() if last[0] >= asked - _SHARED_SECONDS}
                self._last = still_shared | {period: (time.monotonic(), outcome)}
        if isinstance(outcome, SalesUnavailable):
            raise SalesUnavailable(str(outcome))
        return outcome

    async def _read(self, period: Period) -> SalesSnapshot | SalesUnavailable:
        try:
            return await self._source.read(period)
        except SalesUnavailable as error:
            return error
