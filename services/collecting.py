"""The one collection of a customer: takes in what a month left unpaid, and is told of money of other rails."""

from typing import Protocol

from billing.collections.arrivals import arrivals
from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.collections.ports import Collections, CollectionStore
from billing.errors import BillingError
from billing.events.event import OutgoingEvent
from billing.invoices.month import Month
from billing.invoices.ports import MonthStore
from billing.invoices.stages import UNPAID_OUTCOMES
from billing.period import Period
from billing.receivables.events import PaymentData
from billing.receivables.journal import PaymentName
from billing.receivables.ports import PaymentListing


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


async def tell(
    ledger: PaymentListing, collections: Collections, customer_id: str, payment: PaymentName
) -> dict[Period, bool]:
    """Tells the customer's collection of what ``payment`` has paid; each share counts once.

    Returns the months that it has paid, and whether a collection runs and was told.
    """
    record = await ledger.incoming_payment(payment)
    arrived = arrivals(record, customer_id) if record else ()
    return {period: await collections.paid(customer_id, command) for period, command in arrived}


class _Ledger(CollectionStore, MonthStore, PaymentListing, Protocol):
    """The stores it uses."""


class CollectionTeller:
    """Hands events of payments on other rails to the collections, so that no card pays what is paid already."""

    def __init__(self, ledger: _Ledger, collections: Collections) -> None:
        self._ledger = ledger
        self._collections = collections

    async def send(self, event: OutgoingEvent) -> None:
        """Raises ``BillingError`` if Temporal does not answer, or a collection that has to know does not run yet."""
        data = PaymentData.model_validate(event.payload["data"])
        if event.customer_id is None:
            return
        payment = PaymentName.of(data.rail, data.reference)
        told = await tell(self._ledger, self._collections, event.customer_id, payment)
        for period, is_told in told.items():
            if not is_told and await self._is_unpaid(event.customer_id, period):
                raise BillingError(f"{event.customer_id}, {period}: nobody collects it yet")

    async def _is_unpaid(self, customer_id: str, period: Period) -> bool:
        """Whether the month has to be collected, or will be."""
        known = await self._ledger.collection(customer_id, period)
        debt = known.debt(period) if known else None
        if debt is not None:
            return not debt.settled
        month = await self._ledger.month(customer_id, period)
        return month is not None and month.outcome in UNPAID_OUTCOMES
