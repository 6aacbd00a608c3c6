"""Every route of the console, also one that somebody adds later: closed to strangers, and to forms of other sites."""

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.routing import Mount

from billing.reviewers.users import Role
from console.web.security import BODY_MAX_BYTES
from settings import Settings
from tests.console.people import Office, browser_at, office, signed_in_at

PUBLIC = (
    *("/pay", "/p", "/fee", "/card", "/checkout", "/register", "/registration"),
    *("/orders", "/announcements", "/webhooks", "/billers", "/healthz", "/readyz", "/metrics", "/static", "/login"),
)
"""Who has the link pays or registers; Stripe and shops sign; banks have their addresses; the rest tells nothing."""


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(Settings(_env_file=None, data_dir=tmp_path)) as opened:
        yield opened


def doors(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and address of every route that is not public."""
    for route in leaves(app.routes):
        path = getattr(route, "path", "")
        assert path, f"a route without a path: {route}"
        if not any(path == public or path.startswith(f"{public}/") for public in PUBLIC):
            assert not isinstance(route, Mount), f"{path}: nobody knows what is behind a mount"
            for method in sorted(getattr(route, "methods", None) or {"GET"}):
                yield method, re.sub(r"{[^}]*}", "2026-11", path)


def leaves(routes: Iterable[Any]) -> Iterator[Any]:
    """Routes as they are reached, with the prefixes of the routers that include them."""
    for route in routes:
        if hasattr(route, "effective_candidates"):
            yield from leaves(route.effective_candidates())
        else:
            yield route


async def closed(here: Office, method: str, path: str) -> None:
    async with browser_at(here.url) as stranger:
        answer = await stranger.request(method, path)
        to_sign_in = answer.status_code == 303 and answer.headers["location"].startswith("/login?next=")
        assert to_sign_in or answer.status_code == 403, f"{method} {path} is open to strangers: {answer.status_code}"
        assert to_sign_in or method not in ("GET", "HEAD"), f"{method} {path} does not lead to the login"


async def test_nothing_but_the_public_is_open_to_strangers(here: Office) -> None:
    found = list(doors(here.app))
    assert ("POST", "/logout") in found
    for method, path in found:
        await closed(here, method, path)


async def test_no_action_is_taken_without_the_token_of_the_session_not_even_an_administrators(here: Office) -> None:
    async with signed_in_at(here.url, here.ledger, "carol", Role.ADMINISTRATOR) as browser:
        del browser.headers["X-CSRF-Token"]
        for method, path in doors(here.app):
            if method not in ("GET", "HEAD"):
                assert (await browser.request(method, path, data={"csrf": "x"})).status_code == 403, (method, path)
                assert (await browser.request(method, path)).status_code == 403, (method, path)


async def test_a_route_that_forgets_its_door_is_found(here: Office) -> None:
    inner, outer = APIRouter(prefix="/{period}"), APIRouter()

    @inner.get("/forgotten", include_in_schema=False)
    async def forgotten() -> str:
        return "secret"

    outer.include_router(inner)
    here.app.include_router(outer, prefix="/desk")
    assert ("GET", "/desk/2026-11/forgotten") in list(doors(here.app))
    with pytest.raises(AssertionError, match="open to strangers"):
        await closed(here, "GET", "/desk/2026-11/forgotten")


# -- what answers tell browsers


async def test_the_desk_runs_our_scripts_only_and_stays_on_this_site(here: Office) -> None:
    async with browser_at(here.url) as browser:
        for path in ("/login", "/desk", "/desk/2026-11", "/logout"):
            headers = (await browser.get(path)).headers
            assert set(headers["content-security-policy"].split("; ")) == {
                "default-src 'none'",
                "style-src 'self'",
                "script-src 'self'",
                "img-src 'self'",
                "connect-src 'self'",
                "form-action 'self'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
            }
            assert headers["cache-control"] == "no-store"
            assert headers["x-frame-options"] == "DENY"
            assert headers["referrer-policy"] == "same-origin"


async def test_customers_pages_run_no_script_and_do_not_tell_their_address(here: Office) -> None:
    async with browser_at(here.url) as browser:
        for path in ("/pay/x", "/", "/desktop"):
            headers = (await browser.get(path)).headers
            assert "script-src" not in headers["content-security-policy"]
            assert headers["referrer-policy"] == "no-referrer"


async def test_the_answer_to_a_defect_of_ours_has_the_headers_too(here: Office) -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    here.app.add_api_route("/pay/broken/page", broken)
    async with browser_at(here.url) as browser:
        answer = await browser.get("/pay/broken/page")
        assert answer.status_code == 500
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cache-control"] == "no-store"


async def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(here: Office) -> None:
    body = b"&".join(b"field=" + b"a" * 400_000 for _ in range(BODY_MAX_BYTES // 400_000))

    async def in_chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    async with browser_at(here.url, headers=form) as browser:
        assert (await browser.post("/login", content=body)).status_code == 413
        assert (await browser.post("/login", content=in_chunks())).status_code == 413


async def test_a_selection_of_ten_thousand_invoices_gets_through(here: Office) -> None:
    async with signed_in_at(here.url, here.ledger) as browser:
        data = {"customer_id": [f"customer-{number:05}" for number in range(10_000)]}
        csrf = browser.headers.pop("X-CSRF-Token")
        assert (await browser.post("/logout", data=data)).status_code == 403
        assert (await browser.post("/logout", data={**data, "csrf": csrf})).status_code == 303
