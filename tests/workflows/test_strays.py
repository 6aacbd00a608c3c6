"""Workflows that run under another id: they are named with it, and nobody is called forgotten."""

import asyncio

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from billing.completeness.chains import ChainStatus
from billing.completeness.report import FindingKind
from clients.running_workflows import RunningWorkflows
from tests.bed import OCTOBER, PATIENCE_SECONDS, Bed
from tests.typed import typed
from tests.workflows.standing_still import looked, server, temporal, until_listed
from wording.remedies import command_line
from workflows.monthly_billing import MonthlyBilling
from workflows.options import TASK_QUEUE

__all__ = ["server"]  # fixture

pytestmark = pytest.mark.turns(2)


async def stray(bed: Bed, month_of: str = "acme") -> None:
    month = await bed.recorded(month_of, OCTOBER)
    await bed.client.start_workflow(MonthlyBilling.run, month, id="acme by hand", task_queue=TASK_QUEUE)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (await RunningWorkflows(bed.client).listed()).strays:
            await asyncio.sleep(0.05)


async def test_a_customer_who_is_billed_under_another_id_is_named_with_it_and_not_called_forgotten(bed: Bed) -> None:
    await bed.monitored()
    await bed.handle("acme").terminate()
    await stray(bed)
    looked_at = await looked(bed)
    assert looked_at.kinds == {FindingKind.STRAY: 1}
    (finding,) = looked_at.findings
    assert finding.customer_id == "acme"
    assert finding.text == "acme is billed by a workflow with another id: acme by hand"
    assert "is not billed" not in (await typed(bed, "list"))[1], "it is"
    terminate, start = map(command_line, finding.remedies)
    await temporal(bed, terminate)
    assert (await typed(bed, *start.split()[2:]))[0] == 0
    await until_listed(bed, "acme", ChainStatus.RUNNING)
    assert (await looked(bed)).covered


async def test_a_second_workflow_beside_the_customers_own_is_to_be_terminated_only(bed: Bed) -> None:
    await bed.monitored()
    await stray(bed)
    (finding,) = (await looked(bed)).findings
    assert finding.text == "acme is also billed by a workflow with another id: acme by hand"
    (terminate,) = finding.remedies
    await temporal(bed, command_line(terminate))


@pytest.mark.parametrize("encoding", ["binary/encrypted", "binary/plain", "json/protobuf", "json/plain", "\xff"])
async def test_one_whose_input_nobody_can_read_is_a_finding_too_and_stops_nothing(bed: Bed, encoding: str) -> None:
    await bed.monitored()
    payload = Payload(metadata={"encoding": encoding.encode("latin-1")}, data=b'{"customer": "acme"}')
    stranger = await bed.client.start_workflow(
        MonthlyBilling.__name__, RawValue(payload), id="by hand", task_queue=TASK_QUEUE
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (strays := (await RunningWorkflows(bed.client).listed()).strays):
            await asyncio.sleep(0.05)
    assert [chain.customer_id for chain in strays] == [""]
    code, output = await typed(bed, "coverage", "--period", OCTOBER)
    assert code == 1
    assert "a customer is billed by a workflow with another id: by hand" in output, output
    await stranger.terminate()
