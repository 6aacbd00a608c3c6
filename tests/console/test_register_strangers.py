"""A registration is its browser's own: strangers, other sessions and forged links neither see nor change it."""

import asyncio
import re
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from billing.customers.customer import Customer
from billing.customers.registration import RegistrationState
from billing.errors import CardMissing
from billing.payments.rails import RAILS
from console.app import create_app
from console.web import throttle
from console.web.throttle import TRIES_MAX
from sandbox.stand_ins.control import local_http
from tests.console.conftest import Desk
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
)

BEHIND_TLS: dict[str, Any] = {
    "stripe_api_key": SecretStr("sk_test_1"),
    "console_url": "https://pay.example",
    "link_secret": SecretStr("s" * 32),
    "rails": RAILS,
}


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
    assert (await desk.bed.month("acme")).customer.card_on_file.last4 == "4444"


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
    at_stripe = registration.payer_id if own_customer else stranger.card_on_file.payer_id
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


async def test_behind_a_proxy_that_is_not_trusted_one_strangers_forms_lock_nobody_else_out(desk: Desk) -> None:
    """Its clients share an address; the proxy adds who they are, whatever they say before that."""
    proxied = {"X-Forwarded-For": "203.0.113.7"}
    for number in range(TRIES_MAX + 5):
        forged = {"X-Forwarded-For": f"198.51.100.{number}, 203.0.113.7"}
        answer = await register_at(desk.links.base_url, forged, email=f"nobody-{number}@example.com")
        assert answer.status_code == (303 if number < TRIES_MAX else 429)
    assert (await register_at(desk.links.base_url, proxied)).status_code == 429
    assert (await register_at(desk.links.base_url, {"X-Forwarded-For": "203.0.113.8"})).status_code == 303
    assert len(await registrations(desk)) == TRIES_MAX + 1


async def test_where_the_proxy_names_nobody_each_browser_counts_for_itself(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "TRIES_MAX", 2)
    unproxied = desk.bed.settings.model_copy(update=BEHIND_TLS)
    page = unproxied.links.to_invitation("jpy", "Asia/Tokyo", datetime.now(UTC) + timedelta(days=1))
    async with AsyncExitStack() as stack:
        app = create_app(unproxied, desk.bed.adapters, desk.bed.client)
        stranger, other, third, late = [
            await stack.enter_async_context(
                local_http(transport=httpx.ASGITransport(app), base_url=BEHIND_TLS["console_url"])
            )
            for _ in range(4)
        ]
        for browser in (stranger, other, third):
            await browser.get(page)  # which gives it a cookie
        answers = [(await stranger.post(page, data=FORM)).status_code for _ in range(4)]
        assert answers == [303, 303, 429, 429]
        assert (await late.post(page, data=FORM)).status_code == 303, "without a cookie"
        assert (await other.post(page, data=FORM)).status_code == 303
        monkeypatch.setattr(throttle, "SHARED_TRIES_MAX", 4)
        assert (await third.post(page, data=FORM)).status_code == 429, "what is kept has a limit all the same"
        another = unproxied.links.to_invitation("usd", "UTC", datetime.now(UTC) + timedelta(days=1))
        assert (await third.post(another, data=FORM)).status_code == 303, "who has another one is no stranger"


async def register_at(console: str, headers: dict[str, str], **fields: str) -> httpx.Response:
    """Sends the form from a new browser."""
    async with local_http(base_url=console) as browser:
        return await browser.post("/register", data=FORM | fields, headers=headers)
