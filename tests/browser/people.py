"""Reviewers with a browser: signed in by the real form."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Locator, Page

from billing.reviewers.users import Role
from tests.browser.conftest import opened
from tests.console.conftest import Desk
from tests.console.people import ALL_DEPARTMENTS, PASSWORD, make_user


@asynccontextmanager
async def reviewer(
    browser: Browser, desk: Desk, username: str, role: Role, departments: tuple[str, ...] = ALL_DEPARTMENTS
) -> AsyncIterator[Page]:
    """A page on the desk of a new user."""
    await make_user(desk.bed.ledger, username, role, departments=departments)
    async with signed_in(browser, desk, username) as page:
        yield page


@asynccontextmanager
async def signed_in(browser: Browser, desk: Desk, username: str, **options: Any) -> AsyncIterator[Page]:
    """A page on the desk of a user, in a browser with these options."""
    async with opened(browser, desk, **options) as page:
        await page.goto("/desk")
        await page.get_by_label("User name").fill(username)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_role("button", name="Sign out").wait_for()
        yield page


async def act(page: Page, action: str, reason: str, button: str = "") -> None:
    """Opens an action of the invoice page, says why, and sends it."""
    actions = page.get_by_role("region", name="Actions")
    await actions.locator("summary", has_text=action).click()
    form = actions.locator("details[open]")
    await form.get_by_label("Reason").fill(reason)
    await form.get_by_role("button", name=button or action).click()


def answer(page: Page) -> Locator:
    """What the last command came to."""
    return page.locator("main .notice").first
