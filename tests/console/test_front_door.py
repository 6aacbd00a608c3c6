"""What comes before any page: who asks under another name, with odd bytes, too slowly, or leaves in the middle."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from process import server
from settings import Settings
from tests.console.login_fixtures import behind_tls
from tests.console.people import Office, browser_at, office


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(Settings(_env_file=None, data_dir=tmp_path)) as opened:
        yield opened


async def test_monitors_may_ask_for_the_head_only(here: Office) -> None:
    async with browser_at(here.url) as monitor:
        for path in ("/healthz", "/metrics"):
            answer = await monitor.head(path)
            assert (answer.status_code, answer.content) == (200, b""), path
        assert (await monitor.head("/healthz/billing")).status_code == 503


@pytest.mark.parametrize("path", ["/metrics%0a", "/healthz%0A", "/login%0a", "/%00", "/register%7f", "/pay/x%0d"])
async def test_no_control_character_opens_a_page(here: Office, path: str) -> None:
    async with browser_at(here.url) as browser:
        answer = await browser.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")


async def test_only_monitors_ask_under_another_host(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    real = {"stripe_api_key": SecretStr("sk_test_1"), "console_url": "https://pay.example:443"}
    settings = behind_tls(tmp_path).model_copy(update=real)
    async with office(settings) as here, browser_at(here.url) as browser:
        for host, status in {
            "pay.example": 200,
            "PAY.example:8443": 200,
            "127.0.0.1:1": 200,
            "evil.example": 421,
            "pay.example.evil.example": 421,
            "pay.example@evil.example": 421,
            "[": 421,
            "": 421,
        }.items():
            assert (await browser.get("/login", headers={"Host": host})).status_code == status, host
            assert (await browser.get("/healthz", headers={"Host": host})).status_code == 200
    assert caplog.text.count("the proxy has to keep it") == 1


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ",),
        (b"POST /register HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nname=",),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHost:"),
    ],
    ids=["nothing", "head", "body", "second head"],
)
async def test_who_sends_a_request_too_slowly_is_cut_off(
    here: Office, parts: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(here.url).port)
    for part in parts:
        writer.write(part)
    async with asyncio.timeout(20):
        with suppress(ConnectionResetError):
            await reader.read()  # to the end
    writer.close()
    assert not [record for record in caplog.records if record.exc_info]


def test_a_proxy_ends_an_idle_connection_before_the_console_does() -> None:
    """Else a request now and then is sent on a connection that is just being closed, and the proxy answers 502."""
    kept_by_proxies = {"nginx": 60, "Amazon's load balancer": 60, "Traefik": 90, "Caddy": 120}
    assert server.configuration(None).timeout_keep_alive > max(kept_by_proxies.values())


async def test_what_has_arrived_is_answered_however_long_that_takes(
    here: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "REQUEST_SECONDS", 0.2)

    async def slow() -> str:
        await asyncio.sleep(0.5)
        return "done"

    here.app.add_api_route("/pay/slow/page", slow)
    async with browser_at(here.url) as browser:
        assert (await browser.get("/pay/slow/page")).text == '"done"'


@pytest.mark.parametrize("path", ["/register", "/login", "/webhooks/stripe", "/logout"])
async def test_who_leaves_in_the_middle_of_a_form_leaves_no_traceback(
    here: Office, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 99"
    _, writer = await asyncio.open_connection("127.0.0.1", urlsplit(here.url).port)
    writer.write(b"POST " + path.encode() + b" HTTP/1.1\r\nHost: x\r\n" + form + b"\r\n\r\nname=Ann")
    await writer.drain()
    async with browser_at(here.url) as browser:
        assert (await browser.get("/healthz")).status_code == 200  # by now it waits for the rest
        writer.close()
        for _ in range(3):
            assert (await browser.get("/healthz")).status_code == 200
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]
