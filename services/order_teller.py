"""Tells the workflow of an order how the order stands in the ledger."""

from billing.events.event import OutgoingEvent
from orders.events import OrderData
from orders.ports import Fulfilments, OrderListing


class OrderTeller:
    """The sender of ``Destination.ORDER``."""

    def __init__(self, ledger: OrderListing, fulfilments: Fulfilments) -> None:
        self._ledger = ledger
        self._fulfilments = fulfilments

    async def send(self, event: OutgoingEvent) -> None:
        """Tells how the order stands now, not how it stood at the event. Raises ``BillingError``; repeat it then."""
        number = OrderData.model_validate(event.payload["data"]).number
        standing = await self._ledger.order(number)
        if standing is not None:
            await self._fulfilments.tell(standing)
