"""Somebody registers in the browser: whatever comes first, twice or never, one customer is billed, once."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

from billing.customers.registration import CONSENT_VERSION, RegistrationState, consent_text
from tests.console.conftest import Desk, console
from tests.console.visitors import (
    FORM,
    THANKS,
    address,
    comes_back,
    enters_card,
    mails,
    only,
    registers,
    registrar,
    registrations,
    started,
    without_webhooks,
)

AT_ONCE = 4


async def test_who_registers_is_billed_with_what_they_typed_and_nobody_retypes_anything(desk: Desk) -> None:
    began = datetime.now(UTC)
    checkout = await registers(desk, name="  Acme \u202eBakery ", email="Ann@ACME.example")
    back = await enters_card(desk, checkout, "pm_card_mastercard")
    assert THANKS in await comes_back(desk, back)
    await desk.all_done()
    customer = await started(desk)
    assert (customer.name, customer.email, customer.card_on_file.last4) == ("Acme Bakery", "Ann@ACME.example", "4444")
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
