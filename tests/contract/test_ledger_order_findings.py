"""What coverage asks of orders, on SQLite and on PostgreSQL alike: from the journal to the findings."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Select, text
from sqlalchemy.dialects import sqlite

from adapters.sql.ledger import SqlLedger
from adapters.sql.orders import findings
from adapters.sql.orders.rows import as_order
from billing.apart import Failed
from billing.completeness.report import FindingKind
from billing.receivables.incoming import PaymentKind
from billing.receivables.instructions import InstructionKind, InstructionRequest
from billing.receivables.journal import Subject
from orders.order import EndKind, Order, ReleaseKind
from orders.unreleased import PATIENCE
from services.orders.checks import OrderChecks
from tests.contract.ledger_fixtures import run
from tests.ordering import AT, LATER, amend, back, cancel, halt, payment, request, resume

WAITED = LATER + PATIENCE + timedelta(seconds=1)


async def kinds(ledger: SqlLedger) -> dict[str, FindingKind]:
    return {each.order_number: each.kind for each in await OrderChecks(ledger).findings(WAITED)}


async def test_what_is_as_it_should_be_is_no_finding(ledger: SqlLedger) -> None:
    for number in ("unpaid", "part", "paid", "gone"):
        await ledger.open_order(request(number), AT)
    await ledger.book(payment(4_000, "a", "part"), LATER)
    await ledger.book(payment(10_000, "b", "paid"), LATER)
    await ledger.change_order("gone", cancel(), LATER)
    assert await kinds(ledger) == {}


async def test_a_halted_order_that_is_paid_is_found_since_its_payment(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.change_order("1042", halt(), AT)
    await ledger.book(payment(10_000), LATER)
    assert await OrderChecks(ledger).findings(LATER) == [], "it has just been paid"
    (found,) = await OrderChecks(ledger).findings(WAITED)
    assert found.kind is FindingKind.UNRELEASED
    assert "since 2026-12-01 04:00 UTC" in found.text
    assert "halted by ann" in found.text
    assert await OrderChecks(ledger).lost(WAITED) == [], "a person holds it"
    await ledger.change_order("1042", resume(), WAITED)
    assert await kinds(ledger) == {}


async def test_the_brake_is_named_and_then_what_it_has_held_has_a_while(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.pull_brake("ann", "wrong file", "cli", AT)
    await ledger.book(payment(10_000), LATER)
    (found,) = await OrderChecks(ledger).findings(WAITED)
    assert "the emergency brake is on" in found.text
    assert await OrderChecks(ledger).lost(WAITED) == []
    await ledger.release_brake("ann", "right after all", "cli", WAITED)
    assert await OrderChecks(ledger).lost(WAITED + timedelta(seconds=1)) == []
    (lost,) = await OrderChecks(ledger).lost(WAITED + PATIENCE + timedelta(seconds=1))
    assert (lost.since, lost.free_since) == (LATER, WAITED)
    await ledger.release_due("1042", WAITED)
    assert await kinds(ledger) == {}


async def test_a_release_that_was_lost_is_found(ledger: SqlLedger, url: str) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(10_000), LATER)
    run(url, lambda connection: connection.exec_driver_sql("DELETE FROM releases"))
    (lost,) = await OrderChecks(ledger).lost(WAITED)
    assert (lost.standing.order.number, lost.since) == ("1042", LATER)
    (found,) = await OrderChecks(ledger).findings(WAITED)
    assert not found.is_told
    assert "nothing holds it back" in found.text


async def test_money_that_went_back_after_the_release_is_found(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    paid = payment(10_000)
    await ledger.book(paid, LATER)
    await ledger.book(back(2_500, paid, PaymentKind.CHARGEBACK), LATER)
    (found,) = await OrderChecks(ledger).findings(WAITED)
    assert found.kind is FindingKind.RELEASED_UNPAID
    assert "25.00 EUR of 100.00 EUR are owed" in found.text
    await ledger.book(payment(2_500, "again"), LATER)
    assert await kinds(ledger) == {}


@pytest.mark.parametrize("end", EndKind)
async def test_money_of_an_ended_order_is_found_until_it_is_used(ledger: SqlLedger, end: EndKind) -> None:
    expires_at = LATER if end is EndKind.EXPIRED else None
    await ledger.open_order(request(expires_at=expires_at), AT)
    await ledger.book(payment(4_000), AT)
    await (ledger.expire_order("1042", LATER) if expires_at else ledger.change_order("1042", cancel(), LATER))
    await ledger.book(payment(1_500, "late"), LATER)
    (credit,) = await ledger.ended_credits()
    assert (credit.number, credit.customer_id, credit.credit_minor, credit.end) == ("1042", "buyer", 5_500, end)
    await ledger.open_order(request("1043", 5_000), LATER)
    (credit,) = await ledger.ended_credits()
    assert credit.credit_minor == 500, "the next order has used the rest"
    await ledger.open_order(request("1044", 5_000), LATER)
    assert await ledger.ended_credits() == []


async def test_money_of_an_ended_order_that_is_to_go_back_is_asked_for_already(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(4_000), AT)
    await ledger.change_order("1042", cancel(), LATER)
    asked = InstructionRequest(
        instruction_id="i1",
        kind=InstructionKind.REFUND,
        payment=payment(4_000).name,
        amount="30",
        by_hand=True,
        by="ann",
        reason="asked by phone",
        via="cli",
    )
    await ledger.instruct(asked, {}, LATER)
    (credit,) = await ledger.ended_credits()
    assert credit.credit_minor == 1_000
    await ledger.instruct(asked.evolve(instruction_id="i2", amount="10"), {}, LATER)
    assert await ledger.ended_credits() == []
    await ledger.reject("i1", "bob", "they keep it", LATER)
    (credit,) = await ledger.ended_credits()
    assert credit.credit_minor == 3_000


async def test_excess_of_an_order_that_goes_on_is_no_money_of_an_ended_one(ledger: SqlLedger) -> None:
    await ledger.open_order(request(), AT)
    await ledger.book(payment(4_000), LATER)
    await ledger.change_order("1042", amend(3_000), LATER)
    assert await ledger.ended_credits() == []


async def test_every_change_and_every_movement_of_money_is_another_pulse(ledger: SqlLedger) -> None:
    pulses = [await ledger.orders_pulse()]
    await ledger.open_order(request(), AT)
    pulses.append(await ledger.orders_pulse())
    await ledger.change_order("1042", halt(), AT)
    pulses.append(await ledger.orders_pulse())
    await ledger.book(payment(4_000), LATER)
    pulses.append(await ledger.orders_pulse())
    assert len(set(pulses)) == len(pulses)
    assert await ledger.orders_pulse() == pulses[-1]


async def test_the_movements_of_an_order_are_those_of_its_receivable(ledger: SqlLedger) -> None:
    for number in ("1042", "1043"):
        await ledger.open_order(request(number), AT)
    await ledger.book(payment(4_000, "a"), LATER)
    await ledger.book(payment(5_000, "b", "1043"), LATER)
    moves = await ledger.transactions_of("buyer", Subject.order("1042"))
    assert [move.cause for move in moves] == ["notice", "payment"]
    assert await ledger.transactions_of("nobody", Subject.order("1042")) == []


async def test_every_open_order_is_read_in_pages(ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "_PAGE", 2)
    for number in range(5):
        await ledger.open_order(request(str(number)), AT if number < 3 else LATER)
    await ledger.change_order("1", cancel(), LATER)
    await ledger.book(payment(4000, number="4"), LATER)
    failed: list[Failed] = []
    pages = [page async for page in ledger.open_orders(failed)]
    assert [[each.order.number for each in page] for page in pages] == [["0", "2"], ["3", "4"]]
    assert pages[1] == [await ledger.order("3"), await ledger.order("4")]


async def test_of_many_orders_those_are_read_that_may_be_findings(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def note(row: Any, released: Any) -> Order:
        read.append(row["number"])
        return as_order(row, released)

    for number in ("unpaid", "part", "made", "halted", "back"):
        await ledger.open_order(request(number), AT)
    await ledger.change_order("halted", halt(), AT)
    await ledger.book(payment(4_000, "a", "part"), LATER)
    for number in ("made", "halted", "back"):
        await ledger.book(payment(10_000, number, number), LATER)
    for number in ("made", "back"):
        await ledger.note_answer(number, ReleaseKind.PRODUCTION, True, "made", LATER)
    await ledger.book(back(2_500, payment(10_000, "back", "back"), PaymentKind.REFUND), LATER)
    monkeypatch.setattr(findings, "as_order", note)
    found = [
        *[each.order.number for each in await ledger.paid_unreleased(WAITED, [])],
        *[each.order.number for each in await ledger.released_unpaid([])],
    ]
    assert found == ["halted", "back"]
    assert read == ["halted", "part", "back"], "a part may be the deposit"


@pytest.mark.parametrize("query", [findings._MAYBE_UNRELEASED, findings._MAYBE_UNPAID])
async def test_what_is_owed_for_an_order_is_looked_up_in_an_index(
    ledger: SqlLedger, url: str, query: Select[Any]
) -> None:
    if not url.startswith("sqlite"):
        pytest.skip("PostgreSQL chooses by the size of its tables")
    asked = str(query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    plan: list[str] = []
    run(url, lambda connection: plan.extend(row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {asked}"))))
    (looked_up,) = [step for step in plan if "entries" in step]
    assert looked_up.startswith("SEARCH entries USING COVERING INDEX entries_by_customer")
    assert "subject=? AND currency=?" in looked_up
