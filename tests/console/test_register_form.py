"""The form of a registration: what is typed is read, shown or refused, and who may send it."""

import sqlite3
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr

from billing.payments.rails import RAILS
from console.app import create_app
from console.web import throttle
from sandbox.stand_ins.control import local_http
from tests.bed import Bed
from tests.console.conftest import Desk
from tests.console.visitors import FORM, address, comes_back, enters_card, registers, registrations, started


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": " "}, "Please tell us your name"),
        ({"name": "x" * 201}, "Please tell us your name"),
        ({"name": "Acme. Pay at https://evil.example/now"}, "without the address of a web page"),
        ({"name": "Acme www.evil"}, "without the address of a web page"),
        ({"name": "EVIL.EXAMPLE"}, "without the address of a web page"),
        ({"email": "ann"}, "This does not look like an email address"),
        ({"email": "ann\u200b@acme.example"}, "an invisible character: ZERO WIDTH SPACE (U+200B)"),
        ({"email": "ann@acme.\u202eexample"}, "an invisible character: RIGHT-TO-LEFT OVERRIDE (U+202E)"),
        ({"email": "a" * 250 + "@acme.example"}, "This does not look like an email address"),
        ({"consent": ""}, "We can only register you if you agree"),
        ({"consent": "2019-01"}, "We can only register you if you agree"),
    ],
)
async def test_what_is_missing_or_wrong_is_said_and_nothing_is_kept(
    desk: Desk, fields: dict[str, str], said: str
) -> None:
    answer = await desk.browser.post("/register", data=FORM | fields)
    assert answer.status_code == 422
    assert said in answer.text
    assert await registrations(desk) == []
    assert desk.bed.objects("customer") == []


async def test_an_address_that_stripe_refuses_is_said_to_be_wrong_and_is_in_no_log(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await desk.browser.post("/register", data=FORM | {"email": "ann..b@acme.example"})
    assert answer.status_code == 422
    assert "This does not look like an email address" in answer.text
    assert "Stripe refuses its email address" in caplog.text
    assert "acme.example" not in caplog.text


async def test_what_is_typed_is_shown_as_text(desk: Desk) -> None:
    answer = await desk.browser.post("/register", data=FORM | {"name": '"><script>alert(1)</script>', "email": "x"})
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text


@pytest.mark.parametrize("body", [b"name=" + b"x" * 20_000, b"&".join([b"a=1"] * 100)])
async def test_more_than_a_person_types_is_refused(desk: Desk, body: bytes) -> None:
    assert (await desk.browser.post("/register", content=body)).status_code == 413


async def test_forms_of_other_sites_are_refused_and_no_script_or_foreign_content_loads(desk: Desk) -> None:
    left = address(await desk.browser.post(await registers(desk), data={"answer": "cancel"}))
    for page in ("/register", left):
        refused = await desk.browser.post(page, data=FORM, headers={"Sec-Fetch-Site": "cross-site"})
        assert refused.status_code == 403
        policy = (await desk.browser.get(page)).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert f"form-action 'self' {desk.bed.stripe_url}" in policy


async def test_an_invitation_fixes_currency_and_zone(desk: Desk) -> None:
    invitation = desk.links.to_invitation("nzd", "Pacific/Auckland", datetime.now(UTC) + timedelta(days=1))
    assert "in NZD" in (await desk.browser.get(invitation)).text
    await comes_back(desk, await enters_card(desk, address(await desk.browser.post(invitation, data=FORM))))
    customer = await started(desk)
    assert (customer.currency, customer.timezone) == ("nzd", "Pacific/Auckland")


async def test_without_defaults_only_the_invited_register(bed: Bed) -> None:
    secret = SecretStr("x" * 32)
    real = {"stripe_api_key": SecretStr("sk_test_1"), "console_url": "https://pay.example", "link_secret": secret}
    real |= {"rails": RAILS}
    settings = bed.settings.model_copy(update=real)
    transport = httpx.ASGITransport(create_app(settings, bed.adapters, bed.client))
    async with local_http(transport=transport, base_url="https://pay.example") as browser:
        assert (await browser.get("/register")).status_code == 404
        assert (await browser.post("/register", data=FORM)).status_code == 404
        invitation = settings.links.to_invitation("usd", "UTC", datetime.now(UTC) + timedelta(days=1))
        assert "in USD" in (await browser.get(invitation)).text


async def test_who_tries_too_often_has_to_wait(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "TRIES_MAX", 2)
    await registers(desk)
    await registers(desk)
    for _ in range(2):
        refused = await desk.browser.post("/register", data=FORM | {"email": "bolt@example.com"})
        assert refused.status_code == 429
        assert "try again in an hour" in refused.text
    assert len(await registrations(desk)) == 1
    with sqlite3.connect(desk.bed.folder / "ledger.db") as database:
        origins = {row[0] for row in database.execute("select origin from registration_tries")}
    assert not any("127.0.0.1" in origin for origin in origins)
