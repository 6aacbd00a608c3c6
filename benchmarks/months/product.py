"""The product's worker as ``worker.py`` runs it, but for the sheet: customers of a benchmark share no clock.

Each skips time by themselves, so a reading made by one who is ahead is of the future for one who is behind, and the
sheet would be read for every other customer. On one clock all who are due together share a reading; here those do who
are due on one day.
"""

import asyncio
from collections import defaultdict
from datetime import date, datetime
from unittest import mock

import worker
from billing.period import Period
from billing.sales.sales import SalesSnapshot
from bootstrap import connect_sales
from services.shared_sales import Sales


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


if __name__ == "__main__":
    with mock.patch.object(worker, "connect_sales", lambda adapters: OneReadingADay(connect_sales(adapters))):
        worker.run()
