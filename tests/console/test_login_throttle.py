"""Who guesses passwords has to wait; whose address counts, behind proxies."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import argon2
import httpx
import pytest

from billing.reviewers.users import FailureThrottle, Role, User
from settings import Settings
from tests.console.login_fixtures import browser, here
from tests.console.people import PASSWORD, Office, browser_at, make_user, office, sign_in

__all__ = ["browser", "here"]  # fixtures


async def test_after_some_failures_not_even_the_right_password_counts(here: Office, browser: httpx.AsyncClient) -> None:
    await make_user(here.ledger)
    last_at = datetime.now(UTC) + timedelta(minutes=5)
    for _ in range(FailureThrottle.of_username().free):
        await here.ledger.begin_sign_in("ann", "203.0.113.7", last_at)
    answer = await sign_in(browser)
    assert answer.status_code == 429
    assert 200 < int(answer.headers["retry-after"]) <= 302
    assert re.search(r"Too many tries failed. Wait \d minutes, then try again.", answer.text)
    assert "billing" not in browser.cookies


async def test_who_has_waited_may_try_again(here: Office, browser: httpx.AsyncClient) -> None:
    await make_user(here.ledger)
    for _ in range(FailureThrottle.of_username().free):
        await here.ledger.begin_sign_in("ann", "203.0.113.7", datetime.now(UTC))
    async with asyncio.timeout(60):
        while (answer := await sign_in(browser)).status_code == 429:
            await asyncio.sleep(0.05)
    assert answer.status_code == 303


async def test_a_forged_address_does_not_help_who_guesses(here: Office, browser: httpx.AsyncClient) -> None:
    for number in range(FailureThrottle.of_address().free):
        await here.ledger.begin_sign_in(f"name-{number}", "127.0.0.1", datetime.now(UTC))
    answer = await sign_in(browser, **{"X-Forwarded-For": "203.0.113.7"})
    assert answer.status_code == 429


async def test_strangers_behind_a_proxy_that_is_not_trusted_do_not_lock_out_who_has_signed_in_before(
    here: Office, browser: httpx.AsyncClient
) -> None:
    """All of them share its address."""
    await make_user(here.ledger)
    await make_user(here.ledger, "bob")
    assert (await sign_in(browser)).status_code == 303
    browser.cookies.delete("billing")
    for number in range(FailureThrottle.of_address().free):
        await here.ledger.begin_sign_in(f"name-{number}", "127.0.0.1", datetime.now(UTC) + timedelta(minutes=5))
    for _ in range(FailureThrottle.of_username().free):
        await here.ledger.begin_sign_in("ann", "127.0.0.1", datetime.now(UTC) + timedelta(minutes=5))
    async with browser_at(here.url) as stranger:
        assert (await sign_in(stranger)).status_code == 429
        forged = browser.cookies["billing-browser"][:-1] + "x"
        assert (await sign_in(stranger, Cookie=f"billing-browser={forged}")).status_code == 429
    assert (await sign_in(browser, "bob")).status_code == 429, "a browser is known for its user only"
    assert (await sign_in(browser)).status_code == 303


async def test_a_proxy_that_is_not_trusted_is_warned_of_once(
    here: Office, browser: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        await browser.get("/login", headers={"X-Forwarded-For": "203.0.113.7"})
    assert caplog.text.count("set BILLING_CONSOLE_TRUSTED_PROXIES") == 1


async def test_behind_a_trusted_proxy_each_client_counts_for_itself(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, console_trusted_proxies=(ip_network("127.0.0.1"),))
    async with office(settings) as here, browser_at(here.url) as browser:
        for number in range(FailureThrottle.of_address().free):
            await here.ledger.begin_sign_in(f"name-{number}", "203.0.113.7", datetime.now(UTC))
        for forwarded, status in {
            "203.0.113.7": 429,
            "198.51.100.9, 203.0.113.7": 429,
            "203.0.113.7, 198.51.100.9": 401,
        }.items():
            assert (await sign_in(browser, **{"X-Forwarded-For": forwarded})).status_code == status, forwarded


async def test_the_console_answers_others_while_passwords_are_verified(here: Office) -> None:
    """A verification takes a moment on purpose; many at once must not hold up a health check."""
    slow = argon2.PasswordHasher().hash(PASSWORD)
    for number in range(15):
        user = User(username=f"name-{number}", name="Ann", role=Role.VIEWER)
        await here.ledger.add_user(user, slow, datetime.now(UTC))
    async with browser_at(here.url) as busy, browser_at(here.url) as browser:
        tries = [asyncio.create_task(sign_in(busy, f"name-{number}", "wrong")) for number in range(15)]
        await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
        assert (await browser.get("/healthz")).status_code == 200
        assert not all(each.done() for each in tries)
        await asyncio.gather(*tries)
