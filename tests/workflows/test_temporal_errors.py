"""What the real server's errors mean, by their status and typed details: never by their words."""

from collections.abc import Awaitable

import pytest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError

from billing.completeness.chains import ChainStatus
from billing.errors import TemporalUnavailable
from bootstrap import SANDBOX_NAMESPACE
from cli.terminal.output import explain
from clients.running_workflows import chain_status, is_missing
from sandbox.stack.temporal_server import TemporalServer

NOWHERE = "a-namespace-that-nobody-made"
ABSENT = TypedSearchAttributes([SearchAttributePair(SearchAttributeKey.for_keyword("NobodyMadeThis"), "x")])


@pytest.mark.parametrize("namespace", [SANDBOX_NAMESPACE, NOWHERE])
async def test_a_workflow_that_is_missing_is_told_from_a_namespace_that_is(
    server: TemporalServer, namespace: str
) -> None:
    client = await Client.connect(server.address, namespace=namespace)
    handle = client.get_workflow_handle("nobody's")
    calls: tuple[Awaitable[object], ...] = (
        handle.describe(),
        handle.signal("halt"),
        handle.execute_update("halt", id="1"),
    )
    for call in calls:
        with pytest.raises(RPCError) as raised:
            await call
        assert is_missing(raised.value) is (namespace == SANDBOX_NAMESPACE)


async def test_nobody_is_called_absent_because_the_namespace_is(server: TemporalServer) -> None:
    assert (
        await chain_status(await Client.connect(server.address, namespace=SANDBOX_NAMESPACE), "nobody")
        is ChainStatus.ABSENT
    )
    with pytest.raises(TemporalUnavailable, match=NOWHERE):
        await chain_status(await Client.connect(server.address, namespace=NOWHERE), "nobody")


async def test_a_server_that_lacks_a_search_attribute_is_to_be_prepared(server: TemporalServer) -> None:
    client = await Client.connect(server.address, namespace=SANDBOX_NAMESPACE)
    with pytest.raises(RPCError) as raised:
        await client.start_workflow("Nothing", id="nothing", task_queue="nobody", search_attributes=ABSENT)
    assert explain(raised.value).endswith("prepare it with: python starter.py setup")
