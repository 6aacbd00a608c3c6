"""Signing in and out at a real console: sessions, throttling, forms of other sites, single sign-on."""

import asyncio
import re
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

import argon2
import httpx
import pytest
from fastapi import APIRouter, Depends
from pydantic import SecretStr

from adapters.passwords import Argon2Passwords
from billing.reviewers.users import FailureThrottle, Role, User
from console.reviewers.login import local_path
from console.reviewers.signed_in import Session, SignedIn, signed_in
from settings import Settings
from tests.console.people import PASSWORD, Office, browser_at, csrf_in, make_user, office, sign_in, signed_in_at

WRONG = "User name or password is not right."


def pages_of_a_desk() -> APIRouter:
    """What stands for pages here: who sees it, and who may act."""
    router = APIRouter(prefix="/desk/2026-11/test")

    @router.get("")
    async def see(session: SignedIn) -> dict[str, str]:
        return {"username": session.username, "name": session.name, "role": session.role, "csrf": session.csrf}

    @router.post("/act")
    async def act(session: Annotated[Session, Depends(signed_in(Role.APPROVER))]) -> dict[str, str]:
        return {"by": session.username}

    return router


def behind_tls(folder: Path) -> Settings:
    """Settings of a real console; nothing is connected to."""
    return Settings(
        _env_file=None,
        data_dir=folder,
        stripe_api_key=SecretStr("sk_test_x"),
        sales_folder=folder,
        smtp_host="127.0.0.1",
        mail_from="billing@acme.example",
        console_url="https://billing.example",
        link_secret=SecretStr("x" * 32),
    )


@asynccontextmanager
async def desk_with(settings: Settings) -> AsyncIterator[Office]:
    async with office(settings) as opened:
        opened.app.include_router(pages_of_a_desk())
        yield opened


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Office]:
    async with desk_with(Settings(_env_file=None, data_dir=tmp_path)) as opened:
        yield opened


@pytest.fixture
async def browser(here: Office) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_at(here.url) as opened:
        yield opened


# -- sessions


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


# -- signing in


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


# -- throttling


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


# -- other sites


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


# -- single sign-on


def with_sso(folder: Path, proxy: str = "127.0.0.0/8") -> Settings:
    proxies = (ip_network(proxy),)
    return Settings(
        _env_file=None, data_dir=folder, console_trusted_proxies=proxies, console_sso_header="X-Forwarded-User"
    )


async def test_whom_a_trusted_proxy_names_is_signed_in_with_the_role_of_the_ledger(tmp_path: Path) -> None:
    async with desk_with(with_sso(tmp_path)) as here, browser_at(here.url) as browser:
        await make_user(here.ledger, "ann@acme.example", Role.APPROVER, password="")
        browser.headers["X-Forwarded-User"] = "Ann@Acme.example"
        asked = await browser.get("/desk/2026-11/test")
        assert (await browser.get(asked.headers["location"])).headers["location"] == "/desk/2026-11/test"
        assert (await browser.get("/desk/2026-11/test")).json()["username"] == "ann@acme.example"
        assert (await browser.post("/desk/2026-11/test/act")).status_code == 403, "CSRF holds"
        token = csrf_in(browser)
        assert (await browser.post("/desk/2026-11/test/act", data={"csrf": token})).json() == {"by": "ann@acme.example"}


async def test_another_person_at_the_proxy_does_not_go_on_in_the_session_of_the_first(tmp_path: Path) -> None:
    async with desk_with(with_sso(tmp_path)) as here, browser_at(here.url) as browser:
        await make_user(here.ledger, "ann")
        await make_user(here.ledger, "bob")
        await browser.get("/login", headers={"X-Forwarded-User": "ann"})
        assert (await browser.get("/desk/2026-11/test", headers={"X-Forwarded-User": "ann"})).status_code == 200
        for other in ("bob", "nobody", "not a name"):
            assert (await browser.get("/desk/2026-11/test", headers={"X-Forwarded-User": other})).status_code == 303
        await browser.get("/login", headers={"X-Forwarded-User": "bob"})
        seen = await browser.get("/desk/2026-11/test", headers={"X-Forwarded-User": "bob"})
        assert seen.json()["username"] == "bob"


@pytest.mark.parametrize("named", ["nobody", "ann", "not a name"])
async def test_who_is_no_enabled_user_here_is_told_so(tmp_path: Path, named: str) -> None:
    async with desk_with(with_sso(tmp_path)) as here, browser_at(here.url) as browser:
        await make_user(here.ledger)
        await here.ledger.disable_user("ann", datetime.now(UTC))
        answer = await browser.get("/login", headers={"X-Forwarded-User": named})
        assert answer.status_code == 403
        assert f"knows you as {named}; no such user is enabled here" in answer.text
        assert "billing" not in browser.cookies


async def test_who_has_signed_out_is_not_signed_in_again_at_once(tmp_path: Path) -> None:
    async with desk_with(with_sso(tmp_path)) as here, browser_at(here.url) as browser:
        await make_user(here.ledger)
        browser.headers["X-Forwarded-User"] = "ann"
        await browser.get("/login")
        answer = await browser.post("/logout", data={"csrf": csrf_in(browser)})
        page = await browser.get(answer.headers["location"])
        assert "You are signed out." in page.text
        assert "Continue as ann" in page.text
        assert "billing" not in browser.cookies


async def test_the_header_is_believed_from_nobody_else(tmp_path: Path, here: Office) -> None:
    await make_user(here.ledger)
    async with browser_at(here.url, headers={"X-Forwarded-User": "ann"}) as browser:
        assert (await browser.get("/login")).status_code == 200, "single sign-on is off"
    (tmp_path / "other").mkdir()
    async with desk_with(with_sso(tmp_path / "other", "192.0.2.0/24")) as far:
        await make_user(far.ledger)
        headers = {"X-Forwarded-User": "ann", "X-Forwarded-For": "192.0.2.1"}
        async with browser_at(far.url, headers=headers) as browser:
            assert (await browser.get("/login")).status_code == 200
            assert "billing" not in browser.cookies


async def test_a_header_that_was_sent_twice_names_nobody(tmp_path: Path) -> None:
    async with desk_with(with_sso(tmp_path)) as here, browser_at(here.url) as browser:
        await make_user(here.ledger)
        twice = [("X-Forwarded-User", "ann"), ("X-Forwarded-User", "ann")]
        assert (await browser.get("/login", headers=twice)).status_code == 200
