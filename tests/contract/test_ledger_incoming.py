"""Incoming payments in the ledger: recorded, found, listed; on SQLite and on PostgreSQL alike."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from adapters.sql.ledger import SqlLedger
from adapters.sql.receivables import payment_list
from billing.errors import InvalidInput, NotFound
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.receivables.doubts import DoubtKind
from billing.receivables.instructions import InstructionKind, InstructionRequest
from billing.receivables.journal import PaymentName, Subject
from billing.receivables.payment_list import PaymentFilter
from tests.contract.incoming_fixtures import LATE, UNKNOWN, alerted, close_account
from tests.contract.journal_fixtures import announced, balances, drafted, record
from tests.contract.ledger_fixtures import ACME, AT, NOVEMBER, read


async def listed(ledger: SqlLedger, **wanted: Any) -> list[str]:
    return [row.reference for row in (await ledger.incoming_payments(PaymentFilter(**wanted))).rows]


async def test_two_parts_of_a_bill_that_is_not_due_yet_pay_it_together(ledger: SqlLedger) -> None:
    await record(ledger, announced(drafted(1000)))
    for reference, amount_minor, left in (("1", 400, ({NOVEMBER: 1000}, -400)), ("2", 700, ({}, -100))):
        part = UNKNOWN.evolve(reference=reference, amount_minor=amount_minor, customer_id="acme")
        await ledger.book(part.evolve(subject=Subject.month(NOVEMBER)), AT)
        assert await balances(ledger) == left


async def test_a_part_that_came_early_counts_once_the_month_closes_unpaid(ledger: SqlLedger) -> None:
    month = await record(ledger, announced(drafted(1000)))
    part = UNKNOWN.evolve(amount_minor=400, customer_id="acme", subject=Subject.month(NOVEMBER))
    await ledger.book(part, AT)
    charging = month.begin_charge(month.charge_at)
    declined = ChargeResult(status=ChargeStatus.DECLINED, at=month.charge_at)
    await ledger.record(charging.charged(declined), month.charge_at)
    assert await balances(ledger) == ({NOVEMBER: 600}, 0)


async def test_unmatched_payments_are_listed_first_and_found_by_reference_payer_customer_or_amount(
    ledger: SqlLedger,
) -> None:
    await record(ledger, announced(drafted(1000)))
    await ledger.book(UNKNOWN, AT)
    for number, (customer_id, payer) in enumerate((("acme", "Acme SA"), (None, None), ("acme", "50%_off"))):
        other = UNKNOWN.evolve(reference=f"r{number}", customer_id=customer_id, payer=payer, amount_minor=1300 + number)
        await ledger.book(other, AT + timedelta(hours=number))
    await ledger.book(UNKNOWN.evolve(reference="yen", currency="jpy", customer_id="acme", amount_minor=12), LATE)
    assert await listed(ledger) == ["r1", "7731", "yen", "r2", "r0"]
    assert await listed(ledger, unmatched=True) == ["r1", "7731"]
    for search, references in (
        ("nowak", ["7731", "yen"]),
        ("ACME", ["yen", "r2", "r0"]),
        ("77", ["7731"]),
        ("%_", ["r2"]),
        ("x", []),
        ("12.00", ["7731", "yen"]),
        ("12", ["7731", "yen"]),
        ("13.02", ["r2"]),
        ("12.5", []),
    ):
        assert await listed(ledger, search=search) == references, search
    assert await listed(ledger, customer_id="acme", rail="transfer") == ["yen", "r2", "r0"]
    assert await listed(ledger, rail="cash") == []


async def test_the_list_goes_from_page_to_page_without_losing_a_payment(ledger: SqlLedger) -> None:
    await record(ledger, announced(drafted(1000)))
    for number in range(7):
        owner = None if number % 3 == 0 else "acme"
        payment = UNKNOWN.evolve(reference=f"r{number}", customer_id=owner)
        await ledger.book(payment, AT + timedelta(hours=number))
    whole = await listed(ledger)
    assert whole == ["r6", "r3", "r0", "r5", "r4", "r2", "r1"]
    for size in (1, 2, 3, 4, 8):
        pages = [await ledger.incoming_payments(PaymentFilter(), size, start) for start in range(0, 8, size)]
        assert [row.reference for page in pages for row in page.rows] == whole, size
        assert {(page.count, page.unmatched) for page in pages} == {(7, 3)}


@pytest.mark.parametrize("most", [3, 4])
async def test_matched_payments_are_counted_to_a_limit_and_listed_beyond_it(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(payment_list, "COUNTED_MOST", most)
    await record(ledger, announced(drafted(1000)))
    for number in range(7):
        owner = None if number % 3 == 0 else "acme"
        await ledger.book(UNKNOWN.evolve(reference=f"r{number}", customer_id=owner), AT + timedelta(hours=number))
    pages = [await ledger.incoming_payments(PaymentFilter(), 2, start) for start in range(0, 8, 2)]
    first, *_, last = [(page.count, page.unmatched, page.has_more) for page in pages]
    assert (first, last) == ((3 + most, 3, most == 3), (7, 3, False))
    assert [row.reference for page in pages for row in page.rows] == ["r6", "r3", "r0", "r5", "r4", "r2", "r1"]


async def test_what_was_assigned_is_found_by_its_customer(ledger: SqlLedger) -> None:
    await record(ledger, announced(drafted(1000)))
    await ledger.book(UNKNOWN, AT)
    request = InstructionRequest(
        instruction_id="i1",
        kind=InstructionKind.ASSIGN,
        payment=UNKNOWN.name,
        customer_id="acme",
        amount="2",
        by="ann",
        reason="asked",
        via="cli",
    )
    await ledger.instruct(request, {}, LATE)
    for wanted in (PaymentFilter(customer_id="acme"), PaymentFilter(search="acm")):
        (row,) = (await ledger.incoming_payments(wanted)).rows
        assert (row.owners, row.unmatched_minor) == (("acme",), 1000)


async def test_what_is_unmatched_in_the_list_is_what_the_journal_says(ledger: SqlLedger, url: str) -> None:
    await record(ledger, announced(drafted(1000)))
    for number in range(3):
        await ledger.book(UNKNOWN.evolve(reference=f"r{number}"), AT)
    back = UNKNOWN.evolve(kind="refund", reference="b1", original=PaymentName.of("transfer", "r1"), amount_minor=-500)
    await ledger.book(back, AT)
    request = InstructionRequest(
        instruction_id="i1",
        kind=InstructionKind.ASSIGN,
        payment=PaymentName.of("transfer", "r2"),
        customer_id="acme",
        by="ann",
        reason="asked",
        via="cli",
    )
    await ledger.instruct(request, {}, LATE)
    rows = (await ledger.incoming_payments(PaymentFilter())).rows
    assert {row.reference: row.unmatched_minor for row in rows} == {"r0": 1200, "r1": 700, "r2": 0, "b1": 0}
    ((total,),) = read(url, "SELECT -sum(amount_minor) FROM entries WHERE kind = 'unmatched'")
    assert total == sum(row.unmatched_minor for row in rows)


async def test_a_bill_that_is_not_due_yet_is_paid_whole_or_not_at_all(ledger: SqlLedger) -> None:
    month = await record(ledger, announced(drafted(1000)))
    part = UNKNOWN.evolve(customer_id="acme", amount_minor=999)
    await ledger.book(part, month.charge_at - timedelta(seconds=1))
    assert await balances(ledger) == ({NOVEMBER: 1000}, -999)
    await ledger.book(part.evolve(reference="2", amount_minor=1000), month.charge_at - timedelta(seconds=1))
    assert await balances(ledger) == ({}, -999)


# -- recorded by people


async def test_a_repeat_is_the_same_payment_and_another_one_under_its_reference_is_refused(ledger: SqlLedger) -> None:
    await record(ledger, announced(drafted(1000)))
    first = await ledger.record_payment(UNKNOWN, AT)
    again = await ledger.record_payment(UNKNOWN, LATE)
    assert (first.is_new, again.is_new) == (True, False)
    assert again.record == first.record
    assert again.doubts == first.doubts
    with pytest.raises(InvalidInput, match=r"7731 \(transfer\) is another payment already, of 12.00 EUR"):
        await ledger.record_payment(UNKNOWN.evolve(amount_minor=1201), LATE)
    with pytest.raises(NotFound, match="does not know bolt; without a customer, the money is kept as unmatched"):
        await ledger.record_payment(UNKNOWN.evolve(reference="2", customer_id="bolt"), LATE)
    assert await listed(ledger) == ["7731"]


async def test_people_are_told_of_money_that_nobody_knows_even_if_a_rail_reports_it(ledger: SqlLedger) -> None:
    await ledger.book(UNKNOWN.evolve(by=None), AT)
    await ledger.book(UNKNOWN.evolve(by=None), AT)
    assert await alerted(ledger) == ["12.00 EUR has arrived as 7731 (transfer), and nobody knows whose it is"]
    assert await ledger.has_untold_alerts()


async def test_money_that_pays_its_month_tells_nobody(ledger: SqlLedger) -> None:
    await record(ledger, announced(drafted(1000)))
    paying = UNKNOWN.evolve(customer_id="acme", subject=Subject.month(NOVEMBER), amount_minor=1000)
    assert (await ledger.record_payment(paying, LATE)).doubts == ()
    assert await alerted(ledger) == []
    assert not await ledger.has_untold_alerts()


async def test_money_in_another_currency_or_for_what_is_not_owed_is_credit_and_told(ledger: SqlLedger) -> None:
    await record(ledger, announced(drafted(1000)))
    dollars = UNKNOWN.evolve(customer_id="acme", currency="usd")
    recorded = await ledger.record_payment(dollars, LATE)
    assert [doubt.kind for doubt in recorded.doubts] == [DoubtKind.CURRENCY]
    other = UNKNOWN.evolve(reference="2", customer_id="acme", subject=Subject.month(NOVEMBER.next()))
    recorded = await ledger.record_payment(other, LATE)
    assert [doubt.kind for doubt in recorded.doubts] == [DoubtKind.NOT_OWED]
    balance = await ledger.balance("acme")
    assert balance.credits == {"usd": -1200, "eur": -1200}
    assert len(await alerted(ledger)) == 2


async def test_money_of_an_erased_customer_is_their_credit_and_told(ledger: SqlLedger, url: str) -> None:
    await record(ledger, drafted(1000))
    close_account(url)
    await ledger.erase("acme", "ann", "asked", AT)
    recorded = await ledger.record_payment(UNKNOWN.evolve(customer_id="acme"), LATE)
    assert [doubt.kind for doubt in recorded.doubts] == [DoubtKind.CLOSED]
    assert (await ledger.balance("acme")).credits == {"eur": -1200}
    (told,) = await alerted(ledger)
    assert "credit of acme, whose account is closed" in told


@pytest.mark.parametrize("owner", ["acme", None])
async def test_the_same_money_twice_is_in_the_books_and_told(ledger: SqlLedger, owner: str | None) -> None:
    await record(ledger, announced(drafted(1000)))
    first = UNKNOWN.evolve(customer_id=owner)
    own = {DoubtKind.UNMATCHED} if owner is None else set()
    assert {doubt.kind for doubt in (await ledger.record_payment(first, AT)).doubts} == own
    changed: list[tuple[dict[str, Any], bool]] = [
        ({}, True),
        ({"paid_at": AT + timedelta(hours=20)}, True),  # the same day
        ({"paid_at": AT + timedelta(days=1)}, False),
        ({"amount_minor": 1201}, False),
        ({"rail": "cash"}, False),
        ({"currency": "usd"}, False),
    ]
    for number, (changes, is_equal) in enumerate(changed):
        other = first.evolve(reference=f"r{number}", **changes)
        kinds = {doubt.kind for doubt in (await ledger.record_payment(other, LATE)).doubts}
        assert (DoubtKind.REPEATED in kinds) == is_equal, changes
    stranger = first.evolve(reference="s", payer=None)
    kinds = {doubt.kind for doubt in (await ledger.record_payment(stranger, LATE)).doubts}
    assert (DoubtKind.REPEATED in kinds) == (owner is not None), "two strangers are not the same payer"
    expected = "payment r0 (transfer) of 12.00 EUR is equal to 7731 (transfer), booked before"
    assert [told for told in await alerted(ledger) if told.startswith(expected)]
    assert len((await ledger.incoming_payments(PaymentFilter())).rows) == 8


async def test_an_erasure_renames_a_payment_everywhere(ledger: SqlLedger, url: str) -> None:
    await record(ledger, announced(drafted(1000)))
    assert ACME.name
    named = UNKNOWN.evolve(reference=f"from {ACME.name}", customer_id="acme", amount_minor=1000)
    await ledger.record_payment(named, LATE)
    close_account(url)
    await ledger.erase("acme", "ann", "asked", LATE)
    (row,) = (await ledger.incoming_payments(PaymentFilter())).rows
    assert ACME.name not in row.reference
    shown = await ledger.incoming_payment(PaymentName(row.rail, row.digest))
    assert shown is not None
    assert shown.shares, "its movements follow its new name"


async def test_the_list_reads_no_more_than_its_page(tmp_path: Path) -> None:
    """By SQLite's own plan; PostgreSQL has the same indexes."""
    ledger = await SqlLedger.connect(f"sqlite:///{tmp_path}/ledger.db")
    await ledger.migrate()
    statements: list[tuple[str, Any]] = []

    @event.listens_for(ledger._engine, "before_cursor_execute")
    def executing(connection: object, cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if "FROM incoming_payments" in statement:
            statements.append((statement, parameters))

    await ledger.book(UNKNOWN.evolve(customer_id="acme"), AT)
    await ledger.book(UNKNOWN.evolve(reference="2"), AT)
    statements.clear()
    await ledger.incoming_payments(PaymentFilter())
    plans = []
    with ledger._reading("explain") as connection:
        for statement, parameters in statements[:]:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append(" ".join(row[3] for row in rows))
    await ledger.close()
    assert len(plans) == 4
    assert all("INDEX incoming_payments_" in plan and "TEMP B-TREE" not in plan for plan in plans), plans
