"""What the other tests rely on: nothing that one of them began goes on in the next."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus

from billing.model import Model
from billing.period import Period
from billing.reviewers.alerts import of_report
from bootstrap import SANDBOX_NAMESPACE
from sandbox.stack.temporal_server import TemporalServer, temporal_server
from tests.bed import OCTOBER, Bed, prepared_bed
from tests.debts import transferred
from workflows.visibility import SEARCH_ATTRIBUTES


async def test_a_collection_that_is_about_to_end_ends_with_its_bed(server: TemporalServer, tmp_path: Path) -> None:
    async with prepared_bed(server, tmp_path) as bed:
        await bed.monitored(card="pm_card_chargeCustomerFail")
        await bed.closed()
        await bed.collects(lambda found: True)
        await bed.mail_faults({"action": "defer", "times": 1000})
        assert await transferred(bed, 10000)
        await bed.collects(lambda found: found.outcome is not None)
        while await bed.ledger.debts(open_only=True):
            await asyncio.sleep(0.02)
    ended = await bed.collection_handle("acme").describe()
    assert ended.status is WorkflowExecutionStatus.TERMINATED


async def test_a_worker_builds_models_before_it_serves_so_that_no_workflow_does(
    server: TemporalServer, tmp_path: Path
) -> None:
    class New(Model):
        pass

    assert not New.__pydantic_complete__
    async with prepared_bed(server, tmp_path):
        assert New.__pydantic_complete__


async def test_a_skip_does_not_go_on_to_the_next_timer_when_work_ends_as_it_does(tmp_path: Path) -> None:
    """A server that notices late that a skip has ended makes every try of a busy machine's race hit."""
    late = {"history.timerProcessorMaxPollRPS": "1"}
    async with (
        temporal_server(
            log=tmp_path / "log",
            namespace=SANDBOX_NAMESPACE,
            search_attributes=SEARCH_ATTRIBUTES,
            dynamic_config=late,
        ) as server,
        prepared_bed(server, tmp_path) as bed,
    ):
        customer = await bed.customer("acme")
        period = (await bed.start(customer)).period
        assert period is not None
        bed.sales(period, (customer.mailbox, "100", "Hosting"))
        await bed.sheets_fault(path="/v4/", kind="slow", seconds=1.2)
        await bed.skip_to("acme", (await bed.month("acme")).import_at)
        month = await bed.drafted("acme", period)
        assert await bed.clock(bed.handle("acme")) < month.notice_at


async def test_an_alert_that_is_written_while_a_digest_ends_is_told_by_the_next(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts = iter([of_report("acme", Period(OCTOBER), n, f"look {n}", datetime.now(UTC)) for n in (1, 2)])
    await bed.ledger.save_alert(next(alerts))
    close = bed.ledger.close_digest

    async def closed(digest_id: str, at: datetime) -> None:
        await close(digest_id, at)
        if late := next(alerts, None):
            await bed.ledger.save_alert(late)

    monkeypatch.setattr(bed.ledger, "close_digest", closed)
    assert "look 2" in await bed.told()
