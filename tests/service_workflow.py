"""A service order on a bed: opened, and as its workflow has it."""

from temporalio.client import WorkflowHandle

from billing.keys import order_workflow_id
from orders.service.fulfilment import ServiceFulfilment
from sandbox.timeline import until
from tests.bed import PATIENCE_SECONDS, Bed
from tests.service_ordering import CONNECT, request, with_tariff
from workflows.service_order_fulfilment import ServiceOrderFulfilment


def handle(bed: Bed) -> WorkflowHandle[ServiceOrderFulfilment, ServiceFulfilment]:
    return bed.client.get_workflow_handle_for(ServiceOrderFulfilment.run, order_workflow_id("77"))


async def begun(bed: Bed) -> None:
    await with_tariff(bed.ledger)
    await bed.service_order(request(), CONNECT)


async def at_step(bed: Bed, step: str) -> ServiceFulfilment:
    """The order as its workflow has it, as soon as it stands there."""

    async def look() -> ServiceFulfilment | None:
        value = await handle(bed).query(ServiceOrderFulfilment.order)
        return value if value.standing.opened_at >= bed.began and value.standing.step == step else None

    async def running() -> bool | None:
        return (await bed.client.count_workflows(f"WorkflowId = '{order_workflow_id('77')}'")).count > 0 or None

    await until(running, PATIENCE_SECONDS)
    return await until(look, PATIENCE_SECONDS)
