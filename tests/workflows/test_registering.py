"""From a registration to a customer who is billed, interrupted after every single step, and gone on with by anybody."""

import asyncio
import functools
import inspect
import re
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from billing.customers.registration import (
    Consent,
    Registration,
    RegistrationState,
    browser_key,
    import_id,
    new_customer_id,
    registration_id_of,
)
from billing.errors import CardMissing, InvalidInput
from bootstrap import connect_customer_mails, connect_registrar
from clients.registrar import Registrar
from clients.start import start_customer
from sandbox.stand_ins.control import local_http
from tests.bed import Bed

PAGE = "http://127.0.0.1:1/registration/token"
LATER = timedelta(minutes=2)


class Crashed(BaseException):
    """The process is gone: nothing that runs afterwards in it has an effect."""


class Mortal:
    """A port whose process dies right after its last call: of all ports together, ``lives`` calls are left."""

    def __init__(self, port: Any, lives: list[int]) -> None:
        self._port = port
        self._lives = lives

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not inspect.iscoroutinefunction(found):
            return found

        @functools.wraps(found)
        async def called(*args: Any, **named: Any) -> Any:
            answer = await found(*args, **named)
            self._lives[0] -= 1
            if self._lives[0] <= 0:
                raise Crashed(name)
            return answer

        return called


def mortal(bed: Bed, calls: int) -> tuple[Registrar, list[int]]:
    """A registrar that dies after so many calls, and how many are left."""
    lives = [calls]
    letters = connect_customer_mails(bed.settings, bed.adapters)
    ports = (Mortal(port, lives) for port in (bed.client, bed.adapters.payments, bed.ledger, letters))
    client, gateway, ledger, post = ports
    made = Registrar(cast(Any, client), cast(Any, gateway), cast(Any, ledger), cast(Any, post), bed.settings.links)
    return made, lives


def typed(email: str) -> Registration:
    now = datetime.now(UTC)
    return Registration(
        registration_id=registration_id_of(browser_key(""), email, "eur", "Europe/Paris"),
        email=email,
        name="Acme",
        currency="eur",
        timezone="Europe/Paris",
        consent=Consent(version="1", text="yes", at=now),
        customer_id=new_customer_id(),
        created_at=now,
        updated_at=now,
    )


def listed(customer_id: str, email: str = "", **fields: Any) -> Registration:
    """A row of a file with a token."""
    wanted = typed(email or f"{customer_id}@example.com")
    return wanted.evolve(
        registration_id=import_id(customer_id),
        customer_id=customer_id,
        consent=None,
        told_at=wanted.created_at,
        **fields,
    )


async def visits(registrar: Registrar, wanted: Registration) -> None:
    """The customer sends the form, saves a card if asked for one, and comes back."""
    registration = await registrar.begin(wanted)
    url = await registrar.card_page(registration, PAGE)
    if url:
        async with local_http() as browser:
            await browser.post(url, data={"card": "pm_card_visa"})
    found = await registrar.find(registration.registration_id)
    assert found is not None
    await registrar.go_on(found)


async def test_who_begins_anew_by_an_invitation_is_billed_as_it_says(bed: Bed) -> None:
    """So is whoever was invited, whatever others register with the same address meanwhile."""
    registrar = connect_registrar(bed.settings, bed.adapters, bed.client)
    begun = await registrar.begin(typed("acme@example.com"))
    invited = typed("acme@example.com").evolve(currency="nzd", timezone="Pacific/Auckland")
    found = await registrar.begin(invited)
    assert (found.registration_id, found.currency, found.timezone) == (
        *(invited.registration_id, "nzd", "Pacific/Auckland"),
    )
    assert await registrar.find(begun.registration_id) == begun
    stranger = typed("acme@example.com").evolve(name="Mallory")
    pages = [await registrar.card_page(await registrar.begin(each), PAGE) for each in (invited, stranger)]
    assert len(set(pages)) == 2
    kept = await registrar.find(invited.registration_id)
    assert kept is not None
    assert (kept.name, kept.currency, kept.consent) == ("Acme", "nzd", invited.consent)
    await visits(registrar, invited)
    (customer,) = await bed.ledger.customers()
    bed.started.append(customer.customer_id)
    assert (customer.name, customer.currency) == ("Acme", "nzd")


async def test_of_two_who_save_a_card_for_one_address_at_once_one_is_billed_and_the_other_gets_a_mail(bed: Bed) -> None:
    registrar = connect_registrar(bed.settings, bed.adapters, bed.client)
    both = [typed("acme@example.com"), typed("acme@example.com").evolve(name="Mallory")]
    pages = [await registrar.card_page(await registrar.begin(each), PAGE) for each in both]
    async with local_http() as browser:
        for page in pages:
            await browser.post(page, data={"card": "pm_card_visa"})
    found = [each for one in both if (each := await registrar.find(one.registration_id))]
    assert sorted(await asyncio.gather(*map(registrar.go_on, found))) == ["known", "started"]
    (customer,) = await bed.ledger.customers()
    bed.started.append(customer.customer_id)
    (first,) = [each for each in await bed.ledger.registrations() if each.state is RegistrationState.STARTED]
    assert customer == first.customer()
    assert {mail.subject for mail in bed.mails("acme@example.com")} == {
        "Your card is registered",
        "You are registered already",
    }


async def test_who_saved_a_card_first_and_was_interrupted_is_finished_before_the_next(bed: Bed) -> None:
    alive = connect_registrar(bed.settings, bed.adapters, bed.client)
    first, second = typed("acme@example.com"), typed("acme@example.com")
    kept = await alive.begin(first)
    url = await alive.card_page(kept, PAGE)
    async with local_http() as browser:
        await browser.post(url, data={"card": "pm_card_visa"})
    found = await alive.find(first.registration_id)
    assert found is not None
    assert found.session_id
    card = (await bed.adapters.payments.card_of_setup(found.session_id)).card
    saved = found.evolve(state=RegistrationState.SAVED, card=card.on_file)
    assert await bed.ledger.save_registration(saved)
    await visits(alive, second)
    bed.started.append(first.customer_id)
    assert [each.customer_id for each in await bed.ledger.customers()] == [first.customer_id]
    states = {each.registration_id: each.state for each in await bed.ledger.registrations()}
    assert states == {first.registration_id: "started", second.registration_id: "known"}


async def test_one_mail_a_day_tells_a_customer_of_all_who_register_with_their_address(bed: Bed) -> None:
    registrar = connect_registrar(bed.settings, bed.adapters, bed.client)
    await bed.start(await bed.customer("acme", email="acme@example.com"))
    began = datetime.now(UTC).date()
    for _ in range(3):
        await visits(registrar, typed("acme@example.com"))
    another_process = connect_registrar(bed.settings, bed.adapters, bed.client)
    await asyncio.gather(*(visits(another_process, typed("acme@example.com")) for _ in range(5)))
    assert [each.state for each in await bed.ledger.registrations()] == ["known"] * 8
    assert await bed.ledger.registrations(unfinished=True) == []
    days = (datetime.now(UTC).date() - began).days + 1
    assert [mail.subject for mail in bed.mails("acme@example.com")] in (
        ["You are registered already"] * count for count in range(1, days + 1)
    )


async def check_once(bed: Bed, email: str) -> None:
    """One customer of this email, who is billed and told; one at Stripe; nothing is left to do."""
    assert [each.email for each in await bed.ledger.registrations(unfinished=True)] == []
    (customer,) = [each for each in await bed.ledger.customers() if each.email == email]
    bed.started.append(customer.customer_id)
    assert (await bed.month(customer.customer_id)).customer == customer
    payers = [each["id"] for each in bed.objects("customer") if each["email"] == email]
    assert payers == [customer.card_on_file.payer_id]


async def test_a_crash_after_any_step_of_a_registration_leaves_one_customer(bed: Bed) -> None:
    crashes = 0
    while True:
        email = f"ann{crashes}@example.com"
        wanted = typed(email)
        registrar, _ = mortal(bed, crashes + 1)
        try:
            await visits(registrar, wanted)
            break
        except Crashed:
            crashes += 1
        alive = connect_registrar(bed.settings, bed.adapters, bed.client)
        await alive.sweep(datetime.now(UTC) + LATER)
        if not any(each.email == email for each in await bed.ledger.customers()):
            await visits(alive, wanted)
        await check_once(bed, email)
        told = [mail for mail in bed.mails(email) if mail.subject == "Your card is registered"]
        assert len({mail.message_id for mail in told}) == 1
    assert crashes > 15
    await check_once(bed, email)


async def test_a_crash_after_any_step_of_an_import_leaves_one_customer(bed: Bed) -> None:
    crashes = 0
    while True:
        wanted = listed(f"tok-{crashes}")
        registrar, _ = mortal(bed, crashes + 1)
        try:
            await registrar.import_customer(wanted, "tok_visa")
            break
        except Crashed:
            crashes += 1
        alive = connect_registrar(bed.settings, bed.adapters, bed.client)
        assert (await alive.import_customer(wanted, "tok_visa")).state is RegistrationState.STARTED
        await check_once(bed, wanted.email)
        assert bed.mails(wanted.email) == []
    assert crashes > 10
    await check_once(bed, wanted.email)


async def test_a_token_becomes_a_card_that_is_charged(bed: Bed) -> None:
    registrar = connect_registrar(bed.settings, bed.adapters, bed.client)
    done = await registrar.import_customer(listed("acme"), "tok_mastercard")
    assert done.card is not None
    assert (done.card.last4, done.card.card_id[:5]) == ("4444", "card_")
    customer = done.customer()
    bed.started.append("acme")
    month = await bed.month("acme")
    bed.sales(month.period, (customer.mailbox, "100", "Bread"))
    await bed.skip_to("acme", month.import_at)
    await bed.drafted("acme", month.period)
    await bed.closed("acme")
    assert bed.charged("acme") == [(month.period, 10_000)]


@pytest.mark.parametrize("token", ["tok_chargeDeclined", "tok_unknown"])
async def test_a_token_that_is_refused_can_be_corrected_and_repeated(bed: Bed, token: str) -> None:
    registrar = connect_registrar(bed.settings, bed.adapters, bed.client)
    for _ in range(2):
        with pytest.raises(CardMissing, match=r"I-acme: Stripe refuses the token; send the customer a link"):
            await registrar.import_customer(listed("acme"), token)
    assert bed.objects("customer") == []
    await registrar.import_customer(listed("acme", "acme@new.example"), "tok_visa")
    await check_once(bed, "acme@new.example")


async def test_an_import_with_a_customers_email_is_refused_before_anything_is_made(bed: Bed) -> None:
    registrar = connect_registrar(bed.settings, bed.adapters, bed.client)
    await registrar.import_customer(listed("acme"), "tok_visa")
    bed.started.append("acme")
    with pytest.raises(InvalidInput, match="bolt: acme has the same email"):
        await registrar.import_customer(listed("bolt", "acme@example.com"), "tok_visa")
    assert len(bed.objects("customer")) == 1


async def test_an_import_and_a_registration_of_one_email_do_not_make_two_customers(bed: Bed) -> None:
    registrar = connect_registrar(bed.settings, bed.adapters, bed.client)
    begun = typed("acme@example.com")
    await registrar.begin(begun)  # by anybody: it keeps nobody from being imported
    await registrar.import_customer(listed("acme"), "tok_visa")
    bed.started.append("acme")
    await visits(registrar, begun)
    assert [each.customer_id for each in await bed.ledger.customers()] == ["acme"]
    assert [mail.subject for mail in bed.mails("acme@example.com")] == ["You are registered already"]


async def test_whose_token_is_refused_registers_a_card_and_is_the_customer_of_the_import(bed: Bed) -> None:
    """By the link that is theirs: the operator's, or one that is mailed to who registers with that address."""
    registrar = connect_registrar(bed.settings, bed.adapters, bed.client)
    with pytest.raises(CardMissing, match=r"python starter\.py customers link bolt "):
        await registrar.import_customer(listed("bolt", currency="usd"), "tok_unknown")
    await visits(registrar, typed("bolt@example.com").evolve(name="Mallory"))
    assert await bed.ledger.customers() == []
    (mail,) = bed.mails("bolt@example.com")
    assert (mail.subject, "Mallory" in mail.text) == ("Your card is still missing", False)
    link = re.search(r"/registration/(\S+)", mail.text)
    assert link is not None
    theirs = await registrar.find(bed.settings.links.read_registration(link[1], datetime.now(UTC)))
    assert theirs is not None
    await visits(registrar, theirs)
    customer = await bed.ledger.customer("bolt")
    assert customer is not None
    bed.started.append("bolt")
    assert (customer.name, customer.currency) == ("Acme", "usd")
    assert (await bed.month("bolt")).customer == customer
    assert await bed.ledger.registrations(unfinished=True) == []
    assert [mail.subject for mail in bed.mails("bolt@example.com")][1:] == ["Your card is registered"]


async def test_somebody_else_who_gets_the_email_first_keeps_it(bed: Bed) -> None:
    """A customer is started by an operator between the form and the card."""
    registrar = connect_registrar(bed.settings, bed.adapters, bed.client)
    registration = await registrar.begin(typed("acme@example.com"))
    url = await registrar.card_page(registration, PAGE)
    customer = await bed.customer("acme", email="acme@example.com")
    bed.started.append("acme")
    await start_customer(bed.client, bed.ledger, bed.adapters.payments, customer)
    async with local_http() as browser:
        await browser.post(url, data={"card": "pm_card_visa"})
    results = await registrar.sweep(datetime.now(UTC))
    assert results == {registration.registration_id: "known"}
    assert [each.customer_id for each in await bed.ledger.customers()] == ["acme"]
    assert [mail.subject for mail in bed.mails("acme@example.com")] == ["You are registered already"]


async def test_a_card_that_an_operator_has_put_into_a_file_meanwhile_stays_that_customers(bed: Bed) -> None:
    """It was copied from Stripe's dashboard before the registration was finished."""
    registrar = connect_registrar(bed.settings, bed.adapters, bed.client)
    registration = await registrar.begin(typed("acme@example.com"))
    url = await registrar.card_page(registration, PAGE)
    async with local_http() as browser:
        await browser.post(url, data={"card": "pm_card_visa"})
    found = await registrar.find(registration.registration_id)
    assert found is not None
    assert found.session_id
    card = (await bed.adapters.payments.card_of_setup(found.session_id)).card
    customer = (await bed.customer("acme", email="acme@example.com")).evolve(payment_method=card.on_file)
    bed.started.append("acme")
    await start_customer(bed.client, bed.ledger, bed.adapters.payments, customer)
    assert await registrar.sweep(datetime.now(UTC)) == {registration.registration_id: "known"}
    assert (await bed.adapters.payments.card(card.card_id)).payer_id == card.payer_id
