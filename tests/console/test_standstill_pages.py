"""A month whose workflow is closed, paused or fails never looks healthy; a button starts what was terminated."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from temporalio.api.workflowservice.v1 import PauseWorkflowExecutionRequest, UnpauseWorkflowExecutionRequest

from billing.keys import workflow_id
from billing.messages import CloseAccount
from billing.users import Role
from tests.bed import OCTOBER, PATIENCE_SECONDS, Bed
from tests.console.conftest import Desk
from tests.console.reviewing import readable, reviewer

PAGE = f"/desk/{OCTOBER}/invoices/acme"
COUNTDOWN = "data-countdown"


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await holds():
            await asyncio.sleep(0.05)


async def paused(bed: Bed, customer_id: str = "acme") -> None:
    request = PauseWorkflowExecutionRequest(
        namespace=bed.client.namespace, workflow_id=workflow_id(customer_id), reason="look", request_id="1"
    )
    await bed.client.workflow_service.pause_workflow_execution(request)


async def unpaused(bed: Bed, customer_id: str = "acme") -> None:
    request = UnpauseWorkflowExecutionRequest(
        namespace=bed.client.namespace, workflow_id=workflow_id(customer_id), reason="looked", request_id="2"
    )
    await bed.client.workflow_service.unpause_workflow_execution(request)


async def test_a_terminated_month_is_red_counts_nothing_down_and_is_started_by_the_button_with_its_audit(
    desk: Desk,
) -> None:
    before = await desk.bed.monitored()
    await desk.bed.handle("acme").terminate()
    async with reviewer(desk) as ann:
        page = (await ann.browser.get(PAGE)).text
        assert "Nobody bills Acme: the workflow was terminated." in readable(page)
        assert "As the workflow says it now" not in page
        facts = page[page.index('aria-label="How it stands"') : page.index('class="doing"')]
        assert COUNTDOWN not in facts, "nothing is going to happen then"
        assert f'action="{PAGE}/halt"' not in page, "there is no workflow to take it"

        refused = await ann.send("start", reason=" ")
        assert (refused.status_code, "Say why" in readable(refused.text)) == (422, True)
        started = await ann.result(await ann.send("start", "terminated by mistake"))
        assert "Done. You started billing again: 2026-10 goes on as it stood" in started
        assert "Nobody bills" not in started
        assert "As the workflow says it now." in started
        audit = await ann.page("/desk/audit")
        assert "terminated by mistake" in audit
    running = await desk.bed.month("acme")
    assert (running.invoice, running.notice_at) == (before.invoice, before.notice_at)
    (decision,) = running.decisions
    assert (decision.command, decision.by, decision.via, decision.accepted) == ("start", "ann", "console", True)
    assert await desk.bed.ledger.decisions("acme", running.period) == [decision]


async def test_only_who_may_decide_can_start_and_a_second_click_changes_nothing(desk: Desk) -> None:
    await desk.bed.monitored()
    await desk.bed.handle("acme").terminate()
    async with reviewer(desk, "rita", Role.REVIEWER) as rita:
        text = await rita.page()
        assert "Nobody bills Acme" in text
        assert "Start billing" not in text
        assert "python starter.py start acme" in text
        assert (await rita.send("start")).status_code == 403
    async with reviewer(desk) as ann:
        form = await ann.form("start") | {"reason": "by mistake"}
        for _ in range(2):
            assert (await ann.post(f"{PAGE}/start", form)).status_code == 303
    assert len((await desk.bed.month("acme")).decisions) == 1


async def test_an_account_that_is_closed_is_not_started_by_the_button(desk: Desk) -> None:
    await desk.bed.monitored()
    assert (await desk.bed.command("acme", CloseAccount(by="ann", reason="moved"))).accepted
    await desk.bed.handle("acme").terminate()
    await desk.bed.tamper(
        "UPDATE customers SET closed_at = ?, closed_reason = 'ann: moved'", str(datetime.now(UTC))[:26]
    )
    async with reviewer(desk) as ann:
        refused = await ann.send("start")
        assert (refused.status_code, "the account was closed" in readable(refused.text)) == (409, True)


async def test_a_paused_month_says_so_and_how_it_goes_on(desk: Desk) -> None:
    await desk.bed.monitored()
    await paused(desk.bed)
    async with reviewer(desk) as ann:
        text = await ann.page()
        assert "Billing of Acme stands still: its workflow is paused in Temporal." in text
        assert f"temporal workflow unpause --workflow-id {workflow_id('acme')}" in text
        refused = await ann.send("halt")
        assert (refused.status_code, "Workflow is paused" in readable(refused.text)) == (422, True)
        await unpaused(desk.bed)
        assert "As the workflow says it now." in await ann.page()
