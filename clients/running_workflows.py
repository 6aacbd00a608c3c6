"""The status of workflows, by Temporal's raw API: the SDK raises on a status that it does not know. And its errors."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus as Raw
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
    ListWorkflowExecutionsRequest,
    UnpauseWorkflowExecutionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from billing.completeness.chains import Chain, ChainStatus, OpenChains, StoppedCollection
from billing.errors import BillingError, NotFound, TemporalUnavailable
from billing.invoices.month import Month
from billing.keys import collection_id, customer_of, workflow_id
from billing.period import Period
from workflows.daily import DailyCompleteness, DailyReconciliation
from workflows.digest import ReviewerDigest
from workflows.monthly_billing import MonthlyBilling
from workflows.order_fulfilment import OrderFulfilment
from workflows.payment_collection import PaymentCollection
from workflows.service_order_fulfilment import ServiceOrderFulfilment
from workflows.visibility import CUSTOMER, PERIOD

KINDS = (
    MonthlyBilling,
    PaymentCollection,
    OrderFulfilment,
    ServiceOrderFulfilment,
    ReviewerDigest,
    DailyCompleteness,
    DailyReconciliation,
)

_PAGE = 1000
_MANY = 100  # ids in one query
_DESCRIBED = 500  # for more customers, all open workflows are listed
_AT_ONCE = 20
_PATIENCE = timedelta(seconds=10)
_PROBLEMS = "TemporalReportedProblems"
"""The server sets it after five failed tasks in a row, about a minute, and clears it after a success."""

_MONTHLY = f"WorkflowType = '{MonthlyBilling.__name__}'"
_COLLECTIONS = f"WorkflowType = '{PaymentCollection.__name__}'"
_OPEN = "CloseTime IS NULL"  # not "Running": a paused workflow is open too
_STANDING_STILL = f"{_OPEN} AND ({_PROBLEMS} IS NOT NULL OR ExecutionStatus != 'Running')"
_OURS = f"WorkflowType IN ({', '.join(repr(kind.__name__) for kind in KINDS)})"
_CUT_OFF = f"{_MONTHLY} AND ExecutionStatus IN ('Terminated', 'Failed', 'TimedOut', 'Canceled')"

_STATUSES = {
    Raw.WORKFLOW_EXECUTION_STATUS_RUNNING: ChainStatus.RUNNING,
    Raw.WORKFLOW_EXECUTION_STATUS_PAUSED: ChainStatus.PAUSED,
    Raw.WORKFLOW_EXECUTION_STATUS_COMPLETED: ChainStatus.COMPLETED,
    Raw.WORKFLOW_EXECUTION_STATUS_FAILED: ChainStatus.FAILED,
    Raw.WORKFLOW_EXECUTION_STATUS_CANCELED: ChainStatus.CANCELED,
    Raw.WORKFLOW_EXECUTION_STATUS_TERMINATED: ChainStatus.TERMINATED,
    Raw.WORKFLOW_EXECUTION_STATUS_TIMED_OUT: ChainStatus.TIMED_OUT,
    Raw.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW: ChainStatus.RUNNING,  # the next run is beginning
}


class RunningWorkflows:
    """``Chains`` by Temporal's visibility, which lags a moment, and by descriptions of workflows."""

    def __init__(self, client: Client, patience: timedelta = _PATIENCE) -> None:
        self._client = client
        self._patience = patience

    async def listed(self) -> OpenChains:
        own: dict[str, ChainStatus] = {}
        strays = []
        async for info in self._list(f"{_MONTHLY} AND {_OPEN}"):
            chain, named = _chain(info), customer_of(info.execution.workflow_id)
            if named and chain.customer_id in ("", named):
                own[named] = chain.status
            else:
                strays.append(await self._with_customer(chain, info.execution))
        return OpenChains(own, tuple(strays))

    async def standing_still(self) -> list[Chain]:
        return [_chain(info) async for info in self._list(f"{_OURS} AND {_STANDING_STILL}")]

    async def count_open(self) -> int:
        """How many workflows of every kind are open."""
        request = CountWorkflowExecutionsRequest(namespace=self._client.namespace, query=f"{_OURS} AND {_OPEN}")
        with translated("Temporal cannot count the workflows"):
            answer = await self._client.workflow_service.count_workflow_executions(request, timeout=self._patience)
        return answer.count

    async def cut_off(self, period: str) -> set[str]:
        """Customers with a run in ``period`` that was cut off; they may have been started again since."""
        query = f"{_CUT_OFF} AND {PERIOD.name} = '{period}'"
        return {customer_of(info.execution.workflow_id) async for info in self._list(query)} - {""}

    async def strays(self) -> list[Chain]:
        """Open monthly workflows under an id that is no customer's, with the customer they bill."""
        query = f"{_MONTHLY} AND {_OPEN} AND WorkflowId NOT STARTS_WITH '{workflow_id('')}'"
        return [await self._with_customer(_chain(info), info.execution) async for info in self._list(query)]

    async def of(self, customer_ids: Collection[str]) -> dict[str, ChainStatus]:
        """The status of their workflows: by the list, then by descriptions of up to 500 that are not in it.

        A customer billed under another workflow id counts as running: the completeness check reports that.
        """
        few = len(customer_ids) <= _DESCRIBED
        statuses = dict(await self._among(list(customer_ids)) if few else (await self.listed()).own)
        missing = [customer_id for customer_id in customer_ids if customer_id not in statuses]
        statuses |= zip(missing, await self._described([workflow_id(name) for name in missing]), strict=False)
        strays = {stray.customer_id for stray in await self.strays()} if missing else set()
        statuses |= dict.fromkeys(strays.intersection(missing), ChainStatus.RUNNING)
        return {customer_id: statuses.get(customer_id, ChainStatus.ABSENT) for customer_id in customer_ids}

    async def stopped_collections(self, owed: Sequence[tuple[str, Period]]) -> list[StoppedCollection]:
        """By descriptions of a few; of more, by the list, then by descriptions of up to 500 that are not in it."""
        statuses: dict[str, ChainStatus] = {}
        if len(owed) > _AT_ONCE:
            query = f"{_COLLECTIONS} AND {_OPEN}"
            statuses |= {info.execution.workflow_id: _status(info) async for info in self._list(query)}
        ids = [collection_id(customer_id) for customer_id, _ in owed]
        missing = [chain_id for chain_id in dict.fromkeys(ids) if chain_id not in statuses]
        statuses |= zip(missing, await self._described(missing), strict=False)
        found = [statuses.get(chain_id, ChainStatus.ABSENT) for chain_id in ids]
        return [
            StoppedCollection(*key, status)
            for key, status in zip(owed, found, strict=True)
            if status is not ChainStatus.RUNNING
        ]

    async def _described(self, chain_ids: Sequence[str]) -> list[ChainStatus]:
        """The present status of the first 500."""
        limit = asyncio.Semaphore(_AT_ONCE)

        async def describe(chain_id: str) -> ChainStatus:
            async with limit:
                return (await described(self._client, chain_id, self._patience))[0]

        return await asyncio.gather(*map(describe, chain_ids[:_DESCRIBED]))

    async def _among(self, customer_ids: list[str]) -> dict[str, ChainStatus]:
        open_chains: dict[str, ChainStatus] = {}
        for start in range(0, len(customer_ids), _MANY):
            ids = ", ".join(repr(workflow_id(customer_id)) for customer_id in customer_ids[start : start + _MANY])
            async for info in self._list(f"{_OPEN} AND WorkflowId IN ({ids})"):
                open_chains[customer_of(info.execution.workflow_id)] = _status(info)
        return open_chains

    async def status(self, customer_id: str) -> ChainStatus:
        return await chain_status(self._client, customer_id, self._patience)

    async def _list(self, query: str) -> AsyncIterator[WorkflowExecutionInfo]:
        request = ListWorkflowExecutionsRequest(namespace=self._client.namespace, query=query, page_size=_PAGE)
        while True:
            with translated("Temporal cannot list the workflows"):
                page = await self._client.workflow_service.list_workflow_executions(request, timeout=self._patience)
            for info in page.executions:
                yield info
            if not page.next_page_token:
                return
            request.next_page_token = page.next_page_token

    async def _with_customer(self, chain: Chain, execution: WorkflowExecution) -> Chain:
        """Adds the customer from the workflow's input; unchanged if that cannot be read or is deleted."""
        if chain.customer_id:
            return chain
        request = GetWorkflowExecutionHistoryRequest(
            namespace=self._client.namespace, execution=execution, maximum_page_size=1
        )
        service = self._client.workflow_service
        try:
            with translated(f"Temporal cannot show {chain.workflow_id}"):
                answer = await service.get_workflow_execution_history(request, timeout=self._patience)
        except WorkflowMissing:  # deleted meanwhile
            return chain
        try:
            payloads = answer.history.events[0].workflow_execution_started_event_attributes.input.payloads
            month: Month = (await self._client.data_converter.decode(payloads, [Month]))[0]
            return chain._replace(customer_id=month.customer.customer_id)
        except Exception:  # the input is no month of ours
            return chain


async def chain_status(client: Client, customer_id: str, patience: timedelta = _PATIENCE) -> ChainStatus:
    """The present status of the customer's monthly workflow. Raises ``TemporalUnavailable``."""
    return (await described(client, workflow_id(customer_id), patience))[0]


async def described(client: Client, chain_id: str, patience: timedelta) -> tuple[ChainStatus, str]:
    """The present status of a workflow, and the id of its run ("": none). Raises ``TemporalUnavailable``."""
    execution = WorkflowExecution(workflow_id=chain_id)
    request = DescribeWorkflowExecutionRequest(namespace=client.namespace, execution=execution)
    try:
        with translated(f"Temporal cannot describe {chain_id}"):
            answer = await client.workflow_service.describe_workflow_execution(request, timeout=patience)
    except WorkflowMissing:
        return ChainStatus.ABSENT, ""
    info = answer.workflow_execution_info
    return _status(info), info.execution.run_id


async def unpause(client: Client, chain_id: str, reason: str, request_id: str) -> None:
    """Lets a workflow go on that people have paused in Temporal. A repeat changes nothing.

    Raises ``NotFound`` unless it is paused, and ``TemporalUnavailable``.
    """
    status, _ = await described(client, chain_id, _PATIENCE)
    if status is not ChainStatus.PAUSED:
        raise NotFound(f"{chain_id} is not paused: it {status.words}")
    request = UnpauseWorkflowExecutionRequest(
        namespace=client.namespace, workflow_id=chain_id, reason=reason, request_id=request_id
    )
    with translated(f"{chain_id} cannot go on: Temporal answers"):
        await client.workflow_service.unpause_workflow_execution(request)


def _chain(info: WorkflowExecutionInfo) -> Chain:
    return Chain(
        workflow_id=info.execution.workflow_id,
        kind=info.type.name,
        status=_status(info),
        customer_id=str(_attribute(info, CUSTOMER.name) or ""),
    )


def _status(info: WorkflowExecutionInfo) -> ChainStatus:
    status = _STATUSES.get(info.status, ChainStatus.UNKNOWN)
    return ChainStatus.FAILING if status is ChainStatus.RUNNING and _attribute(info, _PROBLEMS) else status


def _attribute(info: WorkflowExecutionInfo, name: str) -> object:
    """A search attribute's value; None if it is not set."""
    fields = info.search_attributes.indexed_fields
    return json.loads(fields[name].data) if name in fields and fields[name].data else None


class WorkflowMissing(BillingError):
    """There is no such workflow, or none that is open."""


@contextmanager
def translated(failure: str, kind: type[BillingError] = TemporalUnavailable) -> Iterator[None]:
    """Makes ``WorkflowMissing`` of an error of Temporal, or ``kind``: ``failure`` and the reason."""
    try:
        yield
    except RPCError as error:
        if is_missing(error):
            raise WorkflowMissing(f"{failure}: {error.message}") from None
        raise kind(f"{failure}: {error.message}") from None
    except RuntimeError as error:  # a lazy client cannot connect
        raise kind(f"{failure}: {error}") from None


def is_missing(error: RPCError) -> bool:
    """Whether there is no such workflow, or none that is open; not if it is the namespace that does not exist."""
    namespace = NamespaceNotFoundFailure.DESCRIPTOR
    return error.status is RPCStatusCode.NOT_FOUND and not any(part.Is(namespace) for part in error.grpc_status.details)
