"""What a month left unpaid is collected, by the one collection of its customer."""

from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.collections.ports import Collections, CollectionStore
from billing.invoices.month import Month


async def collect(ledger: CollectionStore, collections: Collections, month: Month) -> None:
    """Lets the customer's collection take in what ``month`` left unpaid; begins it, as last recorded, if none runs.

    A repeat changes nothing, even once the debt is settled.
    """
    known = await ledger.collection(month.customer_id, month.period)
    debt = known.debt(month.period) if known else None
    if debt is not None and debt.settled:
        return
    if known is None:
        others = await ledger.debts(customer_id=month.customer_id, open_only=True)
        known = await ledger.collection(month.customer_id, others[0].period) if others else None
    await collections.begin(known or Collection.open(month), debt or Debt.of(month))
