"""What the other tests rely on: nothing that one of them began goes on in the next."""

from pathlib import Path

from temporalio.client import WorkflowExecutionStatus

from billing.collection_review import RecordPayment
from sandbox.temporal_server import TemporalServer
from tests.bed import OCTOBER, prepared_bed


async def test_a_collection_that_is_about_to_end_ends_with_its_bed(server: TemporalServer, tmp_path: Path) -> None:
    async with prepared_bed(server, tmp_path) as bed:
        await bed.monitored(card="pm_card_chargeCustomerFail")
        await bed.closed()
        await bed.collects(lambda found: True)
        await bed.mail_faults({"action": "defer", "times": 1000})
        transfer = RecordPayment(by="ann", reason="arrived", reference="bank 1", amount_minor=10000)
        assert (await bed.tell(transfer)).accepted
        await bed.collects(lambda found: found.outcome is not None)
        while await bed.ledger.collections(open_only=True):
            pass
    ended = await bed.collection_handle("acme", OCTOBER).describe()
    assert ended.status is WorkflowExecutionStatus.TERMINATED
