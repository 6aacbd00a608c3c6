"""Records the month: decisions of people, and outcomes whose closing mail could not be sent."""

from temporalio import activity

from billing.errors import StaleRun
from billing.invoices.month import Month
from billing.invoices.ports import MonthStore
from services import clock


class LedgerActivities:
    def __init__(self, ledger: MonthStore) -> None:
        self._ledger = ledger

    @activity.defn
    async def record_month(self, month: Month) -> Month | None:
        """Records the month; returns the ledger's if that is ahead. A repeat changes nothing."""
        try:
            await record(self._ledger, month)
        except StaleRun:
            return await self._ledger.month(month.customer_id, month.period)
        return None


async def record(ledger: MonthStore, month: Month) -> None:
    """Records ``month``; once it is closed, the next one too, so that the ledger has every customer's current month."""
    has_next = month.is_closed and not month.leaving
    await ledger.record(month, clock.now(), month.next_month() if has_next else None)
