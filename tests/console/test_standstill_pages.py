"""A month whose workflow is closed, paused or fails never looks healthy; a button starts what was terminated."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
)
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from billing.commands import Halt
from billing.completeness.chains import Chain, ChainStatus
from billing.keys import workflow_id
from billing.reviewers.users import Role
from bootstrap import connect_reconciliation
from clients.running_workflows import RunningWorkflows
from tests.bed import OCTOBER, PATIENCE_SECONDS, Bed
from tests.console.conftest import Desk, console
from tests.console.reviewing import readable, reviewer
from tests.console.standing import paused, unpaused
from tests.console.test_coverage import cover
from workflows.monthly_billing import MonthlyBilling
from workflows.options import TASK_QUEUE

PAGE = f"/desk/{OCTOBER}/invoices/acme"
COUNTDOWN = "data-countdown"
_NUMBERS = itertools.count()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await holds():
            await asyncio.sleep(0.05)


async def test_a_terminated_month_is_red_counts_nothing_down_and_is_started_by_the_button_with_its_audit(
    desk: Desk,
) -> None:
    before = await desk.bed.monitored()
    await desk.bed.handle("acme").terminate()
    async with reviewer(desk) as ann:
        page = (await ann.browser.get(PAGE)).text
        assert "Nobody bills Acme: the workflow was terminated." in readable(page)
        assert "Live from Temporal" not in page
        facts = page[page.index('aria-label="Status"') : page.index('class="doing"')]
        assert COUNTDOWN not in facts, "nothing is going to happen then"
        assert f'action="{PAGE}/halt"' not in page, "there is no workflow to take it"

        refused = await ann.send("start", reason=" ")
        assert (refused.status_code, "Say why" in readable(refused.text)) == (422, True)
        started = await ann.result(await ann.send("start", "terminated by mistake"))
        assert "Done. 2026-10 goes on as it stood" in started
        assert "Nobody bills" not in started
        assert "Live from Temporal." in started
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
        assert "until it is started again, by an approver." in text
        assert (await rita.send("start")).status_code == 403
    async with reviewer(desk) as ann:
        form = await ann.form("start") | {"reason": "by mistake"}
        for _ in range(2):
            assert (await ann.post(f"{PAGE}/start", form)).status_code == 303
    assert len((await desk.bed.month("acme")).decisions) == 1


async def test_an_account_that_is_closed_is_not_started_by_the_button(desk: Desk) -> None:
    await desk.bed.monitored()
    await desk.bed.handle("acme").terminate()
    await desk.bed.tamper(
        "UPDATE customers SET closed_at = ?, closed_reason = 'ann: moved'", str(datetime.now(UTC))[:26]
    )
    async with reviewer(desk) as ann:
        refused = await ann.send("start")
        assert (refused.status_code, "the account was closed" in readable(refused.text)) == (409, True)


async def test_who_is_billed_under_another_id_is_not_called_forgotten_and_is_not_started_beside_it(desk: Desk) -> None:
    await desk.bed.monitored("astray")
    await desk.bed.handle("astray").terminate()
    month = await desk.bed.recorded("astray", OCTOBER)
    by_hand = await desk.bed.client.start_workflow(MonthlyBilling.run, month, id="by hand", task_queue=TASK_QUEUE)
    chains = RunningWorkflows(desk.bed.client)

    async def listed() -> bool:
        return bool(await chains.strays()) and "astray" in await chains.cut_off(OCTOBER)

    await until(listed)
    path = f"/desk/{OCTOBER}/invoices/astray"
    async with reviewer(desk) as ann:
        text = await ann.page(path)
        assert "Astray is billed by a workflow with another id: by hand." in text
        assert "temporal workflow terminate --workflow-id 'by hand'" in text
        assert "Nobody bills" not in text
        assert "Start billing" not in text
        assert "stands still" not in await ann.page(f"/desk/{OCTOBER}")
        await by_hand.terminate()
        assert "Nobody bills Astray" in await ann.page(path)


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
        assert "Live from Temporal." in await ann.page()


async def until_shown(desk: Desk, path: str, words: str, shown: bool = True) -> str:
    """The page once it shows the words: a look at Temporal counts for some seconds."""
    page = ""
    async with reviewer(desk, f"viewer-{next(_NUMBERS)}", Role.VIEWER) as viewer:

        async def looked() -> bool:
            nonlocal page
            page = (await viewer.browser.get(path)).text
            return (words in readable(page)) is shown

        await until(looked)
    return page


async def test_who_is_not_billed_is_first_in_what_needs_a_person_and_red_in_the_list(desk: Desk) -> None:
    for name in ("acme", "kiwi", "zed"):
        await desk.bed.monitored(name)
    assert (await desk.bed.command("acme", Halt(by="ann", reason="row 7"))).accepted
    await desk.bed.handle("zed").terminate()
    await paused(desk.bed, "kiwi")

    month = await until_shown(desk, f"/desk/{OCTOBER}", "Billing of 2 customers stands still.")
    needs = readable(month[month.index('id="needs-title"') : month.index('id="compared-title"')])
    assert needs.index("Its workflow is paused") < needs.index("Its workflow was terminated") < needs.index("halted by")
    rows = await until_shown(desk, f"/desk/{OCTOBER}/invoices", "Billing of 2 customers stands still.")
    for name, words in (("kiwi", "Its workflow is paused"), ("zed", "Its workflow was terminated")):
        row = rows[rows.index(f"/invoices/{name}") :].partition("</tr>")[0]
        assert words in readable(row)
        assert 'class="badge bad"' in row
        assert COUNTDOWN not in row
    assert COUNTDOWN in rows[rows.index("/invoices/acme") :].partition("</tr>")[0]
    needing = await until_shown(desk, f"/desk/{OCTOBER}/invoices?needs=1&sort=next", "Its workflow was terminated")
    assert needing.index("/invoices/kiwi") < needing.index("/invoices/zed") < needing.index("/invoices/acme")

    await desk.bed.start((await desk.bed.recorded("zed", OCTOBER)).customer)
    await unpaused(desk.bed, "kiwi")
    await until_shown(desk, f"/desk/{OCTOBER}", "stands still", shown=False)


async def test_a_terminated_collection_is_red_with_its_remedy_until_that_is_typed(desk: Desk) -> None:
    month = await desk.overdue()
    await desk.bed.collection_handle().terminate("an accident")
    words = "acme, 2026-10 is not collected: its workflow was terminated."
    for path in (f"/desk/{OCTOBER}", f"/desk/{OCTOBER}/invoices", PAGE):
        page = await until_shown(desk, path, words)
        assert "Compare with Stripe" in readable(page)
    books = connect_reconciliation(desk.bed.settings, desk.bed.adapters, desk.bed.client)
    await books.reconcile_period(month.period)
    for path in (PAGE, f"/desk/{OCTOBER}"):
        await until_shown(desk, path, words, shown=False)


async def test_who_was_forgotten_by_temporal_is_red_once_coverage_has_looked(desk: Desk) -> None:
    await desk.bed.monitored("forgotten")
    await desk.bed.handle("forgotten").terminate()
    request = DeleteWorkflowExecutionRequest(
        namespace=desk.bed.client.namespace, workflow_execution=WorkflowExecution(workflow_id=workflow_id("forgotten"))
    )
    await desk.bed.client.workflow_service.delete_workflow_execution(request)
    chains = RunningWorkflows(desk.bed.client)

    async def forgotten() -> bool:
        return await chains.status("forgotten") is ChainStatus.ABSENT and "forgotten" not in await chains.cut_off(
            OCTOBER
        )

    await until(forgotten)
    await cover(desk.bed)
    page = await until_shown(desk, f"/desk/{OCTOBER}/invoices", "Its workflow does not exist")
    assert "Billing of 1 customer stands still." in readable(page)


async def test_open_pages_are_told_when_a_workflow_is_terminated(desk: Desk) -> None:
    await desk.bed.monitored()
    pulses: list[str] = []
    async with reviewer(desk) as ann, ann.browser.stream("GET", f"/desk/{OCTOBER}/events") as events:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for line in events.aiter_lines():
                if not line.startswith("data: "):
                    continue
                pulses.append(line)
                if len(pulses) > 1:
                    break
                await desk.bed.handle("acme").terminate()
    assert pulses[1].startswith(pulses[0]), "nothing else has changed"


async def test_a_failing_workflow_turns_the_switch_red_at_once_and_is_in_the_numbers_without_a_name(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.bed.monitored()
    await cover(desk.bed)

    async def failing(self: object) -> list[Chain]:
        return [Chain(workflow_id("acme"), "MonthlyBilling", ChainStatus.FAILING, "acme")]

    async def red() -> bool:
        return (await desk.browser.get("/healthz/billing")).status_code == 503

    assert not await red()
    monkeypatch.setattr(RunningWorkflows, "standing_still", failing)
    await until(red)
    told = (await desk.browser.get("/healthz/billing")).json()["billing"]
    assert told == "1 MonthlyBilling workflow fails again and again: python starter.py doctor says more"
    numbers = (await desk.browser.get("/metrics")).text
    assert "billing_workflows_failing 1\n" in numbers
    assert "billing_workflows_paused 0\n" in numbers
    assert "acme" not in numbers


async def test_while_temporal_is_down_pages_and_switch_say_that_it_is_not_known(bed: Bed) -> None:
    await bed.monitored()
    nowhere = await Client.connect("127.0.0.1:1", lazy=True, data_converter=pydantic_data_converter)
    async with console(bed, client=nowhere) as desk:
        page = await until_shown(desk, f"/desk/{OCTOBER}", "Whether billing goes on is not known.")
        assert "Monitoring" in page
        answer = await desk.browser.get("/healthz/billing")
        assert (answer.status_code, "Temporal cannot list the workflows" in answer.text) == (503, True)
        assert "billing_workflows_failing NaN" in (await desk.browser.get("/metrics")).text
