"""Subscribers without a card in a browser: the month that forms, a draft that is halted, the page of a bill."""

import pytest
from playwright.async_api import Browser, expect

from billing.reviewers.users import Role
from tests.bed import OCTOBER
from tests.browser.conftest import PHONE, looks_well, opened
from tests.browser.people import act, answer, reviewer
from tests.console.conftest import Desk

pytestmark = pytest.mark.turns(2)

NAMES = ("ann-bills", "ben-bills")


async def test_a_month_of_bills_forms_before_a_reviewers_eyes(desk: Desk, browser: Browser) -> None:
    bed = desk.bed
    bed.sales(OCTOBER, *((f"{name}@example.com", "100", "Internet") for name in NAMES))
    bed.sales("2026-11")
    for name in NAMES:
        await bed.start(await bed.customer(name, payment_method={"kind": "bill"}), OCTOBER)
    for name in NAMES:
        await bed.drafted(name, OCTOBER)
    async with reviewer(browser, desk, "ann", Role.REVIEWER) as page:
        await page.goto(f"/desk/{OCTOBER}")
        await expect(page.get_by_text("2 of 2 drafted, 0 told, 0 charged or billed")).to_be_visible()
        await page.goto(f"/desk/{OCTOBER}/invoices/{NAMES[0]}")
        await expect(page.get_by_text("Bill by mail")).to_be_visible()
        await act(page, "Halt", "the address is wrong")
        await expect(answer(page)).to_contain_text("Done")
        await page.get_by_role("link", name="Preview the notice").click()
        await expect(page.locator("pre")).to_contain_text("Please pay €100.00")
        await bed.closed(NAMES[1])
        await page.goto(f"/desk/{OCTOBER}")
        await expect(page.get_by_text("2 of 2 drafted, 1 told, 1 charged or billed")).to_be_visible()
        await expect(page.get_by_role("link", name="Billed 1")).to_be_visible()
        await looks_well(page, "month-of-bills")


async def test_the_page_of_a_bill_is_read_on_a_phone(desk: Desk, browser: Browser) -> None:
    await desk.bed.monitored(NAMES[0], payment_method={"kind": "bill"})
    await desk.bed.closed(NAMES[0])
    async with opened(browser, desk) as page:
        await page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        await page.goto(desk.page(NAMES[0]))
        await expect(page.get_by_role("heading", name="Your bill")).to_be_visible()
        await expect(page.get_by_role("button", name="Pay €100.00 by card")).to_be_visible()
        await looks_well(page, "pay-bill")
