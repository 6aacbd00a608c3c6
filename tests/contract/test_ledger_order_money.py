"""Money of orders: credit that pays them, what is given up of them, tolerance, and buyers of many orders."""

from datetime import timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from adapters.sql.receivables import journal
from billing.period import Period
from billing.receivables.incoming import PaymentKind
from billing.receivables.journal import Cause, Subject, Transaction, billed, moved, receivable, settlement
from billing.receivables.journal import credit as credited
from orders import ports
from orders.order import OrderStage
from orders.ports import OrderFilter, TooManyOrders
from tests.contract.ledger_fixtures import drafted, leave
from tests.contract.order_fixtures import credit, ledger, released, standing, told
from tests.ordering import AT, BUYER, LATER, amend, back, cancel, halt, payment, request

__all__ = ["ledger"]  # fixture


async def announced(ledger: SqlLedger, amount_minor: int) -> None:
    """The bill of a month, due long after the orders."""
    month = Subject.month(Period("2026-11"))
    entries = moved(amount_minor, "eur", receivable("acme", month), billed("acme", month))
    dated = (entries[0].evolve(due_at=LATER + timedelta(days=9)), entries[1])
    notice = Transaction(key="a notice", cause=Cause.NOTICE, at=AT, customer_id="acme", entries=dated)

    def write() -> None:
        with ledger._writing("announce") as connection:
            journal.post(connection, [notice])

    await ledger.run(write)


async def given_up(ledger: SqlLedger) -> None:
    """Everything that the buyer owes is written off, by a way that nothing checks."""
    posted = settlement("buyer", await ledger.balance("buyer"), "ann", "never comes", LATER)
    assert posted is not None

    def write() -> None:
        with ledger._writing("write off") as connection:
            journal.post(connection, [posted])

    await ledger.run(write)


async def test_what_goes_back_is_owed_again_for_orders_that_credit_paid_and_no_other_debt_is(ledger: SqlLedger) -> None:
    await leave(ledger, "buyer", -10000, "eur")
    await ledger.open_order(request(deposit_percent=30), AT)
    await leave(ledger, "buyer", 40, "eur", "a debt")
    await ledger.open_order(request("2"), AT)
    other = payment(10000, "for 2", "2")
    await ledger.book(other, AT)
    await ledger.book(back(4000, other, PaymentKind.CHARGEBACK), LATER)
    assert ((await standing(ledger)).owed_minor, (await standing(ledger, "2")).owed_minor) == (0, 4000)
    won = back(-4000, other, PaymentKind.CHARGEBACK).evolve(reference="won")
    await ledger.book(won, LATER)
    assert ((await standing(ledger)).owed_minor, (await standing(ledger, "2")).owed_minor) == (0, 0)


async def test_an_order_that_lost_its_credit_has_it_again_once_the_dispute_is_won(ledger: SqlLedger) -> None:
    await ledger.open_order(request("1"), AT)
    await ledger.change_order("1", halt(), AT)
    paid = payment(10000, number="1")
    await ledger.book(paid, AT)
    await ledger.change_order("1", cancel(), AT)
    await ledger.open_order(request("2", 4000), AT)
    await ledger.open_order(request("3", 12000), AT)
    assert ((await standing(ledger, "3")).owed_minor, await credit(ledger)) == (6000, 0)
    await ledger.book(back(10000, paid, PaymentKind.CHARGEBACK), LATER)
    assert [(await standing(ledger, number)).owed_minor for number in "23"] == [4000, 12000]
    await ledger.book(payment(1000, "part", "3"), LATER)
    await ledger.book(back(-10000, paid, PaymentKind.CHARGEBACK).evolve(reference="won"), LATER)
    assert [(await standing(ledger, number)).owed_minor for number in "23"] == [0, 5000]
    assert (await credit(ledger), await released(ledger, "3")) == (0, [])


async def test_what_the_tolerance_forgives_is_not_asked_for_again(ledger: SqlLedger) -> None:
    await ledger.open_order(request(tolerance_minor=100, deposit_percent=30), AT)
    await ledger.book(payment(2950), AT)
    (owed,) = (await ledger.balance("buyer")).owed
    assert (await released(ledger), owed.amount_minor) == (["production"], 7050)
    await ledger.book(payment(7000, "two"), AT)
    balance = await ledger.balance("buyer")
    assert (balance.owed, balance.given_up(Subject.order("1042"), "eur")) == ((), 50)
    paid = await standing(ledger)
    assert (await released(ledger), paid.owed_minor, paid.stage) == (
        ["production", "shipment"],
        50,
        OrderStage.RELEASED,
    )
    (written,) = [each for each in await ledger.transactions("buyer") if each.cause is Cause.WRITE_OFF]
    assert (written.by, written.reason) == (None, "within the tolerance of order 1042")
    await ledger.book(payment(500, "nameless", None), LATER)
    assert await credit(ledger) == 500
    await ledger.book(payment(50, "three"), LATER)
    assert ((await standing(ledger)).owed_minor, await ledger.released_unpaid([]), await told(ledger)) == (0, [], [])


async def test_money_without_a_subject_pays_months_before_orders(ledger: SqlLedger) -> None:
    await ledger.record(drafted(), AT)
    await ledger.open_order(request(buyer=BUYER.evolve(customer_id="acme")), AT)
    await announced(ledger, 5000)
    await ledger.book(payment(5000, "early", None, customer_id="acme"), AT)
    assert [item.subject for item in (await ledger.balance("acme")).owed] == [Subject.order("1042")]
    await ledger.book(payment(6000, "more", None, customer_id="acme"), LATER)
    assert ((await standing(ledger)).owed_minor, await credit(ledger, "acme")) == (4000, 0)


@pytest.mark.parametrize("paid_minor", [0, 4000])
async def test_what_was_given_up_of_an_order_was_not_paid_when_it_ends(ledger: SqlLedger, paid_minor: int) -> None:
    await ledger.open_order(request(expires_at=LATER), AT)
    if paid_minor:
        await ledger.book(payment(paid_minor), AT)
    await given_up(ledger)
    await ledger.expire_order("1042", LATER)
    balance = await ledger.balance("buyer")
    assert (await credit(ledger), balance.owed, balance.written_off) == (paid_minor, (), ())
    assert (await ledger.open_order(request("2"), LATER)).standing.owed_minor == 10000 - paid_minor


async def test_what_was_given_up_of_an_order_is_owed_again_once_it_is_amended(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(1000), AT)
    await given_up(ledger)
    changed, text = await ledger.change_order("1042", amend(6000), LATER)
    assert (changed.owed_minor, text, await credit(ledger)) == (5000, "amended to version 2, 60.00 EUR", 0)
    balance = await ledger.balance("buyer")
    (owed,) = balance.owed
    assert (owed.amount_minor, owed.due_at, balance.written_off) == (5000, AT, ())


@pytest.mark.parametrize("paid_minor", [0, 4000])
async def test_nothing_is_paid_of_an_order_that_has_ended(ledger: SqlLedger, paid_minor: int) -> None:
    await ledger.open_order(request(expires_at=LATER), AT)
    if paid_minor:
        await ledger.book(payment(paid_minor), AT)
    ended = await ledger.expire_order("1042", LATER)
    assert (ended.paid_minor, ended.paid, ended.owed_minor) == (0, "0.00 EUR", 0)
    assert [row.paid_minor for row in (await ledger.orders(OrderFilter())).rows] == [0]


async def test_a_buyer_whose_credit_came_for_more_subjects_than_can_be_read_orders_and_pays(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    early = payment(1000, "early", "7")
    await ledger.book(early, AT)

    def write() -> None:
        with ledger._writing("leave credit of many orders") as connection:
            for part in range(6):
                subjects = [Subject.order(f"gone-{part}-{number}") for number in range(2000)]
                entries = [
                    entry for of in subjects for entry in moved(1, "eur", billed("buyer", of), credited("buyer", of))
                ]
                posted = Transaction(
                    key=f"{part}", cause=Cause.OPENING, at=AT, customer_id="buyer", entries=tuple(entries)
                )
                journal.post(connection, [posted])

    await ledger.run(write)
    assert await credit(ledger) == 13000
    opened = await ledger.open_order(request("2", 15000), LATER)
    assert (opened.standing.owed_minor, await credit(ledger)) == (2000, 0)
    await ledger.book(payment(10000), LATER)
    assert await released(ledger) == ["production"]
    await ledger.book(back(1000, early), LATER)
    assert (await standing(ledger, "2")).owed_minor == 3000


async def test_a_buyer_may_have_so_many_open_orders(ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "OPEN_MAX", 2)
    for number in ("1", "2", "2"):
        await ledger.open_order(request(number), AT)
    await ledger.open_order(request("another", buyer=BUYER.evolve(customer_id="other")), AT)
    with pytest.raises(TooManyOrders, match="buyer has 2 open orders, and may have 2: cancel what nobody will pay"):
        await ledger.open_order(request("3"), AT)
    await ledger.change_order("1", cancel(), AT)
    assert (await ledger.open_order(request("3"), AT)).is_new


async def test_no_more_is_owed_for_an_order_than_its_price_and_the_rest_for_one_that_credit_has_paid(
    ledger: SqlLedger,
) -> None:
    first, second = payment(100, "first", None), payment(10000, "second", "2")
    await ledger.book(first, AT)
    await ledger.open_order(request("1", 100), AT)
    await ledger.book(second, AT)
    await ledger.book(back(100, first), LATER)
    await ledger.open_order(request("2", 10000), AT)
    for minor in (100, 9900):
        await ledger.book(back(minor, second), LATER)
    assert [(await standing(ledger, number)).owed_minor for number in "12"] == [100, 10000]
    assert await credit(ledger) == 0
    for minor in (9900, 100):
        await ledger.book(back(-minor, second).evolve(reference=f"failed {minor}"), LATER)
    assert [(await standing(ledger, number)).owed_minor for number in "12"] == [0, 100]


@pytest.mark.parametrize("comes_back", [PaymentKind.REFUND, PaymentKind.CHARGEBACK])
async def test_money_that_went_back_twice_and_comes_back_once_pays_no_order(
    ledger: SqlLedger, comes_back: PaymentKind
) -> None:
    await ledger.open_order(request(), AT)
    await ledger.change_order("1042", halt(), AT)
    paid = payment(10000)
    await ledger.book(paid, AT)
    for kind in (PaymentKind.CHARGEBACK, PaymentKind.REFUND):
        await ledger.book(back(10000, paid, kind).evolve(reference=kind), LATER)
    assert ((await standing(ledger)).owed_minor, await credit(ledger)) == (10000, -10000)
    await ledger.book(back(-10000, paid, comes_back).evolve(reference="won"), LATER)
    assert ((await standing(ledger)).owed_minor, await credit(ledger)) == (10000, 0)


async def test_credit_that_is_there_again_does_not_pay_what_the_tolerance_has_forgiven(ledger: SqlLedger) -> None:
    first, more = payment(9950, "first", None), payment(10000, "more", None)
    await ledger.book(first, AT)
    await ledger.open_order(request(tolerance_minor=50), AT)
    for given in (first, more):
        if given is more:
            await ledger.book(more, LATER)
        lost = back(5000, given, PaymentKind.CHARGEBACK)
        await ledger.book(lost, LATER)
        await ledger.book(lost.evolve(reference=f"won {given.reference}", amount_minor=5000), LATER)
    balance = await ledger.balance("buyer")
    assert (balance.owed, balance.given_up(Subject.order("1042"), "eur")) == ((), 50)
    assert await credit(ledger) == 10000


@pytest.mark.parametrize("kind", [PaymentKind.REFUND, PaymentKind.CHARGEBACK])
async def test_what_the_tolerance_has_forgiven_stays_so_when_money_comes_back(
    ledger: SqlLedger, kind: PaymentKind
) -> None:
    paid = payment(9950)
    await ledger.open_order(request(tolerance_minor=50), AT)
    await ledger.book(paid, AT)
    await ledger.book(back(9950, paid, kind), LATER)
    await ledger.book(back(-9950, paid, kind).evolve(reference="again"), LATER)
    balance = await ledger.balance("buyer")
    assert (balance.owed, balance.given_up(Subject.order("1042"), "eur")) == ((), 50)
