"""Orders in the ledger: what opens, changes and ends them, on SQLite and PostgreSQL."""

from datetime import timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from adapters.sql.receivables import journal
from billing.errors import InvalidInput, NotFound
from billing.money import format_amount
from billing.receivables.journal import Subject
from orders.order import EndKind, OrderStage, ReleaseKind
from orders.ports import OrderFilter
from tests.contract.ledger_fixtures import ACME, drafted, leave
from tests.contract.order_fixtures import credit, ledger, released, sent, standing
from tests.ordering import (
    AT,
    BUYER,
    LATER,
    agreement,
    amend,
    back,
    cancel,
    halt,
    log_of,
    payment,
    request,
)

__all__ = ["ledger"]  # fixture


async def test_an_order_is_taken_in_once_and_billed(ledger: SqlLedger) -> None:
    opened = await ledger.open_order(request(), AT, "ann", "cli")
    again = await ledger.open_order(request(), LATER)
    assert (opened.is_new, again.is_new) == (True, False)
    assert opened.standing == again.standing == await standing(ledger)
    assert (again.standing.stage, again.standing.owed_minor) == (OrderStage.AWAITING_PAYMENT, 10000)
    (owed,) = (await ledger.balance("buyer")).owed
    assert (owed.subject, owed.amount_minor, owed.due_at) == (Subject.order("1042"), 10000, AT)
    assert await ledger.buyer("buyer") == BUYER
    (entry,) = await ledger.order_log("1042")
    assert (entry.what, entry.by, entry.via, entry.text) == ("opened", "ann", "cli", "100.00 EUR")


async def test_another_order_of_the_same_number_is_refused(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    with pytest.raises(InvalidInput, match="1042 is another order already"):
        await ledger.open_order(request(price_minor=9000), AT)
    assert (await standing(ledger)).owed_minor == 10000


async def test_a_customer_who_is_billed_monthly_keeps_their_name(ledger: SqlLedger) -> None:
    await ledger.record(drafted(), AT)
    await ledger.open_order(request(buyer=BUYER.evolve(customer_id="acme")), AT)
    known = await ledger.buyer("acme")
    assert known is not None
    assert (known.name, known.email) == (ACME.name, ACME.email)


async def test_a_buyer_may_become_a_customer(ledger: SqlLedger) -> None:
    await ledger.open_order(request(buyer=BUYER.evolve(customer_id="acme")), AT)
    await ledger.record(drafted(), AT)
    assert await ledger.customer("acme") == ACME
    await ledger.book(payment(10000, customer_id="acme"), LATER)
    assert await released(ledger) == ["production"]


async def test_credit_pays_a_new_order(ledger: SqlLedger) -> None:
    await ledger.open_order(request("1"), AT)
    await leave(ledger, "buyer", -15000, "eur")
    opened = await ledger.open_order(request("2"), AT)
    assert (opened.standing.owed_minor, await credit(ledger)) == (0, 5000)
    assert await released(ledger, "2") == ["production"]
    assert (await ledger.open_order(request("3"), LATER)).standing.owed_minor == 5000


async def test_money_that_came_before_its_order_pays_it_and_is_owed_again_if_it_goes_back(ledger: SqlLedger) -> None:
    await ledger.open_order(request("1", 500), AT)
    early = payment(10000)
    await ledger.book(early, AT)
    assert (await ledger.open_order(request(), LATER)).standing.stage is OrderStage.RELEASED
    await ledger.book(back(10000, early), LATER)
    assert ((await standing(ledger)).owed_minor, await credit(ledger)) == (10000, 0)


async def test_an_amendment_changes_what_is_due(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(4000), AT)
    changed, text = await ledger.change_order("1042", amend(12000), LATER)
    assert (changed.order.version, changed.owed_minor, text) == (2, 8000, "amended to version 2, 120.00 EUR")
    (owed,) = (await ledger.balance("buyer")).owed
    assert (owed.amount_minor, owed.due_at) == (8000, AT)
    await ledger.book(payment(8000, "two"), LATER)
    ((data,), (release,)) = await sent(ledger), (await standing(ledger)).order.releases
    assert (data["version"], data["price_minor"], release.version) == (2, 12000, 2)


async def test_an_amendment_below_what_is_paid_releases_and_the_excess_is_credit(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(4000), AT)
    changed, text = await ledger.change_order("1042", amend(3000), LATER)
    assert (changed.stage, changed.owed_minor, await credit(ledger)) == (OrderStage.RELEASED, 0, 1000)
    assert text == "amended to version 2, 30.00 EUR; 10.00 EUR of what was paid is credit of buyer"
    assert [data["version"] for data in await sent(ledger)] == [2]


async def test_credit_pays_an_order_that_is_amended_to_a_higher_price(ledger: SqlLedger) -> None:
    await ledger.open_order(request(tolerance_minor=50), AT)
    await ledger.change_order("1042", halt(), AT)
    await ledger.book(payment(10000), AT)
    await ledger.change_order("1042", amend(4000), LATER)
    assert await credit(ledger) == 6000
    changed, _ = await ledger.change_order("1042", amend(9000, 2, "change-2"), LATER)
    assert (changed.owed_minor, await credit(ledger)) == (0, 1000)


async def test_an_amendment_of_what_somebody_else_has_amended_is_refused(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.change_order("1042", amend(12000), AT)
    with pytest.raises(InvalidInput, match="has version 2 by now"):
        await ledger.change_order("1042", amend(11000, 1, "change-2"), AT)
    assert (await standing(ledger)).order.price_minor == 12000


async def test_a_repeated_change_has_no_second_effect(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    answers = [await ledger.change_order("1042", amend(12000), AT) for _ in range(2)]
    assert answers[0] == answers[1]
    assert await log_of(ledger) == ["opened", "amended"]
    with pytest.raises(InvalidInput, match="was another change"):
        await ledger.change_order("1042", amend(13000), AT)


async def test_what_is_released_is_neither_amended_nor_cancelled(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(10000), AT)
    for change in (amend(12000), cancel()):
        with pytest.raises(InvalidInput, match="was released already"):
            await ledger.change_order("1042", change, LATER)
    assert await log_of(ledger) == ["opened", "released"]


async def test_an_amendment_that_cannot_be_paid_is_refused(ledger: SqlLedger) -> None:
    await ledger.open_order(request(tolerance_minor=50), AT)
    with pytest.raises(InvalidInput, match="cannot be amended: tolerance_minor"):
        await ledger.change_order("1042", amend(40), AT)
    with pytest.raises(InvalidInput, match="agreed like that already"):
        await ledger.change_order("1042", amend(10000), AT)
    with pytest.raises(NotFound):
        await ledger.change_order("9999", amend(40), AT)


async def test_every_version_of_what_was_agreed_stays_readable(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT, "ann")
    await ledger.change_order("1042", amend(12000), LATER)
    first, second = await ledger.order_versions("1042")
    assert (first.agreed, first.by, first.version) == (agreement(10000), "ann", 1)
    assert (second.agreed.price_minor, second.at) == (12000, LATER)


async def test_cancelling_makes_credit_of_what_was_paid(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(4000), AT)
    ended, text = await ledger.change_order("1042", cancel(), LATER)
    assert (ended.stage, await credit(ledger)) == (OrderStage.CANCELLED, 4000)
    assert text == "cancelled; 40.00 EUR of what was paid is credit of buyer"
    balance = await ledger.balance("buyer")
    assert (balance.owed, balance.credit_from(Subject.order("1042"), "eur")) == ((), 4000)
    with pytest.raises(InvalidInput, match="was cancelled by ann at"):
        await ledger.change_order("1042", halt(), LATER)


async def test_money_after_a_cancellation_is_credit_and_releases_nothing(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.change_order("1042", cancel(), AT)
    await ledger.book(payment(10000), LATER)
    assert (await credit(ledger), await released(ledger)) == (10000, [])


async def test_an_order_expires_unless_enough_is_paid(ledger: SqlLedger) -> None:
    for number in ("1", "2", "3"):
        await ledger.open_order(request(number, expires_at=LATER), AT)
    await ledger.book(payment(4000, "part", "1"), AT)
    await ledger.change_order("2", halt(), AT)
    await ledger.book(payment(10000, "whole", "2"), AT)
    assert (await ledger.expire_order("1", LATER - timedelta(seconds=1))).order.end is None
    for _ in range(2):
        ended = (await ledger.expire_order("1", LATER)).order.end
        assert ended is not None
        assert ended.kind is EndKind.EXPIRED
    assert await credit(ledger) == 4000
    assert (await ledger.expire_order("2", LATER)).stage is OrderStage.HALTED
    await ledger.book(payment(10000, "late", "3"), LATER)
    assert (await ledger.expire_order("3", LATER)).stage is OrderStage.RELEASED
    assert await log_of(ledger, "1") == ["opened", "expired"]


async def test_orders_are_listed_with_their_money(ledger: SqlLedger) -> None:
    for minute, number in enumerate(("1", "2", "3")):
        await ledger.open_order(request(number), AT + timedelta(minutes=minute))
    await ledger.book(payment(4000, "part", "1"), LATER)
    await ledger.book(payment(10000, "whole", "2"), LATER)
    page = await ledger.orders(OrderFilter())
    assert [(row.number, row.owed_minor, row.stage) for row in page.rows] == [
        ("3", 10000, OrderStage.AWAITING_PAYMENT),
        ("2", 0, OrderStage.RELEASED),
        ("1", 6000, OrderStage.PART_PAID),
    ]
    assert (page.rows[1].released_at, page.rows[2].since, page.rows[0].buyer) == (LATER, LATER, BUYER.name)
    assert page.stages == {OrderStage.AWAITING_PAYMENT: 1, OrderStage.RELEASED: 1, OrderStage.PART_PAID: 1}
    assert [row.number for row in (await ledger.orders(OrderFilter(), 1, 1)).rows] == ["2"]
    part = await ledger.orders(OrderFilter(stage=OrderStage.PART_PAID))
    assert ([row.number for row in part.rows], part.count, len(part.stages)) == (["1"], 1, 3)
    for search in ("BO A", "buye", "3"):
        assert (await ledger.orders(OrderFilter(search=search))).rows[0].number == "3"
    assert (await ledger.orders(OrderFilter(search="%"))).count == 0
    assert (await ledger.orders(OrderFilter(customer_id="other"))).count == 0
    await ledger.note_answer("2", ReleaseKind.PRODUCTION, True, "ok", LATER + timedelta(seconds=2))
    assert (await ledger.orders(OrderFilter(open_only=True))).count == 2
    assert await ledger.release_times(AT, LATER + timedelta(hours=1)) == [(LATER, 2.0)]


async def test_what_is_paid_and_not_released_is_found_from_the_journal(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ledger.open_order(request(), AT)
    monkeypatch.setattr(journal, "release_what_is_paid", lambda connection, posted: None)
    await ledger.book(payment(10000), AT)
    (found,) = await ledger.paid_unreleased(LATER, [])
    assert (found.order.number, found.owed_minor) == ("1042", 0)
    assert await ledger.paid_unreleased(AT, []) == []
    assert format_amount(found.paid_minor, "eur") == "100.00 EUR"


async def test_an_order_is_no_part_of_a_customers_month(ledger: SqlLedger) -> None:
    await ledger.record(drafted(), AT)
    await ledger.open_order(request(buyer=BUYER.evolve(customer_id="acme")), AT)
    balance = await ledger.balance("acme")
    assert balance.carried_minor("eur") == 0, "no draft takes it over"
    assert balance.owed_for(Subject.order("1042"), "eur") == 10000
    assert await ledger.debts(customer_id="acme") == [], "nobody collects it"
    await ledger.book(payment(10000, number=None, customer_id="acme"), LATER)
    assert await released(ledger) == ["production"], "no month is announced"


async def test_the_journal_of_an_order_is_exported_under_its_name(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.change_order("1042", cancel(), AT)
    rows = [row async for page in ledger.journal(AT, LATER) for row in page]
    assert {(row.cause, row.subject) for row in rows} == {("notice", "order 1042"), ("void", "order 1042")}
    assert sum(row.amount_minor for row in rows) == 0
    assert [total.closing_minor for total in await ledger.trial_balance()] == [0, 0]
