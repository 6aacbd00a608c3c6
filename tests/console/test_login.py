"""Signing in and out at a real console: sessions, throttling, forms of other sites, single sign-on."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Depends

from billing.users import Role
from console.signed_in import Session, SignedIn, signed_in
from settings import Settings
from tests.console.people import PASSWORD, Office, browser_at, csrf_in, make_user, office, sign_in, signed_in_at

WRONG = "User name or password is not right."


def pages_of_a_desk() -> APIRouter:
    """What stands for pages here: who sees it, and who may act."""
    router = APIRouter(prefix="/desk/test")

    @router.get("")
    async def see(session: SignedIn) -> dict[str, str]:
        return {"username": session.username, "name": session.name, "role": session.role, "csrf": session.csrf}

    @router.post("/act")
    async def act(session: Annotated[Session, Depends(signed_in(Role.APPROVER))]) -> dict[str, str]:
        return {"by": session.username}

    return router


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(Settings(_env_file=None, data_dir=tmp_path)) as opened:
        opened.app.include_router(pages_of_a_desk())
        yield opened


@pytest.fixture
async def browser(here: Office) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_at(here.url) as opened:
        yield opened


# -- sessions


async def test_who_is_not_signed_in_is_asked_to_and_comes_back(here: Office, browser: httpx.AsyncClient) -> None:
    await make_user(here.ledger)
    asked = await browser.get("/desk/test?look=1&q=a%20b")
    assert (asked.status_code, asked.headers["location"]) == (
        303,
        "/login?next=%2Fdesk%2Ftest%3Flook%3D1%26q%3Da%2520b",
    )
    form = (await browser.get(asked.headers["location"])).text
    assert '<input type="hidden" name="next" value="/desk/test?look=1&amp;q=a%20b">' in form
    data = {"username": " Ann ", "password": PASSWORD, "next": "/desk/test?look=1&q=a%20b"}
    answer = await browser.post("/login", data=data)
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/test?look=1&q=a%20b")
    assert (await browser.get("/desk/test")).json()["name"] == "Ann"


async def test_a_new_user_signs_in_and_out(here: Office) -> None:
    async with signed_in_at(here.url, here.ledger) as browser:
        assert (await browser.get("/desk/test")).json()["username"] == "ann"
        copied = dict(browser.cookies)
        assert (await browser.post("/logout")).headers["location"] == "/login?bye=1"
        assert not browser.cookies
        assert (await browser.get("/desk/test", cookies=copied)).status_code == 303


async def test_csrf(here: Office, browser: httpx.AsyncClient) -> None:
    await make_user(here.ledger, role=Role.APPROVER)
    await sign_in(browser)
    assert (await browser.post("/desk/test/act")).status_code == 403
    assert (await browser.post("/desk/test/act", data={"csrf": csrf_in(browser)})).json() == {"by": "ann"}
