"""Single sign-on: whom a trusted proxy names, and whom not."""

from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from billing.reviewers.users import Role
from settings import Settings
from tests.console.login_fixtures import browser, desk_with, here
from tests.console.people import Office, browser_at, csrf_in, make_user

__all__ = ["browser", "here"]  # fixtures


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
