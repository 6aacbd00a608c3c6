"""Signing in and out at a real console: sessions, what was typed, forms of other sites."""

import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import argon2
import httpx
import pytest

from adapters.passwords import Argon2Passwords
from billing.reviewers.users import Role, User
from console.web.security import local_path
from tests.console.login_fixtures import WRONG, behind_tls, browser, here
from tests.console.people import PASSWORD, Office, browser_at, csrf_in, make_user, office, sign_in, signed_in_at

__all__ = ["browser", "here"]  # fixtures


async def test_who_is_not_signed_in_is_asked_to_and_comes_back(here: Office, browser: httpx.AsyncClient) -> None:
    await make_user(here.ledger)
    asked = await browser.get("/desk/2026-11/test?look=1&q=a%20b")
    assert (asked.status_code, asked.headers["location"]) == (
        303,
        "/login?next=%2Fdesk%2F2026-11%2Ftest%3Flook%3D1%26q%3Da%2520b",
    )
    form = (await browser.get(asked.headers["location"])).text
    assert '<input type="hidden" name="next" value="/desk/2026-11/test?look=1&amp;q=a%20b">' in form
    data = {"username": " Ann ", "password": PASSWORD, "next": "/desk/2026-11/test?look=1&q=a%20b"}
    answer = await browser.post("/login", data=data)
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/2026-11/test?look=1&q=a%20b")
    seen = (await browser.get("/desk/2026-11/test")).json()
    assert seen == {"username": "ann", "name": "Ann", "role": "reviewer", "csrf": csrf_in(browser)}
    assert (await browser.get("/login?next=/desk/2026-11/test")).headers["location"] == "/desk/2026-11/test"


async def test_a_script_is_told_in_a_line_that_nobody_is_signed_in(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/desk/2026-11/test", headers={"Sec-Fetch-Mode": "cors", "Accept": "text/event-stream"})
    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/plain; charset=utf-8")
    assert answer.text.startswith("You are not signed in. ")


async def test_signing_out_ends_the_session_wherever_its_cookie_was_copied_to(here: Office) -> None:
    async with signed_in_at(here.url, here.ledger) as browser, browser_at(here.url) as thief:
        thief.cookies = httpx.Cookies(browser.cookies)
        assert (await thief.get("/desk/2026-11/test")).status_code == 200
        assert (await browser.post("/logout")).headers["location"] == "/login?bye=1"
        assert "billing" not in browser.cookies
        assert (await thief.get("/desk/2026-11/test")).status_code == 303
        assert "You are signed out." in (await browser.get("/login?bye=1")).text


async def test_each_sign_in_has_a_new_token_and_ends_the_session_before(here: Office) -> None:
    async with signed_in_at(here.url, here.ledger) as browser, browser_at(here.url) as thief:
        thief.cookies = httpx.Cookies(browser.cookies)
        before = browser.cookies["billing"]
        await sign_in(browser)
        assert browser.cookies["billing"] != before
        assert (await thief.get("/desk/2026-11/test")).status_code == 303


async def test_a_token_that_was_planted_before_the_sign_in_is_worth_nothing_after_it(here: Office) -> None:
    await make_user(here.ledger)
    async with browser_at(here.url, cookies={"billing": "planted"}) as browser:
        await sign_in(browser)
    async with browser_at(here.url, cookies={"billing": "planted"}) as thief:
        assert (await thief.get("/desk/2026-11/test")).status_code == 303


async def test_the_ledger_keeps_neither_token_nor_password(here: Office, tmp_path: Path) -> None:
    async with signed_in_at(here.url, here.ledger) as browser:
        token = browser.cookies["billing"]
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("ledger.db*"))
    assert b"$argon2id$" in kept
    assert token.encode() not in kept
    assert PASSWORD.encode() not in kept


async def test_the_cookie_is_for_this_site_and_no_script(here: Office, browser: httpx.AsyncClient) -> None:
    await make_user(here.ledger)
    cookies = (await sign_in(browser)).headers.get_list("set-cookie")
    for name, seconds in (("billing", 604_800), ("billing-browser", 31_536_000)):
        (attributes,) = [cookie.partition("; ")[2] for cookie in cookies if cookie.startswith(f"{name}=")]
        assert {"HttpOnly", f"Max-Age={seconds}", "Path=/", "SameSite=lax"} == set(attributes.split("; "))


async def test_behind_tls_the_cookie_is_bound_to_the_host(tmp_path: Path) -> None:
    async with office(behind_tls(tmp_path)) as here, browser_at(here.url) as browser:
        await make_user(here.ledger)
        answer = await sign_in(browser)
        assert answer.headers["set-cookie"].startswith("__Host-billing=")
        assert "; Secure" in answer.headers["set-cookie"]
        assert "Domain" not in answer.headers["set-cookie"]
        assert answer.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize("change", ["disabled", "password", "role"])
async def test_what_an_administrator_changes_holds_at_once(here: Office, change: str) -> None:
    async with signed_in_at(here.url, here.ledger) as browser:
        if change == "disabled":
            await here.ledger.disable_user("ann", datetime.now(UTC))
        elif change == "password":
            await here.ledger.set_password("ann", await Argon2Passwords().hashed("another long password"))
        else:
            await here.ledger.set_role("ann", Role.APPROVER)
        assert (await browser.get("/desk/2026-11/test")).status_code == 303
        assert (await browser.post("/desk/2026-11/test/act")).status_code == 403
        may = (await sign_in(browser)).status_code == 303
        assert may == (change == "role")


@pytest.mark.parametrize("case", ["wrong password", "unknown", "disabled", "single sign-on only", "empty"])
async def test_whoever_is_refused_hears_the_same(here: Office, browser: httpx.AsyncClient, case: str) -> None:
    if case != "unknown":
        await make_user(here.ledger, password="" if case == "single sign-on only" else PASSWORD)
    if case == "disabled":
        await here.ledger.disable_user("ann", datetime.now(UTC))
    word = {"wrong password": "wrong", "empty": ""}.get(case, PASSWORD)
    answer = await sign_in(browser, password=word)
    assert answer.status_code == 401
    assert f'<p class="error" id="error" role="alert">{WRONG}</p>' in answer.text
    assert answer.text.count('aria-describedby="error"') == 2
    assert 'value="ann"' in answer.text
    assert word == "" or word not in answer.text
    assert "set-cookie" not in answer.headers


async def test_what_was_typed_is_never_markup(browser: httpx.AsyncClient) -> None:
    assert "<script>" not in (await sign_in(browser, '"><script>alert(1)</script>')).text


async def test_the_hash_of_a_password_is_renewed_when_its_parameters_are_out_of_fashion(
    here: Office, browser: httpx.AsyncClient
) -> None:
    weak = argon2.PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD)
    user = User(username="ann", name="Ann", role=Role.VIEWER)
    await here.ledger.add_user(user, weak, datetime.now(UTC))
    assert (await sign_in(browser)).status_code == 303
    account = await here.ledger.user("ann")
    assert account is not None
    assert account.password_hash != weak
    assert not Argon2Passwords().is_outdated(account.password_hash)
    assert (await browser.get("/desk/2026-11/test")).status_code == 200
    assert (await sign_in(browser)).status_code == 303


async def test_an_accent_may_be_typed_in_either_way(here: Office, browser: httpx.AsyncClient) -> None:
    await make_user(here.ledger, password="crème brûlée for two")
    assert (await sign_in(browser, password=unicodedata.normalize("NFD", "crème brûlée for two"))).status_code == 303


ELSEWHERE = [
    "//evil.example",
    "/\\evil.example",
    "https://evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "/desk\\@evil.example",
    "/desk.evil.example",
    "/desk@evil.example",
    "/desk/\r\nSet-Cookie: a=b",
    "/desk/\t",
    "/desk/ü",
    " /desk",
    "/pay/x",
    "desk",
    "",
]


@pytest.mark.parametrize("path", ["/desk", "/desk/2026-11/invoices?flag=edited&q=%C3%A9", "/desk?x", "/desk/"])
def test_the_way_back_is_a_path_of_the_desk(path: str) -> None:
    assert local_path(path) == path


async def test_nobody_is_led_elsewhere(here: Office, browser: httpx.AsyncClient) -> None:
    await make_user(here.ledger)
    for elsewhere in ELSEWHERE:
        assert 'name="next" value="/desk"' in (await browser.get("/login", params={"next": elsewhere})).text
    for elsewhere in ("//evil.example", "https:evil.example"):
        data = {"username": "ann", "password": PASSWORD, "next": elsewhere}
        assert (await browser.post("/login", data=data)).headers["location"] == "/desk"
    for elsewhere in ELSEWHERE:
        assert (await browser.get("/login", params={"next": elsewhere})).headers["location"] == "/desk"


async def test_an_action_needs_the_token_of_the_session(here: Office) -> None:
    async with signed_in_at(here.url, here.ledger, "bob", Role.APPROVER) as browser:
        token = browser.headers.pop("X-CSRF-Token")
        for wrong in ("", "x", "ü", token[:-1], token.upper()):
            answer = await browser.post("/desk/2026-11/test/act", data={"csrf": wrong})
            assert answer.status_code == 403, wrong
            assert "This page is out of date" in answer.text
        assert (await browser.post("/desk/2026-11/test/act")).status_code == 403
        assert (await browser.post("/desk/2026-11/test/act", json={"csrf": token})).status_code == 403
        assert (await browser.post("/desk/2026-11/test/act", files={"csrf": token.encode()})).status_code == 403
        assert (await browser.post("/desk/2026-11/test/act", data={"csrf": token})).json() == {"by": "bob"}
        assert (await browser.post("/desk/2026-11/test/act", headers={"X-CSRF-Token": token})).json() == {"by": "bob"}


async def test_the_token_of_another_session_is_refused(here: Office) -> None:
    async with signed_in_at(here.url, here.ledger, "bob", Role.APPROVER) as browser:
        assert (await browser.post("/desk/2026-11/test/act")).status_code == 200
        await sign_in(browser, "bob")
        assert (await browser.post("/desk/2026-11/test/act")).status_code == 403


async def test_with_the_token_another_site_is_refused_all_the_same(here: Office) -> None:
    async with signed_in_at(here.url, here.ledger, "bob", Role.APPROVER) as browser:
        for site, status in {"cross-site": 403, "same-site": 403, "same-origin": 200}.items():
            answer = await browser.post("/desk/2026-11/test/act", headers={"Sec-Fetch-Site": site})
            assert answer.status_code == status, site


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 303),
        ({"Origin": "OURS"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_another_site_signs_nobody_in(
    here: Office, browser: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    """Else what a victim does next would happen in the attacker's account."""
    await make_user(here.ledger)
    answer = await sign_in(browser, **{name: value.replace("OURS", here.url) for name, value in headers.items()})
    assert answer.status_code == status


async def test_a_role_that_is_not_enough_is_said(here: Office) -> None:
    async with signed_in_at(here.url, here.ledger) as browser:
        answer = await browser.post("/desk/2026-11/test/act")
        assert answer.status_code == 403
        assert "You are signed in as ann, reviewer; this takes the role approver or a higher one." in answer.text
        assert (await browser.get("/desk/2026-11/test")).status_code == 200
