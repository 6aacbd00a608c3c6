"""What stands still, in a browser: seen everywhere, started again by a button; coverage looked at by a click."""

import pytest
from playwright.async_api import Browser, expect

from billing.reviewers.users import Role
from tests.bed import OCTOBER
from tests.browser.conftest import looks_well
from tests.browser.people import act, answer, reviewer
from tests.console.conftest import Desk
from tests.console.standing import paused, unpaused

pytestmark = pytest.mark.turns(2)

ACME = f"/desk/{OCTOBER}/invoices/acme"


async def test_a_terminated_workflow_is_seen_everywhere_and_started_by_clicks(desk: Desk, browser: Browser) -> None:
    await desk.bed.monitored()
    await desk.bed.monitored("kiwi")
    async with reviewer(browser, desk, "ann", Role.APPROVER) as ann:
        await ann.goto(f"/desk/{OCTOBER}")
        await expect(ann.get_by_role("alert")).to_have_count(0)
        await desk.bed.handle("acme").terminate()
        await paused(desk.bed, "kiwi")
        await expect(ann.get_by_role("alert")).to_contain_text("Billing of 2 customers stands still", timeout=60_000)
        await looks_well(ann, "month-standstill")
        await ann.get_by_role("link", name="Show them").click()
        await expect(ann.get_by_text("Its workflow was terminated")).to_be_visible()
        await looks_well(ann, "invoices-standstill")
        await ann.get_by_role("link", name="Kiwi").click()
        await expect(ann.get_by_role("alert")).to_contain_text("temporal workflow unpause")
        await looks_well(ann, "invoice-paused")
        await unpaused(desk.bed, "kiwi")

        await ann.goto(ACME)
        await expect(ann.get_by_role("alert")).to_contain_text("Nobody bills Acme")
        summary = ann.get_by_role("region", name="Actions").locator("summary", has_text="Start billing")
        await summary.click()
        await looks_well(ann, "invoice-terminated")
        await summary.click()
        await act(ann, "Start billing", "terminated by mistake")
        await expect(answer(ann)).to_contain_text("2026-10 goes on as it stood")
        await expect(ann.get_by_text("Live from Temporal.")).to_be_visible()


async def test_coverage_is_looked_at_by_a_click(desk: Desk, browser: Browser) -> None:
    await desk.bed.monitored()
    async with reviewer(browser, desk, "ann", Role.REVIEWER) as ann:
        await ann.goto(f"/desk/{OCTOBER}/coverage")
        await looks_well(ann, "coverage-never")
        await ann.get_by_role("button", name="Check now").click()
        await expect(ann.get_by_text("Every customer and every row is accounted for.")).to_be_visible(timeout=60_000)
        await expect(ann.get_by_role("button", name="Check now")).to_be_visible(timeout=60_000)
        await looks_well(ann, "coverage-checked")
