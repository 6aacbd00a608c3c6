"""The product's worker as ``worker.py`` runs it, but for the sheet: customers of a benchmark share no clock.

Each skips time by themselves, so a reading made by one who is ahead is of the future for one who is behind, and the
sheet would be read for every other customer. On one clock all who are due together share a reading; here those do who
are due on one day.
"""

import asyncio
import gc
import signal
from collections import defaultdict
from datetime import date, datetime

from activities.shared_sales import Sales
from billing.period import Period
from billing.sales import SalesSnapshot
from bootstrap import connect_adapters, connect_sales, connect_temporal
from settings import load_settings
from worker import create_worker

READY = "product ready"


class OneReadingADay:
    """One reading of each worksheet for each day on which it is asked for."""

    def __init__(self, sales: Sales) -> None:
        self._sales = sales
        self._read: dict[tuple[Period, date], SalesSnapshot] = {}
        self._locks: defaultdict[tuple[Period, date], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def read(self, period: Period, since: datetime) -> SalesSnapshot:
        key = (period, since.date())
        async with self._locks[key]:
            if key not in self._read:
                self._read[key] = await self._sales.read(period, since)
            return self._read[key]


async def _main() -> None:
    settings = load_settings()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with connect_adapters(settings) as adapters:
        client = await connect_temporal(settings)
        async with create_worker(client, settings, adapters, OneReadingADay(connect_sales(adapters))):
            gc.freeze()
            print(READY, flush=True)
            await stop.wait()


if __name__ == "__main__":
    asyncio.run(_main())
