"""The desk of service orders: what people do with them, from the console and the command line.

::

    desk = ServiceDesk(ledger, checkouts)
    opened = await desk.open(request, procedure, "ann", "cli", now)
    done = await desk.change("77", Halt(change_id="c1", by="ann", reason="by phone", via="cli"), now)
"""

from datetime import datetime

from billing.errors import InvalidInput
from billing.model import Model, Words
from billing.receivables.journal import Subject
from orders.changes import Cancel, Change
from orders.procedures.procedure import Procedure
from orders.service.ports import ServiceOpened, ServiceOrders
from orders.service.service_order import ServiceRequest, ServiceStanding
from services.checkouts import Checkouts


class ServiceChanged(Model):
    """How an order stands after a change, and what the change did."""

    standing: ServiceStanding
    effect: Words


class ServiceDesk:
    """``checkouts`` None: there is no address to which payment links could lead back, so none was opened."""

    def __init__(self, ledger: ServiceOrders, checkouts: Checkouts | None) -> None:
        self._ledger = ledger
        self._checkouts = checkouts

    async def open(
        self, request: ServiceRequest, procedure: Procedure, by: str, via: str, now: datetime
    ) -> ServiceOpened:
        """Takes the order in, once for each number. Raises ``InvalidInput`` and ``NotFound``."""
        return await self._ledger.open_service_order(request, procedure, now, by, via)

    async def has(self, number: str) -> bool:
        return await self._ledger.service_standing(number) is not None

    async def change(self, number: str, change: Change, now: datetime) -> ServiceChanged:
        """Carries the change out; links for what is not owed any more end at once. A repeat changes nothing.

        Raises ``NotFound``, and ``InvalidInput``, which says what to do instead.
        """
        if isinstance(change, Cancel) and change.refund:
            raise InvalidInput(
                f"order {number} goes by a procedure: what was paid for it is the customer's credit; cancel it without "
                "--refund, then give that back with: python starter.py payments refund"
            )
        standing, effect = await self._ledger.change_service_order(number, change, now)
        if self._checkouts is not None:
            await self._checkouts.end_outdated(standing.customer_id, Subject.fee(number), now)
        return ServiceChanged(standing=standing, effect=effect)
