"""Procedures in a browser: found from the orders, looked at as a picture and as a table."""

from playwright.async_api import Browser, expect

from billing.reviewers.users import Role
from tests.browser.conftest import looks_well
from tests.browser.people import reviewer
from tests.console.conftest import Desk


async def test_a_procedure_is_found_and_looked_at(desk: Desk, browser: Browser) -> None:
    async with reviewer(browser, desk, "ann", Role.VIEWER) as ann:
        await ann.goto("/desk/orders")
        await ann.get_by_role("link", name="Procedures").click()
        await expect(ann.get_by_role("heading", name="Procedures")).to_be_visible()
        await looks_well(ann, "procedures")
        await ann.get_by_role("link", name="connect", exact=True).click()
        await expect(ann.get_by_role("img", name="Connect a subscriber")).to_be_visible()
        await looks_well(ann, "procedure")
        await ann.get_by_text("The steps as a table").click()
        await expect(ann.get_by_role("cell", name="task: warehouse").first).to_be_visible()
        await looks_well(ann, "procedure-table")
