"""Reviewers in a browser: the whole life of an invoice, races, the brake, who may do what."""

from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Browser, Page, expect

from billing.customers.customer import ReviewMode, Terms
from billing.invoices.stages import Stage
from billing.reviewers.users import Role
from tests.bed import OCTOBER
from tests.browser.conftest import looks_well, opened
from tests.browser.people import act, answer, reviewer
from tests.console.conftest import Desk
from tests.console.people import make_user

pytestmark = pytest.mark.turns(2)

ACME = f"/desk/{OCTOBER}/invoices/acme"


async def change_amount(page: Page, amount: str, reason: str) -> None:
    """Types another amount for the first line, and saves."""
    await page.get_by_label("Amount of row 2").fill(amount)
    await page.get_by_label("Reason").fill(reason)
    await page.get_by_role("button", name="Save the changes").click()


async def halts_from_the_month(page: Page) -> None:
    """From the month over its invoices to one of them, which is halted."""
    await page.goto(f"/desk/{OCTOBER}")
    await looks_well(page, "month")
    await page.get_by_role("link", name="Invoices", exact=True).click()
    await looks_well(page, "invoices")
    await page.get_by_role("link", name="Acme").click()
    await act(page, "Halt", "row 2 looks wrong")
    await expect(answer(page)).to_contain_text("Done")
    await expect(page.get_by_label("Status")).to_contain_text("Halted")
    await looks_well(page, "invoice-halted")


async def edits_and_resumes(page: Page) -> None:
    """The draft is corrected and goes on, but its editor may not approve it."""
    await page.get_by_role("link", name="Edit lines").click()
    await looks_well(page, "invoice-editing")
    await change_amount(page, "80.50", "typo in the sheet")
    await expect(answer(page)).to_contain_text("Done")
    await expect(page.get_by_label("Status")).to_contain_text("€130.50")
    await act(page, "Resume", "mended")
    await expect(answer(page)).to_contain_text("Done")
    await page.get_by_role("region", name="Actions").locator("summary", has_text="Approve").click()
    await expect(page.get_by_text("somebody else has to approve it")).to_be_visible()


async def approves_after_a_preview(page: Page) -> None:
    await page.goto(ACME)
    await page.get_by_role("link", name="Preview the notice").click()
    await expect(page.locator("pre")).to_contain_text("130.50")
    await looks_well(page, "notice")
    await page.get_by_role("link", name="Back to the invoice").click()
    await act(page, "Approve", "as agreed")
    await expect(answer(page)).to_contain_text("approved")


async def test_an_invoice_lives_its_whole_life_by_clicks(desk: Desk, browser: Browser) -> None:
    await desk.bed.monitored(terms=Terms(review_mode=ReviewMode.APPROVE), sales=("100", "50"))
    async with AsyncExitStack() as stack:
        ann = await stack.enter_async_context(reviewer(browser, desk, "ann", Role.APPROVER))
        bob = await stack.enter_async_context(reviewer(browser, desk, "bob", Role.APPROVER))
        await halts_from_the_month(ann)
        await edits_and_resumes(ann)
        await approves_after_a_preview(bob)

        await desk.bed.announced()
        await ann.goto(ACME)
        await expect(ann.get_by_label("Status")).to_contain_text("Last call")
        await ann.get_by_role("heading", name="Mails").wait_for()
        await ann.locator("details.mail summary", has_text="Charge notice").click()
        await expect(ann.locator("details.mail[open] pre")).to_contain_text("130.50")

        await desk.bed.closed()
        await ann.reload()
        await expect(ann.get_by_label("Status")).to_contain_text("Paid")
        await expect(ann.get_by_role("region", name="Charges")).to_contain_text("€130.50")
        await looks_well(ann, "invoice-paid")
        await ann.locator("summary", has_text="Send the receipt again").click()
        await ann.get_by_label("Reason").filter(visible=True).fill("they have lost it")
        await looks_well(ann, "invoice-send-again")
        await ann.get_by_role("button", name="Send the receipt again").click()
        await expect(ann.get_by_role("region", name="Mails")).to_contain_text("sent again by ann: they have lost it")

        await ann.get_by_role("link", name="Audit").click()
        await looks_well(ann, "audit")
        for words in ("row 2 looks wrong", "typo in the sheet", "as agreed"):
            await expect(ann.get_by_role("table")).to_contain_text(words)
    assert desk.bed.charged("acme") == [(OCTOBER, 13_050)]


async def test_of_two_reviewers_who_edit_one_version_the_second_sees_what_the_first_did(
    desk: Desk, browser: Browser
) -> None:
    await desk.bed.monitored(sales=("100", "50"))
    async with AsyncExitStack() as stack:
        ann = await stack.enter_async_context(reviewer(browser, desk, "ann", Role.REVIEWER))
        bob = await stack.enter_async_context(reviewer(browser, desk, "bob", Role.REVIEWER))
        for page in (ann, bob):
            await page.goto(ACME)
            await page.get_by_role("link", name="Edit lines").click()
        await change_amount(ann, "80", "a discount")
        await expect(answer(ann)).to_contain_text("Done")

        new = bob.locator("tr.new").filter(visible=True).first
        await new.get_by_label("Description").fill("Support")
        await new.get_by_label("Amount").fill("12.50")
        await bob.get_by_label("Reason").fill("forgotten")
        await bob.get_by_role("button", name="Save the changes").click()
        refusal = bob.get_by_role("alert").filter(has_text="This invoice has changed")
        await expect(refusal).to_contain_text("ann")
        await expect(refusal).to_contain_text("€80.00")
        await expect(bob.locator("input[name=new-amount][value='12.50']")).to_be_visible()
        await looks_well(bob, "invoice-stale-edit")
        assert (await desk.bed.month("acme")).invoice.version == 2  # type: ignore[union-attr]

        await bob.get_by_role("button", name="Apply to version 2").click()
        await expect(answer(bob)).to_contain_text("Done")
        await expect(bob.get_by_label("Status")).to_contain_text("€142.50")
        await expect(bob.get_by_role("region", name="Edits")).to_contain_text("Version 3 by bob")
    await desk.bed.announced()
    await desk.bed.closed()
    assert desk.bed.charged("acme") == [(OCTOBER, 14_250)]


async def test_an_edit_in_the_last_call_sends_a_notice_that_says_what_changed(desk: Desk, browser: Browser) -> None:
    await desk.bed.monitored()
    await desk.bed.announced()
    async with reviewer(browser, desk, "ann", Role.REVIEWER) as ann:
        await ann.goto(ACME)
        await ann.get_by_role("link", name="Edit lines").click()
        await expect(ann.get_by_text("saving voids that notice")).to_be_visible()
        await change_amount(ann, "90", "agreed by phone")
        await expect(answer(ann)).to_contain_text("Done")
    await desk.bed.until("acme", lambda month: month.announced)
    first, corrected = desk.bed.mails("acme@example.com")
    assert "100.00" in first.text
    assert "corrects our notice" in " ".join(corrected.text.split())
    assert "90.00" in corrected.text
    await desk.bed.closed()
    assert desk.bed.charged("acme") == [(OCTOBER, 9_000)]


async def test_the_brake_is_pulled_seen_everywhere_and_released_by_an_administrator(
    desk: Desk, browser: Browser
) -> None:
    month = await desk.bed.monitored()
    async with AsyncExitStack() as stack:
        ann = await stack.enter_async_context(reviewer(browser, desk, "ann", Role.REVIEWER))
        carol = await stack.enter_async_context(reviewer(browser, desk, "carol", Role.ADMINISTRATOR))
        await ann.goto("/desk/brake")
        await ann.get_by_label("Reason").fill("the sheet is last year's")
        await ann.get_by_role("button", name="Pull the brake").click()
        await ann.get_by_role("button", name="Stop everything now").click()
        for path in ("/desk/brake", f"/desk/{OCTOBER}", f"/desk/{OCTOBER}/invoices", ACME, "/desk/audit"):
            await ann.goto(path)
            await expect(ann.get_by_role("alert").filter(has_text="the sheet is last year's")).to_be_visible()
        await ann.goto("/desk/brake")
        await expect(ann.get_by_role("button", name="Release the brake…")).to_have_count(0)
        await looks_well(ann, "brake")

        await desk.bed.skip_to("acme", month.notice_at)
        await desk.bed.until("acme", lambda month: month.stage(month.notice_at) is Stage.HALTED)
        assert desk.bed.mails("acme@example.com") == []
        await ann.goto(ACME)
        await expect(ann.get_by_label("Status")).to_contain_text("Halted")

        await carol.goto("/desk/brake")
        await carol.get_by_label("Reason").fill("the sheet is right again")
        await carol.get_by_role("button", name="Release the brake…").click()
        await expect(carol.get_by_role("region", name="Let everything go on?")).to_contain_text("1 open month goes on")
        await looks_well(carol, "brake-release")
        assert (await desk.bed.ledger.brakes())[0].on, "the first step only asks"
        await carol.get_by_role("button", name="Release the brake now").click()
        await expect(carol.get_by_text("Billing runs")).to_be_visible()
        await ann.goto(f"/desk/{OCTOBER}")
        await expect(ann.get_by_role("alert")).to_have_count(0)


async def test_many_are_halted_with_one_reason_and_each_answer_is_shown(desk: Desk, browser: Browser) -> None:
    for name in ("acme", "beta", "gamma"):
        await desk.bed.monitored(name)
    async with reviewer(browser, desk, "ann", Role.REVIEWER) as ann:
        await ann.goto(f"/desk/{OCTOBER}/invoices")
        await ann.get_by_label("Select all on this page").check()
        await ann.get_by_role("button", name="Halt…").click()
        await looks_well(ann, "bulk")
        await ann.get_by_label("Why").fill("the sheet of Monday was incomplete")
        await ann.get_by_role("button", name="Halt 3 invoices").click()
        results = ann.locator("[data-outcomes] [data-result]")
        await expect(results.filter(has_text="halted")).to_have_count(3)
        await looks_well(ann, "bulk-done")
    for name in ("acme", "beta", "gamma"):
        hold = (await desk.bed.month(name)).halt
        assert hold is not None
        assert (hold.by, hold.reason) == ("ann", "the sheet of Monday was incomplete")


async def test_the_month_shows_a_change_by_itself_and_the_keyboard_suffices(desk: Desk, browser: Browser) -> None:
    await desk.bed.monitored()
    async with AsyncExitStack() as stack:
        ann = await stack.enter_async_context(reviewer(browser, desk, "ann", Role.REVIEWER))
        bob = await stack.enter_async_context(reviewer(browser, desk, "bob", Role.REVIEWER))
        await ann.goto(f"/desk/{OCTOBER}")
        await expect(ann.get_by_text("Live")).to_be_visible()
        await bob.goto(f"/desk/{OCTOBER}/invoices")
        await bob.keyboard.press("/")
        await bob.keyboard.type("acme")
        await bob.keyboard.press("Enter")
        await bob.get_by_role("link", name="Acme").focus()
        await bob.keyboard.press("Enter")
        summary = bob.get_by_role("region", name="Actions").locator("summary", has_text="Halt")
        await summary.focus()
        await bob.keyboard.press("Enter")
        await bob.keyboard.press("Tab")
        await bob.keyboard.type("ask first")
        await bob.keyboard.press("Enter")
        await expect(answer(bob)).to_contain_text("Done")
        await expect(ann.get_by_text("halted by bob: ask first")).to_be_visible()  # nobody has reloaded that page


async def test_who_may_not_is_not_offered_and_is_refused(desk: Desk, browser: Browser) -> None:
    await desk.bed.monitored()
    await make_user(desk.bed.ledger, "mallory", Role.REVIEWER)
    async with opened(browser, desk) as stranger:
        await stranger.goto(ACME)
        await stranger.get_by_label("User name").fill("mallory")
        await stranger.get_by_label("Password").fill("not the password")
        await stranger.get_by_role("button", name="Sign in").click()
        await expect(stranger.get_by_role("alert")).to_be_visible()
        await looks_well(stranger, "login-refused")
        refused = await stranger.request.post(f"{ACME}/halt", form={"reason": "mine"})
        assert refused.status == 403
    async with reviewer(browser, desk, "vera", Role.VIEWER) as vera:
        await vera.goto(ACME)
        await expect(vera.get_by_role("heading", name="Acme")).to_be_visible()
        await expect(vera.get_by_role("region", name="Actions")).to_have_count(0)
        csrf = await vera.locator("input[name=csrf]").first.get_attribute("value")
        assert csrf
        for given in ("", csrf, f"{csrf}x"):
            refused = await vera.request.post(f"{ACME}/halt", form={"reason": "mine", "csrf": given})
            assert refused.status == 403
    assert (await desk.bed.month("acme")).decisions == ()
