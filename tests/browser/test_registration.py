"""From the registration page over Stripe's page to the confirmation, through a skipped month to the receipt."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from billing.invoices.commands import Skip
from billing.invoices.stages import Stage
from tests.browser.conftest import looks_well, opened
from tests.console.conftest import Desk
from tests.console.visitors import EMAIL, mails, started

pytestmark = pytest.mark.turns(2)


async def fills_in(page: Page) -> None:
    await page.goto("/register")
    await page.get_by_label("Name or company").fill("Acme Bakery")
    await page.get_by_label("Email").fill(EMAIL)
    await page.get_by_label("I agree that").check()


async def test_who_registers_is_billed_and_gets_a_receipt_after_a_skipped_month(desk: Desk, browser: Browser) -> None:
    async with opened(browser, desk) as page:
        await page.goto("/register")
        await looks_well(page, "register")
        await fills_in(page)
        await page.get_by_role("button", name="Continue to the card").click()
        await page.get_by_role("button", name="Cancel").click()
        await expect(page.get_by_role("heading", name="One step is left")).to_be_visible()
        await looks_well(page, "registration-left")
        await page.get_by_role("button", name="Continue to the card").click()
        await page.get_by_text("Mastercard 4444").click()
        await page.get_by_role("button", name="Save card").click()
        await expect(page.get_by_role("heading", name="Thank you, your card is saved")).to_be_visible()
        await looks_well(page, "registration-done")
    customer = await started(desk)
    bed, customer_id = desk.bed, customer.customer_id
    first = await bed.month(customer_id)
    for period, amount in ((first.period, "10"), (first.period.next(), "25")):
        bed.sales(period, (EMAIL, amount, "Bread"))
    await bed.skip_to(customer_id, first.import_at)
    await bed.drafted(customer_id, first.period)
    await bed.command(customer_id, Skip(by="ann", reason="the first month is free"))
    second = await bed.until(customer_id, lambda month: month.period == first.period.next())
    await bed.skip_to(customer_id, second.import_at)
    await bed.drafted(customer_id, second.period)
    assert (await bed.closed(customer_id)).outcome is Stage.PAID
    assert bed.charged(customer_id) == [(second.period, 2_500)]
    subjects = [mail.subject.partition(" for ")[0] for mail in mails(desk)]
    assert (subjects[0], subjects[-1], len(subjects)) == ("Your card is registered", "Receipt", 3)


async def test_what_is_wrong_is_said_beside_the_field(desk: Desk, browser: Browser) -> None:
    async with opened(browser, desk) as page:
        await page.goto("/register")
        await page.get_by_label("Name or company").fill("Acme Bakery")
        await page.get_by_label("Email").fill("ann@acme")  # which browsers accept
        await page.get_by_label("I agree that").check()
        await page.get_by_role("button", name="Continue to the card").click()
        await expect(page.get_by_text("This does not look like an email address")).to_be_visible()
        await expect(page.get_by_label("Name or company")).to_have_value("Acme Bakery")
        await looks_well(page, "register-wrong")


async def test_a_customer_registers_another_card(desk: Desk, browser: Browser) -> None:
    await desk.bed.monitored()
    async with opened(browser, desk) as page:
        await page.goto(desk.links.to_card("acme", datetime.now(UTC) + timedelta(days=1)))
        await looks_well(page, "card")
        await page.get_by_role("button", name="Register another card").click()
        await page.get_by_text("Mastercard 4444").click()
        await page.get_by_role("button", name="Save card").click()
        await expect(page.get_by_role("heading", name="your new card is saved")).to_be_visible()
        await looks_well(page, "card-saved")
    assert (await desk.bed.month("acme")).customer.card_on_file.last4 == "4444"


async def test_a_name_that_names_a_page_and_an_address_that_was_cut_are_answered_in_words(
    desk: Desk, browser: Browser
) -> None:
    await desk.bed.monitored()
    async with opened(browser, desk) as page:
        await fills_in(page)
        await page.get_by_label("Name or company").fill("Acme, pay at www.evil.example")
        await page.get_by_role("button", name="Continue to the card").click()
        await expect(page.get_by_text("Please write the name without the address of a web page")).to_be_visible()
        await looks_well(page, "register-name")
        await page.goto(f"{desk.page()}?look=x")
        await expect(page.get_by_role("heading", name="We cannot read that")).to_be_visible()
        await looks_well(page, "address-cut")
