"""The customer's page in a browser."""

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import looks_well, opened
from tests.console.conftest import Desk

pytestmark = pytest.mark.turns(2)


async def test_a_customer_who_is_refused_again_sees_that_the_press_did_something(desk: Desk, browser: Browser) -> None:
    month = await desk.overdue()
    async with opened(browser, desk) as page:
        await page.goto(desk.page())
        await desk.bed.behaves(month.customer, "decline:insufficient_funds")
        await page.get_by_role("button", name="Pay €100.00 now").click()
        await expect(page.get_by_role("status")).to_contain_text("it was declined again.")
        first = page.locator(".actions button").first
        await expect(first).to_have_text("Use another card")
        await looks_well(page, "pay-again")


async def test_a_customer_pays_what_the_card_had_refused(desk: Desk, browser: Browser) -> None:
    month = await desk.overdue()
    async with opened(browser, desk) as page:
        await page.goto(desk.page())
        await looks_well(page, "pay")
        await desk.bed.behaves(month.customer, "succeed")
        await page.get_by_role("button", name="Pay €100.00 now").click()
        await expect(page.get_by_role("heading", name="Paid, thank you")).to_be_visible()
        await looks_well(page, "paid")
    assert (await desk.settled()).outcome is not None
    assert desk.bed.charged("acme") == [(month.period, 10_000)]
