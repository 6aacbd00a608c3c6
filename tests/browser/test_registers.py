"""A bank's registers in a browser: what is missing of a day is booked; on a phone and in the dark."""

from datetime import date

import pytest
from playwright.async_api import Browser, expect

from billing.reviewers.users import Role
from bootstrap_registers import connect_register_desk
from settings import Settings
from tests.browser.conftest import looks_well
from tests.browser.people import reviewer
from tests.console.conftest import Desk

pytestmark = pytest.mark.turns(2)

FILE = (
    b"txn_id,account,sum,txn_date\n20261120000000000017,2000008,25.50,2026-11-20 12:00:00\n"
    b"20261120000000000018,2000008,-4.00,2026-11-20 12:01:00\n"
)


async def test_what_a_register_has_and_the_journal_lacks_is_booked(desk: Desk, browser: Browser) -> None:
    settings, ledger = Settings(_env_file=None), desk.bed.ledger
    registers = connect_register_desk(settings, ledger)
    await registers.take("bank-app", date(2026, 11, 20), "register.csv", FILE, "ann", settings.now())
    async with reviewer(browser, desk, "ann", Role.APPROVER) as ann:
        await ann.get_by_role("link", name="Money").click()
        await ann.get_by_role("link", name="Registers").click()
        await looks_well(ann, "registers")
        await ann.get_by_role("link", name="2026-11-20").click()
        await expect(ann.get_by_role("heading", name="Payment 20261120000000000017")).to_be_visible()
        await looks_well(ann, "register-day")
        line = ann.get_by_role("region", name="Payment 20261120000000000017")
        await line.get_by_label("Reason").fill("by the register")
        await line.get_by_role("button", name="Book it").click()
        await expect(line).to_have_count(0)
        await expect(ann.get_by_text("1 confirmed (25.50 EUR)")).to_be_visible()
