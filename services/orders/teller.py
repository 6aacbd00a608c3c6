"""Tells the workflow of an order how the order stands in the ledger."""

import logging
from typing import Protocol

from billing.apart import Failed, in_turn
from billing.events.event import EventType, OutgoingEvent
from orders.events import OrderData
from orders.ports import Fulfilments, OrderListing
from orders.service.events import ServiceStepData
from orders.service.ports import OpenServiceOrders, ServiceFulfilments

_log = logging.getLogger(__name__)


class ToldLedger(OrderListing, OpenServiceOrders, Protocol):
    """The stores it uses."""


class AnyFulfilments(Fulfilments, ServiceFulfilments, Protocol):
    """The workflows of both kinds of orders."""


class OrderTeller:
    """The sender of ``Destination.ORDER``."""

    def __init__(self, ledger: ToldLedger, fulfilments: AnyFulfilments) -> None:
        self._ledger = ledger
        self._fulfilments = fulfilments

    async def send(self, event: OutgoingEvent) -> None:
        """Tells how the order stands now, not how it stood at the event. Raises ``BillingError``; repeat it then."""
        if event.type == EventType.ORDER_STEP:
            number = ServiceStepData.model_validate(event.payload["data"]).number
            service = await self._ledger.service_standing(number)
            if service is not None:
                await self._fulfilments.tell_service(service)
            return
        number = OrderData.model_validate(event.payload["data"]).number
        standing = await self._ledger.order(number)
        if standing is not None:
            await self._fulfilments.tell(standing)

    async def tell_open(self) -> None:
        """Tells the workflow of every open order, and begins one that is lost: terminated, or with its server.

        One failure holds up no other; the first is raised then. Repeat it as often as you like.
        """
        failed: list[Failed] = []
        errors: list[Exception] = []
        async for page in self._ledger.open_orders(failed):
            errors += (await in_turn(page, self._fulfilments.tell))[1]
        async for services in self._ledger.open_service_orders(failed):
            errors += (await in_turn(services, self._fulfilments.tell_service))[1]
        for each in failed:
            _log.warning("the workflow of an order of %s is not told: %s", each.customer_id, each.reason)
        if errors:
            raise errors[0]
