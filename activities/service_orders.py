"""What the workflow of a service order does in the ledger. Each may be repeated: the ledger decides under its lock."""

from temporalio import activity

from activities.orders import OpenLinks, OrderTurn, not_before
from billing.errors import NotFound
from billing.receivables.journal import Subject
from orders.service.ports import ServiceOrders
from orders.service.service_order import ServiceStanding
from services import clock


class ServiceOrderActivities:
    """``links`` None: none can be opened here."""

    def __init__(self, ledger: ServiceOrders, links: OpenLinks | None) -> None:
        self._ledger = ledger
        self._links = links

    @activity.defn
    async def look_up_service_order(self, turn: OrderTurn) -> ServiceStanding:
        """How the order stands in the ledger. Raises ``NotFound`` if that was restored to before the order."""
        standing = await self._ledger.service_standing(turn.number)
        if standing is None:
            raise NotFound(f"there is no order {turn.number} in the ledger; terminate its workflow, or open it again")
        return standing

    @activity.defn
    async def pass_time_of_order(self, turn: OrderTurn) -> ServiceStanding:
        """Does what time has done of the order, and ends a payment link of what is not owed any more."""
        standing = await self._ledger.pass_time(turn.number, not_before(turn.at))
        if self._links is not None:
            await self._links.end_outdated(standing.customer_id, Subject.fee(turn.number), clock.now())
        return standing
