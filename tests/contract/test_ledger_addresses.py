"""Addresses in the ledger, on SQLite and PostgreSQL alike: found by their key, kept as typed, former ones known."""

from adapters.sql.ledger import SqlLedger
from billing.completeness.snapshots import CustomerSnapshot, FormerAddress
from billing.customers.customer import Customer
from billing.customers.ports import KnownCustomer
from billing.invoices.month import Month
from billing.payments.methods import CardOnFile
from tests.contract.ledger_fixtures import ACME, AT, DECEMBER, LATER, NOVEMBER

STRASSE = ACME.evolve(email="Kasse@Stra\u00dfe.example")
BOLT = ACME.evolve(
    customer_id="bolt", email="kasse@strasse.example", payment_method=CardOnFile(payer_id="cus_2", card_id="pm_2")
)


async def former(ledger: SqlLedger, customer_id: str) -> tuple[FormerAddress, ...]:
    found = [each async for page in ledger.accounts(NOVEMBER) for each in page if isinstance(each, CustomerSnapshot)]
    return next(each.former for each in found if each.customer.customer_id == customer_id)


async def moved(ledger: SqlLedger, customer: Customer) -> None:
    await ledger.record(Month.open(customer, DECEMBER), LATER)


async def test_a_customer_is_found_by_an_address_however_it_is_typed_and_has_it_as_typed(ledger: SqlLedger) -> None:
    await ledger.record(Month.open(STRASSE, NOVEMBER), AT)
    await ledger.record(Month.open(BOLT, NOVEMBER), AT)
    for typed in ("kasse@straße.example", "KASSE@XN--STRAE-OQA.example", "kas\u200bse@straße.example"):
        assert await ledger.customer_by_email(typed) == STRASSE
    assert await ledger.customer_by_email("kasse@STRASSE.example") == BOLT
    newcomer = BOLT.evolve(customer_id="c3", email="kasse@straße.example")
    newcomer = newcomer.evolve(payment_method=CardOnFile(payer_id="cus_3", card_id="pm_3"))
    assert await ledger.customers_like(newcomer) == [STRASSE]
    known = (await ledger.known([newcomer]))["c3"]
    assert isinstance(known, KnownCustomer)
    assert known.like == (STRASSE,)
    assert await ledger.customers_of_card("pm_2") == [BOLT]


async def test_former_addresses_are_known_unless_they_are_or_were_somebody_elses(ledger: SqlLedger) -> None:
    await ledger.record(Month.open(STRASSE, NOVEMBER), AT)
    assert await former(ledger, "acme") == ()
    await moved(ledger, STRASSE.evolve(email="new@acme.example"))
    assert await ledger.own_emails("acme") == ["Kasse@Straße.example", "new@acme.example"]
    assert await former(ledger, "acme") == (FormerAddress("Kasse@Straße.example"),)
    await ledger.record(Month.open(BOLT.evolve(email="kasse@straße.example"), NOVEMBER), AT)
    assert await ledger.own_emails("acme") == ["new@acme.example"]
    assert await ledger.own_emails("bolt") == []
    assert await former(ledger, "acme") == (FormerAddress("Kasse@Straße.example", is_shared=True),)
    await moved(ledger, STRASSE)  # and back
    assert await former(ledger, "acme") == (FormerAddress("new@acme.example"),)
