"""Workflows that somebody pauses in Temporal, and lets go on."""

from temporalio.api.workflowservice.v1 import PauseWorkflowExecutionRequest, UnpauseWorkflowExecutionRequest

from billing.keys import workflow_id
from tests.bed import Bed


async def paused(bed: Bed, customer_id: str = "acme", chain_id: str = "") -> None:
    """The customer's monthly workflow, or the one named."""
    chain_id = chain_id or workflow_id(customer_id)
    request = PauseWorkflowExecutionRequest(
        namespace=bed.client.namespace, workflow_id=chain_id, reason="look", request_id="1"
    )
    await bed.client.workflow_service.pause_workflow_execution(request)


async def unpaused(bed: Bed, customer_id: str = "acme", chain_id: str = "") -> None:
    chain_id = chain_id or workflow_id(customer_id)
    request = UnpauseWorkflowExecutionRequest(
        namespace=bed.client.namespace, workflow_id=chain_id, reason="looked", request_id="2"
    )
    await bed.client.workflow_service.unpause_workflow_execution(request)
