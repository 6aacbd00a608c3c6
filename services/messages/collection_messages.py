"""What customers are told about what they have not paid: at their present address, by the channels of their ladder."""

from datetime import datetime
from typing import Protocol

from temporalio import activity

from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.customers.channels import Channel
from billing.customers.ports import CustomerStore
from billing.errors import NotFound
from billing.invoices.month import Month
from billing.invoices.ports import MonthStore
from billing.subscribers.ports import Services
from billing.subscribers.service import ServiceCause
from billing.texts.text import Consequence, TextKind
from services import clock
from services.messages.customer_messages import REFUSED, CustomerMessages


class _Ledger(CustomerStore, MonthStore, Services, Protocol):
    """The stores it uses."""


class CollectionMessages:
    def __init__(self, messages: CustomerMessages, ledger: _Ledger) -> None:
        self._messages = messages
        self._ledger = ledger

    async def tell(
        self,
        kind: TextKind,
        collection: Collection,
        debt: Debt,
        number: int,
        by: tuple[Channel, ...] = (),
        consequence: Consequence | None = None,
    ) -> None:
        """Tells the customer, once for each ``number``; ``by`` no channel: as bills go.

        What is not due yet is left out, unless nothing else is owed: the customer has its bill.

        An address or number that takes nothing is on record, and nobody waits for it. Raises other errors of
        ``CustomerMessages.tell``: repeat it after those.
        """
        month, told = await self._month(collection, debt), due(await addressed(self._ledger, collection), clock.now())
        try:
            channels = by or told.customer.terms.bill_by
            await self._messages.tell(kind, month, number, channels, told, consequence=consequence)
        except REFUSED as error:
            activity.logger.warning("%s refused: %s", kind, error)

    async def tell_restored(self, collection: Collection, debt: Debt) -> None:
        """Tells the customer that their service is restored, once, if money has restored it since it was owed."""
        since = min(each.opened_at for each in collection.debts)
        restored = [
            service.position
            for service in await self._ledger.services_of(collection.customer_id)
            if service.cause is ServiceCause.PAID and service.state_at >= since
        ]
        if restored:
            await self.tell(TextKind.RESTORED, collection, debt, max(restored))

    async def _month(self, collection: Collection, debt: Debt) -> Month:
        month = await self._ledger.month(collection.customer_id, debt.period)
        if month is None:
            raise NotFound(f"the ledger has no {debt.period} of {collection.customer_id}")
        return month


async def addressed(ledger: CustomerStore, collection: Collection) -> Collection:
    """With the customer's present name, address and number: a change updates months to come, but no collections."""
    customer = await ledger.customer(collection.customer_id)
    if customer is None:
        return collection
    known = collection.customer
    reached = {"email": customer.email or known.email, "phone": customer.phone or known.phone}
    return collection.evolve(customer=known.evolve(**reached, name=customer.name))


def due(collection: Collection, now: datetime) -> Collection:
    """Without bills that are not due yet; as it stands if that is all."""
    due = tuple(debt for debt in collection.debts if debt.settled or debt.method or debt.opened_at <= now)
    return collection.evolve(debts=due) if any(not debt.settled for debt in due) else collection
