"""Money of orders that people have to hear of, on SQLite and PostgreSQL."""

import pytest

from adapters.sql.ledger import SqlLedger
from billing.receivables.incoming import PaymentKind
from tests.contract.order_fixtures import credit, ledger, released, standing, told
from tests.ordering import (
    AT,
    LATER,
    back,
    cancel,
    payment,
    request,
)

__all__ = ["ledger"]  # fixture


async def test_people_hear_of_more_than_was_owed_once(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    for _ in range(2):
        await ledger.book(payment(12000), AT)
    (alert,) = await ledger.alerts()
    assert alert.text == (
        "20.00 EUR of payment one (transfer) is credit of buyer: it is more than was owed for the order 1042; give it "
        "back, or their next order uses it"
    )
    assert (alert.order_number, [remedy.action for remedy in alert.remedies]) == ("1042", ["refund_payment"])


async def test_people_hear_of_money_that_comes_after_the_end(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.change_order("1042", cancel(), AT)
    await ledger.book(payment(10000), LATER)
    assert await told(ledger) == [
        "100.00 EUR of payment one (transfer) is credit of buyer: the order 1042 is not open any more; give it back, "
        "or their next order uses it"
    ]


async def test_people_hear_of_money_for_an_order_that_its_payer_does_not_have(ledger: SqlLedger) -> None:
    await ledger.open_order(request("1"), AT)
    await ledger.book(payment(10000, number="2"), AT)
    (text,) = await told(ledger)
    assert "buyer, who has no order 2; if it is opened for them, this pays it" in text


@pytest.mark.parametrize("amount_minor", [4000, 10000])
async def test_money_that_pays_what_is_owed_leaves_no_doubt(ledger: SqlLedger, amount_minor: int) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(amount_minor), AT)
    assert await told(ledger) == []


@pytest.mark.parametrize("kind", [PaymentKind.REFUND, PaymentKind.CHARGEBACK])
async def test_an_order_that_credit_has_paid_is_owed_again_once_that_money_goes_back(
    ledger: SqlLedger, kind: PaymentKind
) -> None:
    paid = payment(10000, "first", "1")
    await ledger.open_order(request("1"), AT)
    await ledger.book(paid.evolve(amount_minor=4000), AT)
    await ledger.change_order("1", cancel(), AT)
    await ledger.open_order(request("2", 4000), AT)
    assert await released(ledger, "2") == ["production"]
    for _ in range(2):
        await ledger.book(back(4000, paid, kind), LATER)
    assert ((await standing(ledger, "2")).owed_minor, await credit(ledger)) == (4000, 0)
    assert [alert.order_number for alert in await ledger.alerts()] == ["2"]
