"""The one collection of a customer: takes in what a month left unpaid, and is told of money of other rails."""

from typing import NamedTuple, Protocol

from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.collections.ports import Collections, CollectionStore
from billing.customers.contact_hours import ContactHours
from billing.customers.ladder import Rung
from billing.errors import BillingError
from billing.events.event import OutgoingEvent
from billing.invoices.month import Month
from billing.invoices.ports import MonthStore
from billing.invoices.stages import COLLECTED_OUTCOMES, Stage
from billing.period import Period
from billing.receivables.events import PaymentData
from billing.receivables.journal import Subject
from billing.receivables.ports import Accounts
from billing.tariffs.ports import AgreedItems


class LadderTerms(NamedTuple):
    """The ladder of customers who have none of their own, and when ladders are walked."""

    ladder: tuple[Rung, ...] = ()
    hours: ContactHours = ContactHours()


NO_LADDER = LadderTerms()


class DebtBooks(Accounts, AgreedItems, CollectionStore, Protocol):
    """The stores that say what is owed, who collects it, and by which ladder."""


async def collect(ledger: DebtBooks, collections: Collections, month: Month, terms: LadderTerms = NO_LADDER) -> bool:
    """Lets the customer's collection take in what ``month`` left unpaid; begins it, as last recorded, if none runs.

    A part may be paid already; False if credit has paid all of a bill, so that there is nothing to collect. The ladder
    of the customer's tariff goes before that in ``terms``. A repeat changes nothing, even once the debt is settled.
    """
    known = await ledger.collection(month.customer_id, month.period)
    debt = known.debt(month.period) if known else None
    if debt is not None and debt.settled:
        return True
    if debt is None and month.outcome is Stage.BILLED and not await owes(ledger, month):
        return False
    if known is None:
        others = await ledger.debts(customer_id=month.customer_id, open_only=True)
        known = await ledger.collection(month.customer_id, others[0].period) if others else None
    debt = debt or Debt.of(month)
    await collections.begin(known or await opened(ledger, month, terms), debt)
    balance = await ledger.balance(month.customer_id)
    if balance.owed_for(Subject.month(month.period), debt.currency) != debt.outstanding_minor:
        await collections.count_again(month.customer_id, f"what is owed for {month.period}")
    return True


async def opened(ledger: AgreedItems, month: Month, terms: LadderTerms) -> Collection:
    """The collection of what ``month`` left unpaid, on the ladder of its customer, their tariff, or ``terms``."""
    by_tariff = (await ledger.agreed(month.customer_id)).ladder(month.period)
    return Collection.open(month, by_tariff or terms.ladder, terms.hours)


async def owes(ledger: Accounts, month: Month) -> bool:
    """Whether anything is owed for ``month``."""
    return (await ledger.balance(month.customer_id)).owed_for(Subject.month(month.period), month.currency) > 0


class _Ledger(Accounts, CollectionStore, MonthStore, Protocol):
    """The stores it uses."""


class CollectionTeller:
    """Tells collections that money of another rail is in the books, so that no card pays what is paid already."""

    def __init__(self, ledger: _Ledger, collections: Collections) -> None:
        self._ledger = ledger
        self._collections = collections

    async def send(self, event: OutgoingEvent) -> None:
        """Raises ``BillingError`` if Temporal does not answer, or a collection that has to know does not run yet."""
        data = PaymentData.model_validate(event.payload["data"])
        customer_id = event.customer_id
        if customer_id is None or await self._collections.count_again(customer_id, f"money by {data.rail}"):
            return
        for period in data.months:
            if await self._is_unpaid(customer_id, period):
                raise BillingError(f"{customer_id}, {period}: nobody collects it yet")

    async def _is_unpaid(self, customer_id: str, period: Period) -> bool:
        """Whether the month has to be collected, or will be."""
        known = await self._ledger.collection(customer_id, period)
        debt = known.debt(period) if known else None
        if debt is not None:
            return not debt.settled
        month = await self._ledger.month(customer_id, period)
        if month is None or month.outcome not in COLLECTED_OUTCOMES:
            return False
        return month.outcome is not Stage.BILLED or await owes(self._ledger, month)
