"""Registrations in the ledger: of each email one card at a time, and of two changes at once only one."""

import asyncio
from datetime import timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from billing.customers.customer import ReviewMode, Terms
from billing.customers.registration import Consent, Registration, RegistrationState
from billing.invoices.stages import Stage
from billing.payments.methods import CardOnFile
from tests.contract.ledger_fixtures import ACME, AT, LATER, drafted, opened, read

OPEN, SAVED, STARTED, KNOWN = RegistrationState
CONSENT = Consent(version="1", text="I agree, Añ 茶", at=AT)


def registration(name: str, email: str = "", **fields: object) -> Registration:
    values: dict[str, object] = {
        "registration_id": f"R-{name}",
        "email": email or f"{name}@example.com",
        "name": name.title(),
        "currency": "eur",
        "timezone": "Europe/Paris",
        "consent": CONSENT,
        "customer_id": f"c-{name}",
        "created_at": AT,
        "updated_at": AT,
    }
    return Registration.model_validate(values | fields)


async def test_a_registration_is_kept_as_it_is(ledger: SqlLedger) -> None:
    for each in (registration("ann"), registration("bob", consent=None, told_at=LATER, created_at=LATER)):
        assert await ledger.open_registration(each) == each
        assert await ledger.registration(each.registration_id) == each
    assert [each.registration_id for each in await ledger.registrations()] == ["R-ann", "R-bob"]
    assert await ledger.registration("R-nobody") is None


async def test_one_of_an_email_does_not_show_or_change_another_and_only_one_is_saved_at_a_time(
    ledger: SqlLedger,
) -> None:
    ann = await ledger.open_registration(registration("ann"))
    bob = await ledger.open_registration(registration("bob", email=ann.email, created_at=LATER))
    assert (ann.registration_id, bob.registration_id) == ("R-ann", "R-bob")
    assert await ledger.registrations_of(ann.email) == [ann, bob]
    assert await ledger.save_registration(ann.evolve(state=SAVED))
    assert not await ledger.save_registration(bob.evolve(state=SAVED))
    assert await ledger.save_registration(bob.evolve(session_id="cs_1"))
    assert await ledger.save_registration(ann.evolve(state=STARTED, revision=1))
    assert await ledger.save_registration(bob.evolve(state=SAVED, revision=1))
    assert [each.registration_id for each in await ledger.registrations_of(ann.email)] == ["R-bob"]


async def test_of_many_cards_for_one_email_at_once_one_is_saved(ledger: SqlLedger) -> None:
    wanted = [registration(f"ann{n}", email="ann@example.com") for n in range(6)]
    opened = await asyncio.gather(*map(ledger.open_registration, wanted))
    saved = await asyncio.gather(*(ledger.save_registration(each.evolve(state=SAVED)) for each in opened))
    assert sorted(saved) == [False] * 5 + [True]


async def test_an_email_that_is_on_its_way_is_the_same_however_it_is_typed(ledger: SqlLedger) -> None:
    ann = await ledger.open_registration(registration("ann", email="Ann@Stra\u00dfe.example"))
    bob = await ledger.open_registration(registration("bob", email="ann@xn--strae-oqa.example", created_at=LATER))
    eve = await ledger.open_registration(registration("eve", email="ann@strasse.example"))
    assert (ann.email, bob.email) == ("Ann@Stra\u00dfe.example", "ann@xn--strae-oqa.example")
    assert await ledger.registrations_of("ANN@stra\u00dfe.example") == [ann, bob]
    assert await ledger.save_registration(ann.evolve(state=SAVED))
    assert not await ledger.save_registration(bob.evolve(state=SAVED))
    assert await ledger.save_registration(eve.evolve(state=SAVED))


async def test_a_repeat_is_answered_with_what_has_become_of_it(ledger: SqlLedger) -> None:
    ann = await ledger.open_registration(registration("ann"))
    await ledger.save_registration(ann.evolve(state=STARTED))
    await ledger.open_registration(registration("bob", email=ann.email))
    assert (await ledger.open_registration(registration("ann"))).state is STARTED


async def test_a_customer_id_is_given_once(ledger: SqlLedger) -> None:
    ann = await ledger.open_registration(registration("ann"))
    assert await ledger.open_registration(registration("bob", customer_id="c-ann")) == ann


async def test_a_form_that_is_sent_many_times_at_once_makes_one_registration(ledger: SqlLedger) -> None:
    wanted = [registration("ann", customer_id=f"c-{n}") for n in range(6)]
    found = await asyncio.gather(*map(ledger.open_registration, wanted))
    assert len({each.registration_id for each in found}) == 1
    assert len(await ledger.registrations()) == 1


async def test_of_two_changes_at_once_one_is_kept(ledger: SqlLedger) -> None:
    ann = await ledger.open_registration(registration("ann"))
    cards = [ann.evolve(state=SAVED, card=CardOnFile(payer_id="cus_1", card_id=f"pm_{n}")) for n in range(6)]
    kept = await asyncio.gather(*map(ledger.save_registration, cards))
    assert sorted(kept) == [False] * 5 + [True]
    assert await ledger.registration("R-ann") == cards[kept.index(True)].evolve(revision=1)


async def test_the_terms_of_a_file_come_back(ledger: SqlLedger) -> None:
    terms = Terms(review_mode=ReviewMode.APPROVE, approve_when=("first",), unusual_above_minor=50000)
    ann = registration("ann", terms=terms, card=CardOnFile(payer_id="cus_1", card_id="pm_1"))
    await ledger.open_registration(ann)
    found = await ledger.registration("R-ann")
    assert found == ann
    assert found is not None
    assert found.customer().terms == terms


async def test_unfinished_are_those_that_can_go_on_by_themselves(ledger: SqlLedger) -> None:
    wanted: dict[str, dict[str, object]] = {
        "typed": {},
        "page": {"session_id": "cs_1"},
        "saved": {"state": SAVED},
        "untold": {"state": STARTED},
        "unsaid": {"state": KNOWN},
        "told": {"state": STARTED, "told_at": AT},
    }
    for name, fields in wanted.items():
        await ledger.open_registration(registration(name).evolve(**fields))
    found = await ledger.registrations(unfinished=True)
    assert [each.registration_id for each in found] == ["R-page", "R-saved", "R-unsaid", "R-untold"]


async def test_only_what_was_abandoned_without_a_card_is_forgotten(ledger: SqlLedger) -> None:
    for each in (
        registration("old"),
        registration("young", updated_at=LATER),
        registration("page", session_id="cs_1"),
        registration("saved", state=SAVED),
        registration("imported", registration_id="I-imported"),
    ):
        await ledger.open_registration(each)
    assert await ledger.forget_registrations(LATER) == 1
    left = {each.registration_id for each in await ledger.registrations()}
    assert left == {"R-young", "R-page", "R-saved", "I-imported"}


async def test_tries_are_counted_by_origin_and_forgotten(ledger: SqlLedger, url: str) -> None:
    hour = timedelta(hours=1)
    counts = [await ledger.try_registration("here", AT + n * timedelta(minutes=25), AT - hour) for n in range(3)]
    assert counts == [1, 2, 3]
    assert await ledger.try_registration("there", AT, AT - hour) == 1
    assert await ledger.try_registration("here", LATER + hour, LATER) == 1
    assert read(url, "SELECT count(*) FROM registration_tries") == [(1,)]


async def test_many_tries_at_once_are_all_counted(ledger: SqlLedger) -> None:
    counts = await asyncio.gather(*(ledger.try_registration("here", AT, AT) for _ in range(6)))
    assert max(counts) <= 6
    assert await ledger.try_registration("here", AT, AT) == 7


@pytest.mark.parametrize("closed", [False, True])
async def test_the_roster_has_closed_accounts_and_an_email_leads_to_the_open_one(
    ledger: SqlLedger, closed: bool
) -> None:
    await ledger.record(drafted(), AT)
    if closed:
        leaving = drafted().evolve(leaving="ann: moved", revision=9)
        await ledger.record(leaving.close(Stage.SKIPPED, LATER), LATER)
    (row,) = [each async for each in ledger.roster()]
    assert row.customer_id == "acme"
    assert (row.closed_reason, row.closed_at is None) == (("ann: moved", False) if closed else ("", True))
    found = await ledger.customer_by_email(ACME.mailbox)
    assert found == (None if closed else opened().customer)
