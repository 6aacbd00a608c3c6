"""Tells the workflows of orders, of both kinds, how their order stands, and starts them."""

from datetime import UTC, datetime

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from billing.errors import BillingError
from billing.keys import order_workflow_id
from clients.running_workflows import translated
from orders.fulfilment import Fulfilment
from orders.order import OrderStanding
from orders.service.fulfilment import ServiceFulfilment
from orders.service.service_order import ServiceStanding
from workflows import about
from workflows.options import TASK_QUEUE
from workflows.order_fulfilment import OrderFulfilment
from workflows.service_order_fulfilment import ServiceOrderFulfilment
from workflows.visibility import of_order, of_service_order


class OrderSignals:
    """``AnyFulfilments`` by signal-with-start: whichever of the two is needed, it happens at once."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def tell(self, standing: OrderStanding) -> None:
        number = standing.order.number
        with translated(f"order {number}: Temporal answers", BillingError):
            await self._client.start_workflow(
                OrderFulfilment.run,
                Fulfilment(standing=standing, since=datetime.now(UTC)),
                id=order_workflow_id(number),
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                search_attributes=of_order(standing),
                **about.order(number, standing.order.customer_id),
                start_signal="told",
                start_signal_args=[standing],
            )

    async def tell_service(self, standing: ServiceStanding) -> None:
        number = standing.number
        with translated(f"order {number}: Temporal answers", BillingError):
            await self._client.start_workflow(
                ServiceOrderFulfilment.run,
                ServiceFulfilment(standing=standing),
                id=order_workflow_id(number),
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                search_attributes=of_service_order(standing),
                **about.service_order(number, standing.customer_id, standing.title),
                start_signal="told",
                start_signal_args=[standing],
            )
