"""A payment link in a browser: declined, left, asked by the bank, paid, and thanked."""

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import looks_well, opened
from tests.console.conftest import Desk
from tests.console.test_checkout import billed, owed
from tests.paying import link_for

pytestmark = pytest.mark.turns(2)


async def test_a_customer_pays_by_link_after_a_decline_and_a_look_elsewhere(desk: Desk, browser: Browser) -> None:
    await billed(desk.bed)
    link = await link_for(desk.bed, base_url=desk.links.base_url)
    async with opened(browser, desk) as page:
        await page.goto(str(link.url))
        await page.get_by_text("Insufficient funds").click()
        await page.get_by_role("button", name="Pay 100.00 EUR").click()
        await expect(page.get_by_role("alert")).to_contain_text("insufficient funds")
        await page.get_by_role("button", name="Back").click()
        await expect(page.get_by_role("heading", name="You have not paid yet")).to_be_visible()
        await looks_well(page, "link-left")
        await page.goto(str(link.url))
        await page.get_by_text("Asks for authentication").click()
        await page.get_by_role("button", name="Pay 100.00 EUR").click()
        await page.get_by_role("button", name="Complete authentication").click()
        await expect(page.get_by_role("heading", name="Thank you for your payment")).to_be_visible()
        await looks_well(page, "link-paid")
    assert await owed(desk.bed) == 0
