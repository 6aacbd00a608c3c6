"""Promises to pay in a browser: by the customer on a phone, then shown to a reviewer, who notes a later one."""

from datetime import timedelta

import pytest
from playwright.async_api import Browser, expect

from billing.reviewers.users import Role
from tests.bed import OCTOBER
from tests.browser.conftest import looks_well, opened
from tests.browser.people import reviewer
from tests.console.conftest import Desk
from tests.console.test_promise import day, owes

pytestmark = pytest.mark.turns(2)


async def test_customer_promises_and_a_reviewer_gives_more_time(desk: Desk, browser: Browser) -> None:
    collection = await owes(desk)
    async with opened(browser, desk) as page:
        await page.goto(desk.page())
        await page.get_by_label("I pay by").fill(day(collection, 4))
        await looks_well(page, "promise-offered")
        await page.get_by_role("button", name="Promise it").click()
        await expect(page.get_by_role("status")).to_contain_text("Until then your service stays as it is")
        await looks_well(page, "promise-made")
    async with reviewer(browser, desk, "ann", Role.REVIEWER) as page:
        await page.goto(f"/desk/{OCTOBER}/invoices/acme")
        panel = page.get_by_role("region", name="Collection")
        await expect(panel).to_contain_text("The customer promised payment by")
        await panel.locator("summary", has_text="Note a promise").click()
        await panel.get_by_label("Until").fill(day(collection, 12))
        await panel.get_by_label("Reason").fill("a wire is on its way")
        await looks_well(page, "promise-noted")
        await panel.get_by_role("button", name="Note it").click()
        await desk.bed.collects(lambda found: found.promise is not None and found.promise.by == "ann")
        await page.goto(f"/desk/{OCTOBER}/invoices/acme")
        await expect(panel).to_contain_text(f"Ann promised payment by {day(collection, 12)}")
    promised = await desk.bed.collection()
    assert promised.promise is not None
    assert promised.promise.ends_at > collection.since + timedelta(days=12)
