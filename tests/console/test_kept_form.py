"""A form whose session has ended keeps what was typed, and is sent by a click of whoever signs in then."""

import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from billing.reviewers.users import Role
from console.web.kept_form import KeptForm
from tests.console.login_fixtures import desk_with, here
from tests.console.people import PASSWORD, Office, browser_at, csrf_in, make_user, sign_in, signed_in_at
from tests.console.reviewing import fields, readable
from tests.console.test_single_sign_on import with_sso

__all__ = ["here"]  # a fixture

BRAKE, PULL = "/desk/brake", "/desk/brake/pull"
OURS = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}
TYPED = 'the sheet is "wrong",\nsince Monday: <b>'


async def sends(browser: httpx.AsyncClient, path: str = PULL, **more: Any) -> httpx.Response:
    """As a browser sends a form of our page."""
    headers = OURS | {"Referer": f"{browser.base_url}{BRAKE}"} | more.pop("headers", {})
    return await browser.post(
        path, data={"csrf": "of a session that has ended", "reason": TYPED, **more}, headers=headers
    )


def kept_in(page: httpx.Response) -> str:
    found = re.search(r'name="kept" value="([^"]*)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


async def signs_in(browser: httpx.AsyncClient, kept: str, password: str = PASSWORD) -> httpx.Response:
    form = {"username": "ann", "password": password, "next": BRAKE, "kept": kept}
    return await browser.post("/login", data=form, headers=OURS)


def confirming(page: httpx.Response) -> dict[str, str]:
    """What the page that shows a kept form would send."""
    texts = re.findall(r'<textarea name="([^"]*)" hidden>\n(.*?)</textarea>', page.text, re.DOTALL)
    assert f'action="{PULL}"' in page.text
    csrf = fields(page.text, PULL)["csrf"]
    return {"csrf": csrf} | {html.unescape(name): html.unescape(text) for name, text in texts}


async def test_what_was_typed_survives_the_sign_in_and_is_done_by_one_more_click(here: Office) -> None:
    async with signed_in_at(here.url, here.ledger) as browser:
        browser.headers.pop("X-CSRF-Token")
        await here.ledger.end_session(_hash_of(browser))
        asked = await sends(browser)
        assert asked.status_code == 403
        assert "Your session has ended, and nothing was done." in readable(asked.text)
        wrong = await signs_in(browser, kept_in(asked), "not it")
        assert wrong.status_code == 401
        shown = await signs_in(browser, kept_in(wrong))
        assert shown.status_code == 200
        assert "You are signed in as ann" in readable(shown.text)
        assert html.escape('the sheet is "wrong"', quote=True).replace("&quot;", "&#34;") in shown.text
        assert await here.ledger.brake() is None, "nothing happens without the click"
        form = confirming(shown)
        assert form["reason"].replace("\r\n", "\n") == TYPED
        assert "Stop everything?" in (await browser.post(PULL, data=form)).text
        assert f'href="{BRAKE}"' in shown.text


async def test_a_page_of_an_earlier_sign_in_keeps_it_too(here: Office) -> None:
    async with signed_in_at(here.url, here.ledger) as browser:
        browser.headers.pop("X-CSRF-Token")
        shown = await sends(browser)
        assert "You are signed in as ann" in readable(shown.text)
        form = confirming(shown)
        assert form["csrf"] == csrf_in(browser)
        assert "Stop everything?" in (await browser.post(PULL, data=form)).text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": ""},
        {"Sec-Fetch-Mode": "cors"},
    ],
    ids=["another site", "a neighbour", "an old browser, another site", "an old browser", "a script"],
)
async def test_a_form_that_may_be_another_sites_is_not_kept(here: Office, headers: dict[str, str]) -> None:
    await make_user(here.ledger)
    async with browser_at(here.url) as browser:
        for is_signed_in in (False, True):
            if is_signed_in:
                await sign_in(browser)
            answer = await sends(browser, headers=headers)
            assert answer.status_code == 403
            assert "kept" not in answer.text
            assert "Send it now" not in answer.text


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/desk", "//evil.example/desk", "/desk/../login", "/logout", "/pay/x", "/desk\\evil", 7, None],
)
def test_a_kept_form_goes_nowhere_else(address: Any) -> None:
    kept = KeptForm.read(json.dumps([address, "/desk", [["reason", "x"]], False]))
    assert kept is None or kept.path.startswith("/desk/")
    elsewhere = KeptForm.read(json.dumps([PULL, "https://evil.example/", [["reason", "x"]], False]))
    assert elsewhere is not None
    assert elsewhere.page == "/desk"


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '["/desk/brake/pull", "/desk", [["reason"]], false]'])
async def test_what_is_no_kept_form_is_ignored(here: Office, text: str) -> None:
    await make_user(here.ledger)
    async with browser_at(here.url) as browser:
        answer = await signs_in(browser, text)
        assert (answer.status_code, answer.headers["location"]) == (303, BRAKE)


async def test_somebody_else_who_signs_in_sends_it_as_themselves_or_not_at_all(here: Office) -> None:
    await make_user(here.ledger, "ann", Role.VIEWER)
    async with browser_at(here.url) as browser:
        shown = await signs_in(browser, kept_in(await sends(browser)))
        answer = await browser.post(PULL, data=confirming(shown))
        assert answer.status_code == 403
        assert "You may not do this" in answer.text
    assert await here.ledger.brake() is None


async def test_whom_the_proxy_names_goes_on_without_a_password(tmp_path: Path) -> None:
    async with desk_with(with_sso(tmp_path)) as here, browser_at(here.url) as browser:
        await make_user(here.ledger, "ann", password="")
        browser.headers["X-Forwarded-User"] = "ann"
        asked = await sends(browser)
        assert "Continue as ann" in asked.text
        shown = await browser.post("/login", data={"next": BRAKE, "kept": kept_in(asked)}, headers=OURS)
        assert "You are signed in as ann" in readable(shown.text)
        assert "Stop everything?" in (await browser.post(PULL, data=confirming(shown))).text


async def test_a_form_that_is_too_long_to_keep_is_refused_as_ever(here: Office) -> None:
    async with browser_at(here.url) as browser:
        assert (await sends(browser, reason="x" * 20_000)).status_code in (413, 422)


def test_only_what_people_typed_is_shown() -> None:
    typed = (("reason", "row 7"), ("amount:row-7", "12.50"), ("command_id", "c0ffee"), ("digest", "d"), ("note", " "))
    kept = KeptForm(PULL, "/desk", (*typed, ("rows", "acme 1 d\nbolt 1 d")))
    assert kept.shown == [("Selected", "2"), ("Reason", "row 7"), ("Amount row 7", "12.50")]
    assert KeptForm.read(str(kept)) == kept


def _hash_of(browser: httpx.AsyncClient) -> str:
    return hashlib.sha256(browser.cookies["billing"].encode()).hexdigest()
