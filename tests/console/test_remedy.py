"""Remedies that have no page of their own: a form with a reason, done once, refused in words."""

import pytest

from billing.commands import Halt
from billing.period import Period
from billing.remedies import Remedy, RemedyAction
from billing.reviewers.users import Role
from clients.collection_commands import tell_collection
from console.reviewers.remedies import remedy_page
from tests.bed import OCTOBER
from tests.console.conftest import Desk
from tests.console.reviewing import Reviewer, fields, readable, reviewer
from tests.console.standing import paused
from tests.console.test_coverage import cover

PERIOD = Period(OCTOBER)
DO = f"/desk/{OCTOBER}/coverage/remedy"


async def press(who: Reviewer, remedy: Remedy, reason: str = "found by coverage") -> str:
    """What the page says after the button of the remedy was pressed, and its form sent."""
    page = remedy_page(remedy, PERIOD)
    assert page is not None
    form = fields((await who.browser.get(page)).text, DO)
    return await who.result(await who.post(DO, form | {"reason": reason}))


async def test_a_customer_without_a_workflow_is_started_by_the_button_of_the_finding(desk: Desk) -> None:
    bed = desk.bed
    await bed.monitored()
    await bed.handle("acme").terminate()
    async with reviewer(desk) as ann:
        start = RemedyAction.START.of("acme")
        form = fields((await ann.browser.get(remedy_page(start, PERIOD) or "")).text, DO)
        refused = await ann.post(DO, form | {"reason": " "})
        assert (refused.status_code, "Say why" in readable(refused.text)) == (422, True)
        assert "Done: Start billing." in await press(ann, start, "terminated by mistake")
        assert "Done: Start billing." in await press(ann, start), "it runs already: nothing more happens"
    decisions = (await bed.month("acme")).decisions
    assert [(each.by, each.reason, each.via) for each in decisions] == [("ann", "terminated by mistake", "console")]


async def test_a_workflow_that_is_paused_goes_on_by_the_button_of_an_administrator(desk: Desk) -> None:
    bed = desk.bed
    await bed.monitored()
    await paused(bed)
    await cover(bed)
    async with reviewer(desk, "ann", Role.APPROVER) as ann:
        text = await ann.page(f"/desk/{OCTOBER}/coverage")
        assert "it makes no progress" in text
        assert "Let it go on: takes the role administrator" in text
        unpause = Remedy(action=RemedyAction.UNPAUSE_WORKFLOW, workflow_id=bed.handle("acme").id)
        await ann.page(remedy_page(unpause, PERIOD) or "", 403)
        assert (await ann.post(DO, {"action": unpause.action, "workflow": unpause.workflow_id})).status_code == 403
    async with reviewer(desk, "root", Role.ADMINISTRATOR) as root:
        assert "Done: Let it go on." in await press(root, unpause)
        form = fields((await root.browser.get(remedy_page(unpause, PERIOD) or "")).text, DO)
        again = await root.post(DO, form | {"reason": "again"})
        assert (again.status_code, "is not paused: it runs" in readable(again.text)) == (409, True)


async def test_a_collection_is_resumed_and_written_off_by_buttons(desk: Desk) -> None:
    await desk.overdue()
    await tell_collection(desk.bed.client, "acme", Halt(by="bob", reason="they call back"))
    async with reviewer(desk) as ann:
        assert "Done: Resume the collection." in await press(ann, RemedyAction.RESUME_COLLECTION.of("acme", PERIOD))
        again = RemedyAction.RESUME_COLLECTION.of("acme", PERIOD)
        form = fields((await ann.browser.get(remedy_page(again, PERIOD) or "")).text, DO)
        refused = await ann.post(DO, form | {"reason": "again"})
        assert refused.status_code == 409
        assert "Done: Write it off." in await press(ann, RemedyAction.WRITE_OFF.of("acme", PERIOD))
    assert (await desk.settled()).outcome == "WrittenOff"


async def test_stripe_is_compared_by_a_button(desk: Desk) -> None:
    await desk.bed.monitored()
    async with reviewer(desk) as ann:
        assert "Done: Compare with Stripe." in await press(ann, RemedyAction.RECONCILE.of(period=PERIOD))
    result = await desk.bed.client.get_workflow_handle(f"reconciliation-v1-{OCTOBER}").result()
    assert result


@pytest.mark.parametrize("query", ["", "action=nonsense", "action=run_doctor", "action=start_customer&month=2026-13"])
async def test_what_is_no_remedy_of_this_page_is_refused_in_words(desk: Desk, query: str) -> None:
    async with reviewer(desk) as ann:
        assert "There is no such remedy" in await ann.page(f"{DO}?{query}", 404)
