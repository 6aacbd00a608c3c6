"""Doubts about money that is in the books, as people are told of them; on SQLite and on PostgreSQL alike."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from adapters.sql.ledger import SqlLedger
from billing.receivables.doubts import DoubtKind
from billing.receivables.instructions import InstructionKind, InstructionRequest
from billing.receivables.journal import Subject
from tests.contract.incoming_fixtures import UNKNOWN, alerted
from tests.contract.journal_fixtures import PAYMENT, announced, balances, drafted, record
from tests.contract.ledger_fixtures import AT, NOVEMBER


@pytest.mark.parametrize(("rest_minor", "told"), [(600, []), (700, ["1.00 EUR of payment 2 (transfer)"])])
async def test_people_hear_of_a_part_and_of_no_more_than_is_left_once_others_complete_the_bill(
    ledger: SqlLedger, rest_minor: int, told: list[str]
) -> None:
    await record(ledger, announced(drafted(1000)))
    part = UNKNOWN.evolve(customer_id="acme", subject=Subject.month(NOVEMBER), reference="1", amount_minor=400)
    (doubt,) = (await ledger.record_payment(part, AT)).doubts
    assert doubt.kind is DoubtKind.PART
    recorded = await ledger.record_payment(part.evolve(reference="2", amount_minor=rest_minor), AT)
    assert await balances(ledger) == ({}, 1000 - 400 - rest_minor)
    assert [told for told in await alerted(ledger) if told != doubt.text] == [other.text for other in recorded.doubts]
    expected = [f"acme owes nothing for the month 2026-11: {amount} is their credit" for amount in told]
    assert [other.text for other in recorded.doubts] == expected


async def test_people_hear_of_a_part_that_a_rail_reports(ledger: SqlLedger) -> None:
    await record(ledger, announced(drafted(1000)))
    part = UNKNOWN.evolve(customer_id="acme", subject=Subject.month(NOVEMBER), amount_minor=400, by=None)
    for _ in range(2):  # the second is a repeat
        await ledger.book(part, AT)
    assert await alerted(ledger) == [
        "4.00 EUR of payment 7731 (transfer) is credit of acme: the bill for the month 2026-11 is not due yet, and is "
        "paid whole or not at all"
    ]


async def test_an_assigned_part_that_completes_a_bill_leaves_no_doubt(ledger: SqlLedger) -> None:
    await record(ledger, announced(drafted(1000)))
    part = UNKNOWN.evolve(customer_id="acme", subject=Subject.month(NOVEMBER), reference="1", amount_minor=400)
    await ledger.record_payment(part, AT)
    await ledger.record_payment(UNKNOWN.evolve(amount_minor=600), AT)
    request = InstructionRequest(
        instruction_id="i1",
        kind=InstructionKind.ASSIGN,
        payment=UNKNOWN.name,
        customer_id="acme",
        subject=Subject.month(NOVEMBER),
        by="ann",
        reason="asked",
        via="cli",
    )
    assert (await ledger.instruct(request, {}, AT)).result == "assigned to acme"
    assert await balances(ledger) == ({}, 0)


async def test_a_charge_that_takes_more_than_a_part_has_left_to_pay_is_told(ledger: SqlLedger) -> None:
    month = await record(ledger, announced(drafted(1000)))
    part = UNKNOWN.evolve(customer_id="acme", subject=Subject.month(NOVEMBER), amount_minor=400)
    await ledger.record_payment(part, month.charge_at + timedelta(seconds=1))
    assert await alerted(ledger) == []
    for _ in range(2):  # the second is a repeat
        await ledger.save_payment(PAYMENT, month.charge_at + timedelta(minutes=1))
    assert await balances(ledger) == ({}, -400)
    assert await alerted(ledger) == [
        "4.00 EUR of payment pi_1 (stripe) is more than was owed for the month 2026-11: it is credit of acme"
    ]


async def test_two_payments_of_whoever_names_no_payer_are_not_equal(ledger: SqlLedger) -> None:
    for reference in "12":
        recorded = await ledger.record_payment(UNKNOWN.evolve(reference=reference, payer=None), AT)
        assert [doubt.kind for doubt in recorded.doubts] == [DoubtKind.UNMATCHED]


async def test_whoever_records_nobodys_money_reads_no_more_than_its_payers(tmp_path: Path) -> None:
    """By SQLite's own plan, while it holds the lock of all who write; PostgreSQL has the same indexes."""
    ledger = await SqlLedger.connect(f"sqlite:///{tmp_path}/ledger.db")
    await ledger.migrate()
    statements: list[tuple[str, Any]] = []

    @event.listens_for(ledger._engine, "before_cursor_execute")
    def executing(connection: object, cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if "FROM incoming_payments" in statement and "payer = ?" in statement:
            statements.append((statement, parameters))

    await ledger.record_payment(UNKNOWN, AT)
    assert statements
    with ledger._reading("explain") as connection:
        statement, parameters = statements[0]
        plan = " ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters))
    await ledger.close()
    assert "INDEX incoming_payments_of_nobody (payer=? AND paid_at>? AND paid_at<?)" in plan
