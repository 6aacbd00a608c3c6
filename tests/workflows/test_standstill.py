"""Workflows that are open and do not go on: found at once, and nobody else is kept."""

import asyncio
import json
import re
import shlex
from collections.abc import Callable

import pytest
from temporalio.api.workflow.v1 import WorkflowExecutionInfo

from activities.completeness import CompletenessRequest
from billing.commands import Halt
from billing.completeness.chains import Chain, ChainStatus
from billing.completeness.report import Finding, FindingKind
from billing.customers.roster import write_roster
from billing.errors import BillingError
from billing.keys import workflow_id
from billing.period import Period
from bootstrap import connect_completeness, connect_reconciliation
from clients.collection_commands import replace_card
from clients.running_workflows import RunningWorkflows, _status
from tests.bed import OCTOBER, PATIENCE_SECONDS, Bed
from tests.debts import only
from tests.typed import typed
from tests.workflows.standing_still import looked, server, temporal, until_listed
from wording.remedies import command_line
from workflows.daily import DailyCompleteness
from workflows.monthly_billing import MonthlyBilling
from workflows.options import TASK_QUEUE
from workflows.payment_collection import PaymentCollection

__all__ = ["server"]  # fixture

pytestmark = pytest.mark.turns(2)


async def found(bed: Bed, kind: FindingKind, period: str = OCTOBER) -> list[Finding]:
    return [finding for finding in (await looked(bed, period)).findings if finding.kind is kind]


async def until_standing_still(bed: Bed, holds: Callable[[list[Chain]], bool]) -> list[Chain]:
    """What stands still, once Temporal's list says so: it is a moment late."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds(chains := await RunningWorkflows(bed.client).standing_still()):
            await asyncio.sleep(0.05)
    return chains


def breaks(monkeypatch: pytest.MonkeyPatch, kind: type) -> None:
    """From now on the worker's code for ``kind`` fails at each workflow task."""

    def raises(self: object, *arguments: object) -> None:
        raise RuntimeError("a mistake in the code")

    monkeypatch.setattr(kind, "_look", raises)


# -- failing


async def test_a_month_whose_code_fails_is_a_finding_at_once_and_no_longer_once_the_code_is_mended(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bed.monitored()
    breaks(monkeypatch, MonthlyBilling)
    await bed.handle("acme").signal("halt", Halt(by="ann", reason="row 7"))
    await until_standing_still(bed, bool)

    code, output = await typed(bed, "coverage", "--period", OCTOBER)
    chain = workflow_id("acme")
    assert code == 1, output
    assert f"workflow stands still: MonthlyBilling {chain} keeps failing" in output
    assert f"temporal workflow show --workflow-id {chain}" in output
    assert "WORKFLOW_TASK_FAILED" in (
        await temporal(bed, f"temporal workflow show --workflow-id {chain} -o json")
    ).replace("EVENT_TYPE_", "")
    code, output = await typed(bed, "doctor")
    assert (code, f"MonthlyBilling {chain} keeps failing" in output) == (1, True), output

    monkeypatch.undo()
    await until_standing_still(bed, lambda chains: not chains)  # until its next try it answers no query
    assert (await bed.until("acme", lambda month: month.halt is not None)).halt
    assert await found(bed, FindingKind.STANDSTILL) == []
    code, output = await typed(bed, "doctor", BILLING_RAILS='{"cash": {"kind": "by_hand"}}')  # no console for banks
    assert (code, " open, none stands still" in output) == (0, True), output


async def test_a_failing_collection_is_found_in_every_month_however_old_its_own(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = await bed.monitored()
    await bed.behaves(month.customer, "decline:insufficient_funds")
    breaks(monkeypatch, PaymentCollection)
    await bed.closed()
    (chain,) = await until_standing_still(bed, bool)
    assert chain == Chain(chain.workflow_id, "PaymentCollection", ChainStatus.FAILING, "acme")
    for period in (OCTOBER, "2026-09", "2027-06"):
        assert [finding.customer_id for finding in await found(bed, FindingKind.STANDSTILL, period)] == ["acme"]


# -- collections that were closed


async def overdue(bed: Bed) -> None:
    month = await bed.monitored()
    await bed.behaves(month.customer, "decline:insufficient_funds")
    await bed.closed()
    await bed.collects(lambda owed: only(owed).by_card and not only(owed).attempt)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await bed.ledger.collection("acme", Period(OCTOBER)):
            await asyncio.sleep(0.05)


async def test_a_terminated_collection_is_found_in_every_month_and_goes_on_by_what_is_suggested(bed: Bed) -> None:
    await overdue(bed)
    assert (await looked(bed)).covered
    await bed.collection_handle().terminate("an accident")
    for period in (OCTOBER, "2027-06"):
        (finding,) = await found(bed, FindingKind.UNCOLLECTED, period)
        assert finding.text == "acme, 2026-10 is not collected: its workflow was terminated"
    check = connect_completeness(bed.settings, bed.adapters, bed.client)
    await check.cover(CompletenessRequest(periods=(Period("2027-06"),)))
    assert [text for text in await bed.alerted() if "acme, 2026-10 is not collected" in text]
    (remedy,) = finding.remedies
    code, output = await typed(bed, *shlex.split(command_line(remedy))[2:])
    assert (code, "nobody collected it; now it is" in " ".join(output.split())) == (0, True), output
    assert (await looked(bed)).covered
    assert (await bed.collects(lambda owed: owed.outcome is None)).open_debts[0].by_card


async def test_a_card_that_came_while_the_collection_was_closed_is_taken_once_it_runs_again(bed: Bed) -> None:
    await overdue(bed)
    await bed.collection_handle().terminate("an accident")
    other = (await bed.customer("other")).card_on_file
    before = (await bed.recorded("acme", OCTOBER)).customer.card_on_file
    card = before.evolve(card_id=other.card_id)
    with pytest.raises(BillingError, match="nothing of acme is being collected"):
        await replace_card(bed.client, bed.ledger, "acme", card, "the customer", "a new card")
    assert (await bed.month("acme")).customer.card_on_file == card
    await connect_reconciliation(bed.settings, bed.adapters, bed.client).reconcile_period(Period(OCTOBER))
    await bed.collects(lambda owed: owed.customer.card_on_file == before)
    await replace_card(bed.client, bed.ledger, "acme", card, "the customer", "a new card")
    await bed.collects(lambda owed: owed.customer.card_on_file == card)


async def test_collections_list_and_show_name_what_is_not_collected_and_count_nothing_down(bed: Bed) -> None:
    await overdue(bed)
    commands = (["collections", "list"], ["collections", "show", "acme", "--period", OCTOBER])
    for command in commands:
        output = (await typed(bed, *command))[1]
        assert re.search(r"in \d+ d", output)
        assert "is not collected" not in output
    await bed.collection_handle().terminate("an accident")
    for command in commands:
        code, output = await typed(bed, *command)
        assert code == 0, output
        assert "acme, 2026-10 is not collected: its workflow was terminated\n" in output
        assert "\n  python starter.py reconcile --period 2026-10" in output
        assert not re.search(r"in \d+ d", output)
        answer = json.loads((await typed(bed, *command, "--json"))[1])
        stopped = {"customer_id": "acme", "period": OCTOBER, "status": "terminated"}
        assert (answer["standstill"], answer["unseen"]) == ([stopped], "")
        code, output = await typed(bed, *command, TEMPORAL_ADDRESS="127.0.0.1:1")
        assert (code, "Whether collecting goes on is not known" in output) == (0, True), output


async def test_of_many_collections_those_that_are_closed_are_named(bed: Bed) -> None:
    """Of more than a few, the open ones are listed; one that the list lacks is described."""
    await overdue(bed)
    owed = [("acme", Period(OCTOBER)), *((f"nobody-{number}", Period(OCTOBER)) for number in range(25))]
    stopped = await RunningWorkflows(bed.client).stopped_collections(owed)
    assert [(each.customer_id, each.status) for each in stopped] == [(name, ChainStatus.ABSENT) for name, _ in owed[1:]]


async def test_failing_workflows_of_everybody_are_found_in_every_month(bed: Bed) -> None:
    unreadable = {"interval_seconds": "soon", "periods": "all"}
    begun = [
        await bed.client.start_workflow(kind, unreadable, id=f"{kind}-{bed.folder.name}", task_queue=TASK_QUEUE)
        for kind in ("ReviewerDigest", "DailyCompleteness", "DailyReconciliation")
    ]
    await until_standing_still(bed, lambda chains: len(chains) == len(begun))
    for period in (OCTOBER, "2026-09"):
        texts = [finding.text for finding in await found(bed, FindingKind.STANDSTILL, period)]
        kinds = ["DailyCompleteness", "DailyReconciliation", "ReviewerDigest"]
        assert sorted(text.split()[0] for text in texts) == kinds
    for handle in begun:
        await handle.terminate()
    await until_standing_still(bed, lambda chains: not chains)


# -- paused


async def test_one_paused_workflow_keeps_nobody_else_and_the_finding_says_how_it_goes_on(bed: Bed) -> None:
    month = await bed.monitored()
    await temporal(bed, f"temporal workflow pause --workflow-id {workflow_id('acme')} --reason look")
    await until_listed(bed, "acme", ChainStatus.PAUSED)

    newcomer = await bed.customer("kiwi")
    bed.started.append("kiwi")
    (bed.folder / "customers.csv").write_text(write_roster([month.customer, newcomer]))
    code, output = await typed(bed, "start", "--from", "customers.csv")
    assert code == 0, output
    assert (
        f"its workflow is paused in Temporal: temporal workflow unpause --workflow-id {workflow_id('acme')}" in output
    )
    assert "1 started, 1 already running, 0 refused" in output

    request = CompletenessRequest(periods=(Period(OCTOBER),))
    name = f"coverage-{bed.folder.name}"
    await bed.client.execute_workflow(DailyCompleteness.run, request, id=name, task_queue=TASK_QUEUE)
    assert (await bed.told()).count("is paused in Temporal") == 1

    (finding,) = await found(bed, FindingKind.STANDSTILL)
    await temporal(bed, command_line(finding.remedies[0]))
    await until_listed(bed, "acme", ChainStatus.RUNNING)
    assert await found(bed, FindingKind.STANDSTILL) == []


async def test_how_a_workflow_was_closed_is_told(bed: Bed) -> None:
    await bed.monitored()
    chains = RunningWorkflows(bed.client)
    assert await chains.status("acme") is ChainStatus.RUNNING
    assert await chains.status("nobody") is ChainStatus.ABSENT
    await bed.handle("acme").terminate()
    assert await chains.status("acme") is ChainStatus.TERMINATED


def test_a_status_that_nobody_knows_yet_is_unknown_and_counts_as_open() -> None:
    assert _status(WorkflowExecutionInfo(status=99)) is ChainStatus.UNKNOWN  # type: ignore[arg-type]
    assert ChainStatus.UNKNOWN.is_open
    assert ChainStatus.UNKNOWN.stands_still


async def test_list_and_show_name_who_is_not_billed_with_what_to_type_and_count_nothing_down(bed: Bed) -> None:
    await bed.monitored()
    assert "is not billed" not in (await typed(bed, "list"))[1]
    await bed.handle("acme").terminate()
    for command in (("list",), ("show", "acme")):
        code, output = await typed(bed, *command)
        assert code == 0, output
        assert "acme is not billed: its workflow was terminated\n  python starter.py start acme" in output
        assert "in 5 d" not in output
        assert "Next:" not in output
        answer = json.loads((await typed(bed, *command, "--json"))[1])
        assert (answer["standstill"], answer["unseen"]) == ({"acme": "terminated"}, "")
        code, output = await typed(bed, *command, TEMPORAL_ADDRESS="127.0.0.1:1")
        assert (code, "Whether billing goes on is not known" in output) == (0, True), output
    assert "Monitoring; its workflow was terminated" in (await typed(bed, "list"))[1]
