"""From a registration to a customer who is billed, interrupted after every single step, and gone on with by anybody."""

import asyncio
from datetime import UTC, datetime, timedelta

from billing.customers.registration import RegistrationState
from bootstrap import connect_registrar
from sandbox.stand_ins.control import local_http
from tests.bed import Bed
from tests.workflows.newcomers import PAGE, Crashed, check_once, mortal, typed, visits

LATER = timedelta(minutes=2)


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
