"""What the ledger answers about many customers: those who are to be started, and everybody page by page."""

from datetime import timedelta

import pytest
from sqlalchemy import or_, select, text
from sqlalchemy.dialects import sqlite

from adapters.sql.customers import roster
from adapters.sql.ledger import SqlLedger
from adapters.sql.schema.months import customers
from billing.customers.ports import KnownCustomer
from billing.invoices.month import Month
from billing.payments.methods import CardOnFile
from tests.contract.ledger_fixtures import ACME, AT, DECEMBER, LATER, NOVEMBER, drafted, opened, run

BOLT = ACME.evolve(
    customer_id="bolt", email="b@bolt.example", payment_method=CardOnFile(payer_id="cus_2", card_id="pm_2")
)


async def test_each_who_is_asked_about_is_known_as_far_as_the_ledger_knows_them(ledger: SqlLedger) -> None:
    await ledger.record(opened(), AT)
    await ledger.record(opened(DECEMBER), LATER)
    card_of_acme = ACME.payment_method.evolve(payer_id="cus_3")
    coal = ACME.evolve(customer_id="coal", email="c@coal.example", payment_method=card_of_acme)
    known = await ledger.known([ACME, BOLT, coal])
    assert known == {
        "acme": KnownCustomer(customer=ACME, last=DECEMBER),
        "bolt": KnownCustomer(customer=None),
        "coal": KnownCustomer(customer=None, like=(ACME,)),
    }
    assert await ledger.known([]) == {}


async def test_a_closed_account_is_known_with_its_reason_and_is_like_nobody(ledger: SqlLedger, url: str) -> None:
    await ledger.record(drafted(), AT)
    close = "UPDATE customers SET closed_reason = 'ann: moved away', closed_at = '2026-12-01 03:00:00'"
    run(url, lambda connection: connection.execute(text(close)))
    twin = BOLT.evolve(email=ACME.email)
    known = await ledger.known([ACME, twin])
    acme, bolt = known["acme"], known["bolt"]
    assert isinstance(acme, KnownCustomer)
    assert isinstance(bolt, KnownCustomer)
    assert (acme.closed_reason, bolt.like) == ("ann: moved away", ())


async def test_what_is_on_record_stays_as_it_is_when_first_months_are_recorded(ledger: SqlLedger) -> None:
    await ledger.record(drafted(), LATER)
    await ledger.record_opened([Month.open(BOLT, NOVEMBER), opened()], AT)
    await ledger.record_opened([], AT)
    assert await ledger.month("acme", NOVEMBER) == drafted()
    assert await ledger.month("bolt", NOVEMBER) == Month.open(BOLT, NOVEMBER)
    assert await ledger.customer("bolt") == BOLT
    await ledger.record(Month.open(BOLT, NOVEMBER), AT + timedelta(hours=2))  # as its workflow does


async def test_everybody_is_listed_page_by_page(ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster, "PAGE", 2)
    names = ["acme", "bolt", "coal", "dune", "eden"]
    await ledger.record_opened([opened(customer_id=name) for name in names], AT)
    await ledger.record(opened(DECEMBER, customer_id="coal"), LATER)
    assert [row.customer_id async for row in ledger.roster()] == names
    assert await ledger.count_customers() == 5
    current = {row.customer_id: row.period for row in await ledger.current_invoices()}
    assert current == dict.fromkeys(names, NOVEMBER) | {"coal": DECEMBER}
    row = await ledger.roster_row("dune")
    assert row is not None
    assert row.customer_id == "dune"
    assert await ledger.roster_row("nobody") is None


async def test_nobody_is_compared_with_every_other_customer(ledger: SqlLedger, url: str) -> None:
    if not url.startswith("sqlite"):
        pytest.skip("PostgreSQL chooses by the size of its tables")
    names = ("email_key", "payer_id", "card_id")
    query = select(customers.c.name).where(or_(*(customers.c[name].in_(["a", "b"]) for name in names)))
    asked = str(query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    plan: list[str] = []
    run(url, lambda connection: plan.extend(row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {asked}"))))
    assert not [step for step in plan if step.startswith("SCAN")], plan
