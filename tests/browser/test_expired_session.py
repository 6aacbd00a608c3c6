"""A session that ends while somebody types: what was typed comes back after the sign-in, and is done once."""

from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Browser, Page, expect

from billing.reviewers.users import Role
from tests.bed import OCTOBER
from tests.browser.conftest import looks_well
from tests.browser.people import answer, reviewer
from tests.console.conftest import Desk
from tests.console.people import PASSWORD

pytestmark = pytest.mark.turns(2)

ACME = f"/desk/{OCTOBER}/invoices/acme"


async def session_ends(page: Page) -> None:
    """As if the browser had forgotten it, or a week had passed."""
    await page.context.clear_cookies()


async def signs_in_again(page: Page, name: str = "ann") -> None:
    await expect(page.get_by_role("status")).to_contain_text("Your session has ended, and nothing was done.")
    await page.get_by_label("User name").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", name="Send it now?").wait_for()


async def test_an_edit_and_its_reason_survive_an_expired_session(desk: Desk, browser: Browser) -> None:
    await desk.bed.monitored(sales=("100", "50"))
    async with reviewer(browser, desk, "ann", Role.REVIEWER) as ann:
        await ann.goto(f"{ACME}/edit")
        await ann.get_by_label("Amount of row 2").fill("80.50")
        await ann.get_by_label("Reason").fill("agreed by phone: 19.50 less")
        await session_ends(ann)
        await ann.get_by_role("button", name="Save the changes").click()
        await looks_well(ann, "session-ended")
        await signs_in_again(ann)
        await expect(ann.get_by_role("table")).to_contain_text("agreed by phone: 19.50 less")
        await expect(ann.get_by_role("table")).to_contain_text("80.50")
        await looks_well(ann, "send-it-now")
        month = await desk.bed.month("acme")
        assert month.invoice is not None
        assert month.invoice.version == 1, "nothing is done before the click"

        await ann.get_by_role("button", name="Send it now").click()
        await expect(answer(ann)).to_contain_text("Done")
        await expect(ann.get_by_label("Status")).to_contain_text("€130.50")
        await ann.go_back()
        await expect(ann.get_by_role("heading", name="Acme")).to_be_visible()
    month = await desk.bed.month("acme")
    assert month.invoice is not None
    assert month.invoice.version == 2
    assert [decision.reason for decision in month.decisions] == ["agreed by phone: 19.50 less"]


async def test_after_a_refused_form_back_loads_its_page(desk: Desk, browser: Browser) -> None:
    await desk.bed.monitored(sales=("100", "50"))
    async with reviewer(browser, desk, "ann", Role.REVIEWER) as ann:
        await ann.goto(f"{ACME}/edit")
        await ann.get_by_label("Amount of row 2").fill("eighty")
        await ann.get_by_label("Reason").fill("typo")
        await ann.get_by_role("button", name="Save the changes").click()
        await expect(ann.get_by_role("alert").first).to_contain_text("correct the marked fields")
        await ann.get_by_role("link", name="Audit").click()
        await ann.get_by_role("heading", name="Audit").wait_for()
        await ann.go_back()
        await expect(ann.get_by_role("heading", name="Edit the lines")).to_be_visible()
        await ann.reload()
        await expect(ann.get_by_role("heading", name="Edit the lines")).to_be_visible()


async def test_many_decisions_go_on_after_the_sign_in_with_script_too(desk: Desk, browser: Browser) -> None:
    for name in ("acme", "beta"):
        await desk.bed.monitored(name)
    async with AsyncExitStack() as stack:
        ann = await stack.enter_async_context(reviewer(browser, desk, "ann", Role.REVIEWER))
        await ann.goto(f"/desk/{OCTOBER}/invoices")
        await ann.get_by_text("All 2 that match").click()
        await expect(ann.get_by_role("checkbox", name="Select acme")).to_be_checked()
        await ann.get_by_role("button", name="Halt…").click()
        await ann.get_by_label("Why").fill("the sheet of Monday was incomplete")
        await session_ends(ann)
        await ann.get_by_role("button", name="Halt 2 invoices").click()
        await signs_in_again(ann)
        await ann.get_by_role("button", name="Send it now").click()
        await expect(ann.get_by_role("heading", name="Halt: 2 done")).to_be_visible()
    for name in ("acme", "beta"):
        assert len((await desk.bed.month(name)).decisions) == 1
