"""Record the month as it stands: decisions of people, and outcomes whose closing mail could not be sent."""

from temporalio import activity

from billing.invoices.month import Month
from billing.invoices.ports import MonthStore
from services import clock


class LedgerActivities:
    def __init__(self, ledger: MonthStore) -> None:
        self._ledger = ledger

    @activity.defn
    async def record_month(self, month: Month) -> None:
        """Writes the month to the ledger; a repeat, or an older month that comes late, changes nothing."""
        await record(self._ledger, month)


async def record(ledger: MonthStore, month: Month) -> None:
    """Writes ``month``; once it is closed, the next one too, so that the ledger has every customer's current month."""
    goes_on = month.outcome is not None and not month.leaving
    await ledger.record(month, clock.now(), month.next_month() if goes_on else None)
