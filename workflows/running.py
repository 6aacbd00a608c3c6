"""Which customers' workflows run: by one paged list, and of a single one by asking for it."""

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from billing.errors import TemporalUnavailable
from billing.keys import customer_of
from workflows.monthly_billing import MonthlyBilling
from workflows.start import handle_for

_PAGE = 1000
_RUNNING = f"WorkflowType = '{MonthlyBilling.__name__}' AND ExecutionStatus = 'Running'"


class RunningChains:
    """``billing.accounts.Chains``, by Temporal's visibility, which lags some seconds behind."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def listed(self) -> set[str]:
        try:
            found = [customer_of(each.id) async for each in self._client.list_workflows(_RUNNING, page_size=_PAGE)]
        except RPCError as error:
            raise TemporalUnavailable(f"Temporal cannot list the workflows: {error.message}") from None
        return {customer_id for customer_id in found if customer_id}

    async def runs(self, customer_id: str) -> bool:
        try:
            described = await handle_for(self._client, customer_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise TemporalUnavailable(f"Temporal cannot describe {customer_id}: {error.message}") from None
        return described.status is WorkflowExecutionStatus.RUNNING
