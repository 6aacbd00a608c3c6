"""Newcomers by a file of tokens: interrupted, refused, at once with a registration: one customer each."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from billing.customers.registration import Registration, RegistrationState, import_id
from billing.errors import CardMissing, InvalidInput
from bootstrap import connect_registrar
from clients.start import start_customer
from sandbox.stand_ins.control import local_http
from tests.bed import Bed
from tests.workflows.newcomers import PAGE, Crashed, check_once, mortal, typed, visits


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
