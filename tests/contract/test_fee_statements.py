"""The fee of a service order, paid by transfer: a line of a statement that has the order's number pays it."""

import pytest

from adapters.sql.ledger import SqlLedger
from billing.statements.outcomes import LineOutcome
from orders.procedures.procedure import Fee
from tests.contract.statement_fixtures import NOW, outcomes, owed, paid, taken, told
from tests.service_ordering import CONNECT, YES, done, request, shown

FEE = Fee.model_validate({"code": "connection", "title": "Connection fee", "amount": "100 EUR"})


async def asks_for_fee(ledger: SqlLedger) -> None:
    """Somebody new, who owes 100.00 EUR for their connection."""
    await ledger.open_service_order(request("S-1042", currency="eur"), CONNECT.evolve(fees=(FEE,)), NOW)
    await done(ledger, "S-1042", NOW, possible=YES)


@pytest.mark.parametrize("words", ["Оплата заказа S-1042", "договор S-1042"])
async def test_the_fee_of_a_service_order_that_is_named_is_paid_and_the_order_goes_on(
    ledger: SqlLedger, words: str
) -> None:
    await asks_for_fee(ledger)
    assert outcomes(await taken(ledger, paid(text=words))) == {"booked": 1}
    assert (await owed(ledger, "dana"), (await shown(ledger, "S-1042")).order.step) == (0, "install")
    assert await told(ledger) == []


async def test_an_unclear_word_names_a_service_order_only_for_exactly_its_fee(ledger: SqlLedger) -> None:
    await asks_for_fee(ledger)
    report = await taken(ledger, paid("1", "99.00", "договор S-1042"), paid("2", "99.00", "order S-1042"))
    assert [row.outcome for row in report.rows] == [LineOutcome.UNMATCHED, LineOutcome.BOOKED]
    assert (await shown(ledger, "S-1042")).order.step == "fee"


async def test_a_transfer_for_a_fee_that_is_paid_is_credit_and_a_person_is_told(ledger: SqlLedger) -> None:
    await asks_for_fee(ledger)
    for number in ("1", "2"):
        await taken(ledger, paid(number, text="order S-1042"), name=f"{number}.txt")
    assert (await ledger.balance("dana")).credits == {"eur": -10000}
    (text,) = await told(ledger)
    assert "it is more than was owed for the fee S-1042" in text
