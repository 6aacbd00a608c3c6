"""A reviewer's morning, without a command: coverage, each finding mended by its button, an approval, the brake."""

from playwright.async_api import Browser, Page, expect

from billing.commands import Halt
from billing.customers.customer import ReviewMode, Terms
from billing.period import Period
from billing.reviewers.users import Role
from tests.bed import OCTOBER
from tests.browser.conftest import looks_well
from tests.browser.people import act, answer, reviewer
from tests.console.conftest import Desk

COVERAGE = f"/desk/{OCTOBER}/coverage"


async def checks(page: Page, words: str) -> None:
    """Has coverage looked at now, and waits until it says so."""
    await page.goto(COVERAGE)
    await page.get_by_role("button", name="Check now").click()
    await expect(page.get_by_text("Looking now")).to_have_count(0)
    await expect(page.get_by_role("heading", name=words)).to_be_visible()


async def mends(page: Page, kind: str, button: str) -> None:
    """Presses the button of the finding of this kind."""
    await page.goto(f"{COVERAGE}?kind={kind}")
    await page.get_by_role("table").get_by_role("link", name=button).first.click()


async def four_findings(desk: Desk) -> None:
    """A workflow that was terminated, an amount that cannot be read, a halt, and a late row; and a draft to approve."""
    bed = desk.bed
    amounts = {"gone": "100", "held": "100", "late": "100", "wait": "100", "spoilt": "x"}
    rows = [(f"{name}@example.com", amount, "Sale 1") for name, amount in amounts.items()]
    bed.sales(OCTOBER, *rows)
    bed.sales(Period(OCTOBER).next())
    for name in amounts:
        mode = ReviewMode.APPROVE if name == "wait" else ReviewMode.MONITOR
        await bed.start(await bed.customer(name, terms=Terms(review_mode=mode)), OCTOBER)
        await bed.drafted(name, OCTOBER)
    await bed.handle("gone").terminate()
    await bed.command("held", Halt(by="bob", reason="row 3 looks wrong"))
    bed.sales(OCTOBER, *rows, ("late@example.com", "7", "Cup"))


async def pulls_the_brake(page: Page) -> None:
    await page.goto("/desk/brake")
    await page.get_by_label("Reason").fill("prices of last year in the sheet")
    await page.get_by_role("button", name="Pull the brake").click()
    await page.get_by_role("button", name="Stop everything now").click()
    await expect(page.get_by_role("heading", name="Nothing is announced or charged")).to_be_visible()


async def releases_the_brake(page: Page) -> None:
    await page.get_by_role("link", name="Release it").click()
    await page.get_by_label("Reason").fill("they are right")
    await page.get_by_role("button", name="Release the brake…").click()
    await expect(page.get_by_role("region", name="Let everything go on?")).to_contain_text("5 open months go on")
    await page.get_by_role("button", name="Release the brake now").click()
    await expect(page.get_by_text("Billing runs")).to_be_visible()


async def test_a_reviewer_mends_what_coverage_has_found_by_buttons_alone(desk: Desk, browser: Browser) -> None:
    await four_findings(desk)
    async with reviewer(browser, desk, "ann", Role.APPROVER) as ann:
        await ann.goto(f"/desk/{OCTOBER}")
        await expect(ann.get_by_text("is not checked yet")).to_be_visible()
        await checks(ann, "4 findings")
        await looks_well(ann, "coverage-findings")
        await ann.goto(f"/desk/{OCTOBER}")
        await expect(ann.get_by_role("region", name="Needs a person now")).to_contain_text("Row changed since")
        await looks_well(ann, "month-needs")

        await mends(ann, "no workflow", "Start billing")
        await act(ann, "Start billing", "terminated by mistake")
        await expect(answer(ann)).to_contain_text("goes on as it stood")

        await mends(ann, "halted", "Resume")
        await act(ann, "Resume", "row 3 is right")
        await expect(answer(ann)).to_contain_text("Done")

        await mends(ann, "row changed since", "Refresh the draft")
        await ann.get_by_role("button", name="Refresh the draft").click()
        await expect(ann.get_by_label("Status")).to_contain_text("€107.00")

        await mends(ann, "unreadable row", "Edit the lines")
        await ann.get_by_label("Amount of row 6").fill("50")
        await ann.get_by_label("Reason").fill("as ordered")
        await ann.get_by_role("button", name="Save the changes").click()
        await expect(ann.get_by_label("Status")).to_contain_text("€50.00")

        await ann.goto(f"/desk/{OCTOBER}/invoices")
        await ann.get_by_role("link", name="Wait", exact=True).click()
        await act(ann, "Approve", "as agreed")
        await expect(answer(ann)).to_contain_text("approved")
        await checks(ann, "0 findings")
        await expect(ann.get_by_text("Every customer and every row is accounted for.")).to_be_visible()
        await ann.goto(f"/desk/{OCTOBER}")
        await expect(ann.get_by_text("Nothing: every invoice goes on by itself.")).to_be_visible()
        await looks_well(ann, "month-mended")
        await pulls_the_brake(ann)
    async with reviewer(browser, desk, "carol", Role.ADMINISTRATOR) as carol:
        await releases_the_brake(carol)
