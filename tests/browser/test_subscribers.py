"""Service accounts and tasks in a browser: registered, activated, suspended for what is overdue, disconnected."""

from datetime import timedelta

import pytest
from playwright.async_api import Browser, expect

from billing.reviewers.users import Role
from billing.subscribers.service import ServiceState
from tests.browser.conftest import looks_well
from tests.browser.people import reviewer
from tests.console.conftest import Desk
from tests.console.paying import LATE, announced
from tests.contract.ledger_fixtures import AT
from tests.contract.service_fixtures import NUMBER, WHY

LIST, TASKS = "/desk/subscribers", "/desk/tasks"

pytestmark = pytest.mark.turns(2)


async def test_an_account_is_registered_activated_suspended_and_disconnected(desk: Desk, browser: Browser) -> None:
    ledger = desk.bed.ledger
    await ledger.record(announced(), AT)
    async with reviewer(browser, desk, "ann", Role.REVIEWER) as ann:
        await ann.get_by_role("link", name="Subscribers").click()
        await expect(ann.get_by_role("heading", name="There is no service account yet")).to_be_visible()
        await looks_well(ann, "subscribers-empty")
        form = ann.get_by_role("region", name="Register an account")
        await form.get_by_label("Customer").fill("acme")
        await form.get_by_label("Account number").fill(NUMBER)
        await form.get_by_label("Phone").fill("7011234567")
        await form.get_by_label("Service address").fill("Abay Ave. 1, flat 7, the second entrance from the yard")
        await form.get_by_label("Reason").fill("contract 17")
        await form.get_by_role("button", name="Register").click()
        await expect(ann.get_by_text("write it with its country")).to_be_visible()
        await looks_well(ann, "subscribers-refused")
        await form.get_by_label("Phone").fill("+7 701 123 45 67")
        await form.get_by_role("button", name="Register").click()
        await ann.locator("summary", has_text="Activate").click()
        opened = ann.locator("details[open]")
        await opened.get_by_label("Reason").fill("installed today")
        await looks_well(ann, "subscriber-activating")
        await opened.get_by_role("button", name="Activate").click()
        await expect(ann.get_by_text("Connected, since")).to_be_visible()
        await ledger.restrict("acme", ServiceState.SUSPENDED, "rung 14", LATE, *WHY)
        await ledger.ask_to_disconnect("acme", "rung 30", LATE, LATE + timedelta(days=3))
        await ann.reload()
        await expect(ann.get_by_text("Not paid, since")).to_be_visible()
        await looks_well(ann, "subscriber-suspended")
        await ann.get_by_role("link", name="Subscribers").click()
        await looks_well(ann, "subscribers")
        await ann.goto(TASKS)
        await ann.get_by_role("link", name=f"Disconnect account {NUMBER}").click()
        done = ann.get_by_role("region", name="Complete it")
        await done.get_by_label("Reason").fill("cut at the box")
        await looks_well(ann, "task-disconnect")
        await done.get_by_role("button", name="Done", exact=True).click()
        await expect(ann.get_by_role("heading", name="There is nothing to do")).to_be_visible()
        await looks_well(ann, "tasks-none")
        await ann.goto(f"{LIST}/{NUMBER}")
        await expect(ann.get_by_text("Disconnected").first).to_be_visible()
