"""Account numbers and personal numbers in the ledger, on SQLite and PostgreSQL alike."""

import asyncio

import pytest

from adapters.sql.ledger import SqlLedger
from billing.customers.account_numbers import AccountKey, PersonalKey
from billing.errors import InvalidInput, NotFound
from billing.invoices.stages import Stage
from billing.subscribers.service import NewService
from tests.contract.erase_fixtures import closed_month, dump
from tests.contract.ledger_fixtures import AT, LATER, opened

NUMBER, OTHER = "1000009", "2000008"
BY = "ann", "contract 17", AT


async def two_customers(ledger: SqlLedger) -> None:
    await ledger.record(opened(), AT)
    await ledger.record(opened(customer_id="bergson", email="b@example.com"), AT)


async def test_a_number_names_one_customer_open_or_closed_and_is_never_given_again(ledger: SqlLedger) -> None:
    await two_customers(ledger)
    first = await ledger.open_number("acme", NUMBER, *BY)
    assert await ledger.open_number("acme", NUMBER, "bob", "again", LATER) == first
    with pytest.raises(InvalidInput, match="is acme's"):
        await ledger.open_number("bergson", NUMBER, *BY)
    closed = await ledger.close_number(NUMBER, "bob", "moved away", LATER)
    assert (closed.opened_by, closed.closed_by, closed.closed_why, closed.closed_at) == (
        "ann",
        "bob",
        "moved away",
        LATER,
    )
    assert await ledger.close_number(NUMBER, "eve", "again", LATER) == closed
    assert await ledger.account_owner(AccountKey(number=NUMBER)) == "acme"
    with pytest.raises(InvalidInput, match="never given again"):
        await ledger.open_number("acme", NUMBER, *BY)
    with pytest.raises(NotFound):
        await ledger.close_number(OTHER, *BY)
    with pytest.raises(NotFound):
        await ledger.open_number("nobody", None, *BY)


async def test_a_customer_keeps_the_number_they_have_unless_another_one_is_asked_for(ledger: SqlLedger) -> None:
    await two_customers(ledger)
    given = await asyncio.gather(*(ledger.open_number("acme", None, *BY) for _ in range(4)))
    assert len({account.number for account in given}) == 1
    another = await ledger.open_number("acme", None, *BY, another=True)
    await ledger.close_number(given[0].number, *BY)
    assert [account.number for account in await ledger.numbers_of("acme")] == [another.number, given[0].number]


async def test_a_personal_number_is_one_customers_and_replaced_as_a_whole(ledger: SqlLedger) -> None:
    await two_customers(ledger)
    await ledger.keep_personal("acme", "d1", "0007", "ann", AT)
    await ledger.keep_personal("acme", "d1", "0007", "bob", LATER)
    with pytest.raises(InvalidInput, match="another customer's"):
        await ledger.keep_personal("bergson", "d1", "0007", "ann", AT)
    await ledger.keep_personal("acme", "d2", "0020", "ann", LATER)
    assert await ledger.account_owner(AccountKey(personal="d1")) is None
    assert await ledger.account_owner(AccountKey(personal="d2")) == "acme"
    kept = await ledger.personal_number("acme")
    assert kept is not None
    assert kept.last_four == "0020"
    assert await ledger.drop_personal("acme")
    assert not await ledger.drop_personal("acme")


async def test_an_account_whose_personal_number_is_another_customers_is_not_registered(ledger: SqlLedger) -> None:
    await two_customers(ledger)
    wanted = NewService(customer_id="acme", personal=PersonalKey(digest="d1", last_four="0007"), by="ann", reason="17")
    for _ in range(2):
        await ledger.register_service(wanted, AT)
    assert await ledger.account_owner(AccountKey(personal="d1")) == "acme"
    with pytest.raises(InvalidInput, match="another customer's"):
        await ledger.register_service(wanted.evolve(customer_id="bergson"), AT)
    assert (len(await ledger.services_of("acme")), await ledger.services_of("bergson")) == (1, [])
    (service,) = await ledger.services_of("acme")
    other = PersonalKey(digest="d2", last_four="0020")
    with pytest.raises(InvalidInput, match="leave it out"):
        await ledger.register_service(wanted.evolve(customer_id="bergson", number=service.number, personal=other), AT)
    assert await ledger.personal_number("bergson") is None, "nothing of what was refused is kept"


async def test_an_erasure_forgets_the_personal_number_and_why_accounts_were_opened(ledger: SqlLedger, url: str) -> None:
    await ledger.record(closed_month(Stage.PAID), AT)
    await ledger.open_number("c77", NUMBER, "ann", "Erika Mustermann's flat", AT)
    await ledger.keep_personal("c77", "d1", "0007", "ann", AT)
    await ledger.settle("c77", "ann", "paid in cash", LATER)
    await ledger.erase("c77", "ann", "asked", LATER)
    assert await ledger.personal_number("c77") is None
    assert await ledger.account_owner(AccountKey(number=NUMBER)) == "c77"  # money for it is still the customer's
    assert "mustermann" not in dump(url)
    assert (await ledger.erase("c77", "ann", "asked", LATER)).rows == 0
