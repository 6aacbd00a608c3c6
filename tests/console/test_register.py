"""Somebody registers in the browser: whatever comes first, twice or never, one customer is billed, once."""

import asyncio
import re
import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from billing.customers.customer import Customer
from billing.customers.registration import CONSENT_VERSION, RegistrationState, consent_text
from billing.errors import BillingError, CardMissing
from bootstrap import connect_registrar
from clients.registrar import Registrar
from console import READY
from console.app import create_app
from console.web import throttle
from sandbox.stack.ports import free_port
from sandbox.stack.processes import Child, logged
from sandbox.stack.temporal_server import TemporalServer
from sandbox.stand_ins.control import local_http
from tests.bed import Bed
from tests.console.conftest import Desk, console
from tests.console.visitors import (
    EMAIL,
    FORM,
    THANKS,
    address,
    comes_back,
    enters_card,
    mails,
    only,
    registers,
    registrations,
    started,
)

AT_ONCE = 4


def registrar(desk: Desk) -> Registrar:
    return connect_registrar(desk.bed.settings, desk.bed.adapters, desk.bed.client)


async def without_webhooks(desk: Desk) -> None:
    await desk.bed.stripe_control("webhooks", {"url": None})


async def test_who_registers_is_billed_with_what_they_typed_and_nobody_retypes_anything(desk: Desk) -> None:
    began = datetime.now(UTC)
    checkout = await registers(desk, name="  Acme \u202eBakery ", email="Ann@ACME.example")
    back = await enters_card(desk, checkout, "pm_card_mastercard")
    assert THANKS in await comes_back(desk, back)
    await desk.all_done()
    customer = await started(desk)
    assert (customer.name, customer.email, customer.payment_method.last4) == ("Acme Bakery", "Ann@ACME.example", "4444")
    assert (customer.currency, customer.timezone) == ("eur", "Europe/Paris")
    consent = (await only(desk)).consent
    assert consent is not None
    assert consent.version == CONSENT_VERSION
    assert consent.text == consent_text(desk.bed.settings.company)
    assert began < consent.at < datetime.now(UTC)
    (mail,) = mails(desk, "Ann@acme.example")  # a domain has no capitals
    assert mail.subject == "Your card is registered"
    assert "I agree that" in " ".join(mail.text.split())
    assert "ending in 4444" in mail.text


async def test_nothing_personal_is_in_ids_and_addresses(desk: Desk) -> None:
    checkout = await registers(desk)
    back = await enters_card(desk, checkout)
    await comes_back(desk, back)
    customer = await started(desk)
    for shown in (checkout, back, customer.customer_id, (await only(desk)).registration_id):
        assert not re.search("ann|acme|bakery|example", shown, re.IGNORECASE), shown
    (made,) = desk.bed.objects("customer")
    assert made["metadata"]["customer_id"] == customer.customer_id


async def test_webhook_first(desk: Desk) -> None:
    back = await enters_card(desk, await registers(desk))
    await desk.all_done()
    customer = await started(desk)
    assert THANKS in await comes_back(desk, back)
    assert await started(desk) == customer
    assert len(mails(desk)) == 1


async def test_the_customer_never_comes_back(desk: Desk) -> None:
    await enters_card(desk, await registers(desk))
    done = await desk.all_done()
    await started(desk)
    assert any(result.endswith("is started") for result in done.values())


async def test_webhook_and_returns_at_once(desk: Desk) -> None:
    back = await enters_card(desk, await registers(desk))
    returns = await asyncio.gather(*(desk.browser.get(back) for _ in range(AT_ONCE)))
    assert len({address(each) for each in returns}) == 1
    await desk.all_done()
    await started(desk)
    assert len(mails(desk)) == 1


async def test_neither_return_nor_webhook_and_the_next_console_finishes_it(desk: Desk) -> None:
    await without_webhooks(desk)
    await enters_card(desk, await registers(desk))
    assert (await only(desk)).state is RegistrationState.OPEN
    async with console(desk.bed), asyncio.timeout(60):
        while not mails(desk):
            await asyncio.sleep(0.05)
    await started(desk)


async def test_a_double_click_makes_one_registration_and_one_customer_at_stripe(desk: Desk) -> None:
    await desk.browser.get("/register")
    await desk.bed.stripe_control("latency", {"seconds": 0.3})
    clicks = await asyncio.gather(*(desk.browser.post("/register", data=FORM) for _ in range(AT_ONCE)))
    await desk.bed.stripe_control("latency", {"seconds": 0})
    pages = {address(click) for click in clicks}
    assert len(pages) == 1
    await comes_back(desk, await enters_card(desk, pages.pop()))
    await started(desk)


async def test_a_registration_that_was_left_goes_on_at_the_same_page_also_without_its_link(desk: Desk) -> None:
    checkout = await registers(desk)
    left = address(await desk.browser.post(checkout, data={"answer": "cancel"}))
    assert "One step is left" in (await desk.browser.get(left)).text
    assert address(await desk.browser.post(left)) == checkout
    assert await registers(desk, name="Acme Bakeries") == checkout
    assert await comes_back(desk, await enters_card(desk, checkout))
    assert (await started(desk)).name == "Acme Bakeries", "what was typed last"


async def test_who_corrects_the_spelling_of_the_address_is_written_to_as_it_was_typed_last(desk: Desk) -> None:
    await registers(desk, email="\ufb01ona@acme.example")  # a ligature, out of a document
    await comes_back(desk, await enters_card(desk, await registers(desk, email="fiona@acme.example")))
    await desk.all_done()
    (customer,) = await desk.bed.ledger.customers()
    desk.bed.started.append(customer.customer_id)
    assert customer.email == "fiona@acme.example"
    assert len(mails(desk, "fiona@acme.example")) == 1


async def test_after_a_day_the_card_page_has_expired_and_a_new_one_opens(desk: Desk) -> None:
    first = await registers(desk)
    left = address(await desk.browser.post(first, data={"answer": "cancel"}))
    await desk.bed.stripe_control("clock", {"advance_seconds": 25 * 3600})
    results = await registrar(desk).sweep(datetime.now(UTC))
    assert "expired" in str(results[(await only(desk)).registration_id])
    second = address(await desk.browser.post(left))
    assert second != first
    await comes_back(desk, await enters_card(desk, second))
    await started(desk)


async def test_who_saved_a_card_and_begins_again_is_done(desk: Desk) -> None:
    """The browser closed on the way back, no webhook came, and the customer tries once more."""
    await without_webhooks(desk)
    await enters_card(desk, await registers(desk))
    page = await registers(desk)
    assert THANKS in (await desk.browser.get(page)).text
    await started(desk)


async def test_what_nobody_finishes_is_forgotten_in_the_end(desk: Desk) -> None:
    checkout = await registers(desk)
    left = address(await desk.browser.post(checkout, data={"answer": "cancel"}))
    await registrar(desk).sweep(datetime.now(UTC) + timedelta(days=60))
    assert len(await registrations(desk)) == 1, "its card page is open"
    await desk.bed.stripe_control("clock", {"advance_seconds": 25 * 3600})
    await registrar(desk).sweep(datetime.now(UTC) + timedelta(days=29))
    assert len(await registrations(desk)) == 1
    await registrar(desk).sweep(datetime.now(UTC) + timedelta(days=31))
    assert await registrations(desk) == []
    assert (await desk.browser.get(left)).status_code == 410


# -- whose it is


async def stranger_registers(desk: Desk, page: str = "/register", **fields: str) -> httpx.Response:
    """Sends the form from another browser."""
    async with local_http(base_url=desk.links.base_url) as stranger:
        return await stranger.post(page, data=FORM | fields)


async def test_a_stranger_who_knows_the_address_neither_sees_nor_changes_a_registration(desk: Desk) -> None:
    invitation = desk.links.to_invitation("jpy", "Asia/Tokyo", datetime.now(UTC) + timedelta(days=1))
    theirs = address(await desk.browser.post(invitation, data=FORM))
    before = await only(desk)
    unknown = address(await stranger_registers(desk, email="nobody@example.com"))
    for page in ("/register", invitation):
        checkout = address(await stranger_registers(desk, page, name="Mallory"))
        assert checkout not in (theirs, unknown)
        assert re.sub(r"cs_\w+", "*", checkout) == re.sub(r"cs_\w+", "*", unknown), "no word of who is known"
    assert before in await registrations(desk)
    back = await enters_card(desk, theirs)
    assert THANKS in await comes_back(desk, back)
    await desk.all_done()
    (customer,) = await desk.bed.ledger.customers()
    desk.bed.started.append(customer.customer_id)
    assert (customer.name, customer.currency, customer.timezone) == ("Acme Bakery", "jpy", "Asia/Tokyo")
    (kept,) = [each for each in await registrations(desk) if each.state is RegistrationState.STARTED]
    assert kept.consent == before.consent


async def test_a_stranger_who_is_first_with_a_card_is_told_of_by_mail_to_the_address(desk: Desk) -> None:
    """No address is proven before its mail is read: who has it can reply, and has the link that replaces the card."""
    theirs = await registers(desk)
    await enters_card(desk, address(await stranger_registers(desk, name="Mallory")))
    await desk.all_done()
    assert THANKS in await comes_back(desk, await enters_card(desk, theirs)), "as if nothing had happened"
    await desk.all_done()
    (customer,) = await desk.bed.ledger.customers()
    desk.bed.started.append(customer.customer_id)
    assert [mail.subject for mail in mails(desk)] == ["Your card is registered", "You are registered already"]
    assert "If you did not register, reply to this mail" in mails(desk)[0].text


async def test_who_is_at_another_browser_has_their_own_and_one_of_them_is_billed(desk: Desk) -> None:
    checkouts = [await registers(desk), address(await stranger_registers(desk))]
    backs = [await enters_card(desk, checkout) for checkout in checkouts]
    await asyncio.gather(*(desk.browser.get(back) for back in backs))
    await desk.all_done()
    states = sorted(each.state for each in await registrations(desk))
    assert states == [RegistrationState.KNOWN, RegistrationState.STARTED]
    (customer,) = await desk.bed.ledger.customers()
    desk.bed.started.append(customer.customer_id)


async def known(desk: Desk) -> Customer:
    month = await desk.bed.monitored("acme", email=EMAIL)
    return month.customer


async def test_whose_email_is_a_customers_sees_the_same_and_gets_a_link_by_mail(desk: Desk) -> None:
    customer = await known(desk)
    stranger = await enters_card(desk, await registers(desk, email="bolt@example.com"))
    same = await enters_card(desk, await registers(desk))
    shapes = [re.sub(r"R-[0-9a-f]{24}|cs_\w+|[\w-]{43}|(?<=\.)\d{10}(?=\.)", "*", back) for back in (stranger, same)]
    assert shapes[0] == shapes[1]
    pages = [await comes_back(desk, back) for back in (stranger, same)]
    assert pages[0] == pages[1]
    await desk.all_done()
    states = {each.email: each for each in await registrations(desk)}
    assert states[EMAIL].state is RegistrationState.KNOWN
    desk.bed.started.append(states["bolt@example.com"].customer_id)
    assert {each.email for each in await desk.bed.ledger.customers()} == {EMAIL, "bolt@example.com"}
    assert (await desk.bed.month("acme")).customer == customer, "nothing has changed"
    saved = states[EMAIL].card
    assert saved is not None
    with pytest.raises(CardMissing):  # it is kept for nothing
        await desk.bed.adapters.payments.card(saved.card_id)
    again = [await comes_back(desk, back) for back in (stranger, same)]
    assert again[0] == again[1] == pages[0]
    (mail,) = [mail for mail in mails(desk) if mail.subject == "You are registered already"]
    link = re.search(r"http://\S+/card/\S+", mail.text)
    assert link is not None
    checkout = address(await desk.browser.post(link[0]))
    await desk.browser.get(await enters_card(desk, checkout, "pm_card_mastercard"))
    assert (await desk.bed.month("acme")).customer.payment_method.last4 == "4444"


@pytest.mark.parametrize("session_id", ["", "cs_test_nobody", "../customers", "cs_ü"])
async def test_a_session_that_there_never_was_is_refused(desk: Desk, session_id: str) -> None:
    left = address(await desk.browser.post(await registers(desk), data={"answer": "cancel"}))
    refused = await desk.browser.get(f"{left}/card", params={"session_id": session_id})
    assert refused.status_code == 400
    assert (await only(desk)).state is RegistrationState.OPEN


async def test_a_session_that_is_not_finished_is_refused(desk: Desk) -> None:
    checkout = await registers(desk)
    left = address(await desk.browser.post(checkout, data={"answer": "cancel"}))
    refused = await desk.browser.get(f"{left}/card", params={"session_id": checkout.rpartition("/")[2]})
    assert refused.status_code == 400
    assert "This card was not saved" in refused.text


async def test_the_session_of_somebody_else_is_refused(desk: Desk) -> None:
    left = address(await desk.browser.post(await registers(desk), data={"answer": "cancel"}))
    theirs = await enters_card(desk, await registers(desk, email="bolt@example.com"))
    refused = await desk.browser.get(f"{left}/card?{theirs.partition('?')[2]}")
    assert refused.status_code == 400
    await desk.all_done()
    states = {each.email: each for each in await registrations(desk)}
    desk.bed.started.append(states["bolt@example.com"].customer_id)
    assert (states[EMAIL].state, states["bolt@example.com"].state) == ("open", "started")


@pytest.mark.parametrize("own_customer", [True, False])
async def test_a_session_that_we_did_not_open_for_the_registration_is_refused(desk: Desk, own_customer: bool) -> None:
    left = address(await desk.browser.post(await registers(desk), data={"answer": "cancel"}))
    registration = await only(desk)
    stranger = await desk.bed.customer("bolt")
    at_stripe = registration.payer_id if own_customer else stranger.payment_method.payer_id
    assert at_stripe
    page = await desk.bed.adapters.payments.card_setup(at_stripe, registration.registration_id, f"{left}/card", left)
    assert (await desk.browser.get(await enters_card(desk, page.url))).status_code == 400
    done = await desk.all_done()
    assert any("is not its open card page" in result for result in done.values())
    assert (await only(desk)).state is RegistrationState.OPEN


async def test_links_that_are_old_or_forged_open_nothing(desk: Desk) -> None:
    await registers(desk)
    links, past, later = desk.links, datetime.now(UTC) - timedelta(seconds=1), datetime.now(UTC) + timedelta(days=1)
    registration_id = (await only(desk)).registration_id
    good = links.to_registration(registration_id, later)
    assert (await desk.browser.get(good)).status_code == 200
    for link, status in (
        (links.to_registration(registration_id, past), 410),
        (links.to_registration("R-nobody", later), 410),
        (good.replace(registration_id, "R-another"), 404),
        (links.to_invitation("eur", "Europe/Paris", past), 410),
        (links.to_invitation("eur", "Europe/Paris", later).replace("eur", "usd"), 404),
        (good.replace("/registration/", "/register/"), 404),
        (good.replace("/registration/", "/card/"), 404),
        (good.replace("/registration/", "/pay/"), 404),
    ):
        assert (await desk.browser.get(link)).status_code == status, link
        if "/pay/" not in link:
            assert (await desk.browser.post(link)).status_code == status, link


# -- what is typed


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


# -- failures


async def test_a_console_that_is_killed_while_it_finishes_is_made_up_for_by_the_next(
    bed: Bed, server: TemporalServer, tmp_path: Path
) -> None:
    port = free_port()
    environment = bed.environment | {"BILLING_CONSOLE_PORT": str(port), "TEMPORAL_ADDRESS": server.address}
    command = [sys.executable, "-m", "console"]
    child = Child("console", command, log=tmp_path / "log", ready=logged(READY), env=environment, cwd=tmp_path)
    async with child, console(bed) as desk, local_http() as browser:
        form = await browser.post(f"http://127.0.0.1:{port}/register", data=FORM)
        back = await enters_card(desk, address(form))
        await bed.stripe_fault(path="/v1/payment_methods/", kind="slow", seconds=30, method="GET")
        returning = asyncio.create_task(browser.get(back))
        async with asyncio.timeout(60):
            while (await only(desk)).state is not RegistrationState.SAVED:
                await asyncio.sleep(0.02)
        child.kill()
        with pytest.raises(httpx.HTTPError):
            await returning
        await bed.stripe_clear_faults()
        assert await bed.ledger.customers() == []
        await child.restart()
        async with asyncio.timeout(60):
            while not mails(desk):
                await asyncio.sleep(0.05)
        await started(desk)
        assert THANKS in (await browser.get(address(await browser.get(back)))).text
        for words in ("Acme", EMAIL, "token"):
            assert words not in child.output()


@pytest.mark.parametrize("path", ["/v1/customers$", "/v1/checkout/sessions$"])
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_before"},
        {"kind": "drop_after"},
        {"kind": "status", "status": 500, "cached": True},
        {"kind": "status", "status": 500, "cached": True, "executed": True},
        {"kind": "garbage_200", "executed": True},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
async def test_stripe_fails_in_the_middle_and_the_customer_tries_again(
    desk: Desk, path: str, fault: dict[str, object]
) -> None:
    await desk.browser.get("/register")
    await desk.bed.stripe_fault(path=path, method="POST", **fault)
    failed = await desk.browser.post("/register", data=FORM)
    assert failed.status_code == 503
    assert 'href="/register"' in failed.text
    await comes_back(desk, await enters_card(desk, await registers(desk)))
    await started(desk)


async def test_stripe_is_down_when_the_customer_comes_back(desk: Desk) -> None:
    await without_webhooks(desk)
    back = await enters_card(desk, await registers(desk))
    await desk.bed.stripe_fault(path="/v1/", kind="status", status=503, times=2, method="*")
    await desk.browser.get(back)
    await desk.all_done(f"return:{(await only(desk)).registration_id}:{back.rpartition('=')[2]}")
    await started(desk)


async def test_the_mail_server_is_down_and_the_customer_is_told_later(desk: Desk) -> None:
    await without_webhooks(desk)
    await desk.bed.mail_faults({"action": "defer", "recipient": EMAIL, "times": 1})
    assert THANKS in await comes_back(desk, await enters_card(desk, await registers(desk)))
    await started(desk)
    assert mails(desk) == []
    await registrar(desk).sweep(datetime.now(UTC) + timedelta(minutes=2))
    assert len(mails(desk)) == 1
    await registrar(desk).sweep(datetime.now(UTC) + timedelta(minutes=2))
    assert len(mails(desk)) == 1


async def test_an_address_that_takes_no_mail_does_not_hold_anything_up(desk: Desk) -> None:
    await desk.bed.mail_faults({"action": "refuse", "recipient": EMAIL, "times": 1})
    await comes_back(desk, await enters_card(desk, await registers(desk)))
    await desk.all_done()
    await started(desk)
    assert (await only(desk)).told_at is not None


async def test_a_card_that_is_taken_off_again_before_anything_began_can_be_registered_anew(desk: Desk) -> None:
    await without_webhooks(desk)
    checkout = await registers(desk)
    back = await enters_card(desk, checkout)
    registration = await only(desk)
    assert registration.session_id
    setup = await desk.bed.adapters.payments.card_of_setup(registration.session_id)
    await desk.bed.detach_card(setup.card.card_id)
    with pytest.raises(BillingError, match="not a customer's card"):
        await registrar(desk).finalize(registration, setup.card, registration.session_id)
    assert (await only(desk)).state is RegistrationState.OPEN
    left = back.partition("/card")[0]
    await comes_back(desk, await enters_card(desk, address(await desk.browser.post(left))))
    await started(desk)


async def test_without_defaults_only_the_invited_register(bed: Bed) -> None:
    secret = SecretStr("x" * 32)
    real = {"stripe_api_key": SecretStr("sk_test_1"), "console_url": "https://pay.example", "link_secret": secret}
    settings = bed.settings.model_copy(update=real)
    transport = httpx.ASGITransport(create_app(settings, bed.adapters, bed.client))
    async with local_http(transport=transport, base_url="https://pay.example") as browser:
        assert (await browser.get("/register")).status_code == 404
        assert (await browser.post("/register", data=FORM)).status_code == 404
        invitation = settings.links.to_invitation("usd", "UTC", datetime.now(UTC) + timedelta(days=1))
        assert "in USD" in (await browser.get(invitation)).text
