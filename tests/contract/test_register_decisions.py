"""Lines of a register that people confirm or reject: each is booked or taken back once, with what they saw."""

import asyncio
import threading
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from adapters.sql.payments import register_decisions, registers
from adapters.sql.receivables.incoming import book
from billing.errors import InvalidInput, NotFound
from billing.receivables.incoming import PaymentKind
from billing.receivables.journal import PaymentName
from billing.registers.register import LineState
from billing.reviewers.queries import AuditFilter
from tests.contract.ledger_fixtures import LATER
from tests.contract.register_fixtures import (
    BY,
    DAY,
    FIRST,
    NOW,
    RAIL,
    SECOND,
    TERMS,
    booked,
    desk_of,
    line,
    lines_of,
    states,
    taken,
    texts,
    told,
    with_account,
)


async def test_a_missing_line_is_booked_once_a_person_confirms_it_by_its_account_and_the_banks_time(
    ledger: SqlLedger,
) -> None:
    await with_account(ledger)
    await taken(ledger, line())
    desk = desk_of(ledger)
    row = await desk.confirm(RAIL, FIRST, *BY)
    assert (row.state, row.decision, row.decided_by) == (LineState.CONFIRMED, "booked", "ann")
    assert await desk.confirm(RAIL, FIRST, "bob", "again", LATER) == row
    record = await ledger.incoming_payment(PaymentName.of(RAIL, FIRST))
    assert record is not None
    assert (record.payment.customer_id, record.payment.amount_minor) == ("acme", 10_000)
    assert (record.payment.by, record.payment.reason) == ("ann", "by the register")
    assert TERMS.day_of(record.payment.paid_at) == DAY
    assert (await ledger.balance("acme")).credits == {"kzt": -10_000}
    assert (await ledger.register_day(TERMS, DAY)).open == ()


async def test_a_payment_that_the_app_tells_of_later_is_booked_once_and_confirms_the_line(ledger: SqlLedger) -> None:
    await with_account(ledger)
    await taken(ledger, line(FIRST), line(SECOND))
    payment = await told(ledger, FIRST)
    assert states(await ledger.register_day(TERMS, DAY))["confirmed"] == (1, 10_000, 10_000)
    await desk_of(ledger).confirm(RAIL, SECOND, *BY)
    assert not await ledger.book(payment, LATER)
    assert not await ledger.book(payment.evolve(reference=SECOND), LATER)
    assert (await ledger.balance("acme")).credits == {"kzt": -20_000}


async def test_money_of_an_account_that_nobody_has_is_unmatched_and_told(ledger: SqlLedger) -> None:
    await taken(ledger, line(account="5000009"))
    await desk_of(ledger).confirm(RAIL, FIRST, *BY)
    record = await ledger.incoming_payment(PaymentName.of(RAIL, FIRST))
    assert record is not None
    assert record.unmatched_minor == 10_000
    assert any("nobody knows whose it is" in alert.text for alert in await ledger.alerts())


async def test_a_reversal_takes_its_payment_back_once_it_is_confirmed_and_the_debt_is_open_again(
    ledger: SqlLedger,
) -> None:
    await with_account(ledger)
    await told(ledger)
    (row,) = (await lines_of(ledger, line(), line(FIRST, "-40.00"))).rows
    assert (row.state, row.original) == (LineState.REVERSED, FIRST)
    desk = desk_of(ledger)
    await desk.confirm(RAIL, row.reference, *BY)
    await desk.confirm(RAIL, row.reference, *BY)
    record = await ledger.incoming_payment(PaymentName.of(RAIL, row.reference))
    assert record is not None
    assert (record.payment.kind, record.payment.amount_minor) == (PaymentKind.CHARGEBACK, -4_000)
    assert record.payment.original == PaymentName.of(RAIL, FIRST)
    assert (await ledger.balance("acme")).credits == {"kzt": -6_000}
    assert (await ledger.register_day(TERMS, DAY)).open == ()
    assert await ledger.rail_totals(TERMS, DAY, DAY + timedelta(days=1)) == (6_000, 6_000)


async def test_a_reversal_waits_for_its_payment_and_is_never_more_than_that(ledger: SqlLedger) -> None:
    await with_account(ledger)
    page = await lines_of(ledger, line(), line(FIRST, "-100.01"))
    back = next(row for row in page.rows if row.original)
    desk = desk_of(ledger)
    with pytest.raises(NotFound, match="confirm that one first, or reject both"):
        await desk.confirm(RAIL, back.reference, *BY)
    assert [row.reference async for row in desk.to_book(RAIL, DAY)] == [FIRST, back.reference]
    await desk.confirm(RAIL, FIRST, *BY)
    with pytest.raises(InvalidInput, match=r"more than the 100\.00 KZT that are left"):
        await desk.confirm(RAIL, back.reference, *BY)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_two_lines_that_take_one_payment_back_at_once_take_it_back_once(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_account(ledger)
    await told(ledger)
    page = await lines_of(ledger, line(), line(FIRST, "-100.00"), line(FIRST, "-100.00"))
    meeting = threading.Barrier(2)

    def both(*of: Any, **how: Any) -> bool:
        with suppress(threading.BrokenBarrierError):  # the customer's lock keeps the other one from here
            meeting.wait(1)
        return book(*of, **how)

    monkeypatch.setattr(register_decisions, "book", both)
    confirmed = (desk_of(ledger).confirm(RAIL, row.reference, *BY) for row in page.rows)
    outcomes = await asyncio.gather(*confirmed, return_exceptions=True)
    (refused,) = [outcome for outcome in outcomes if isinstance(outcome, InvalidInput)]
    assert "more than the 0.00 KZT that are left" in str(refused)
    assert (await ledger.balance("acme")).credits == {}


async def test_another_amount_is_never_booked_beside_the_payment(ledger: SqlLedger) -> None:
    await with_account(ledger)
    await told(ledger)
    await taken(ledger, line(FIRST, "100.01"))
    with pytest.raises(InvalidInput, match=r"with 100\.00 KZT; the register has 100\.01 KZT"):
        await desk_of(ledger).confirm(RAIL, FIRST, *BY)
    await desk_of(ledger).reject(RAIL, FIRST, *BY)
    with pytest.raises(InvalidInput, match=r"with 100\.00 KZT; the register has 100\.01 KZT"):
        await desk_of(ledger).confirm(RAIL, FIRST, *BY)
    corrected = await taken(ledger, line(FIRST), name="corrected.csv")
    assert states(corrected) == {"confirmed": (1, 10_000, 10_000)}


async def test_a_line_is_left_out_by_a_person_with_a_reason_that_is_told_and_can_be_booked_all_the_same(
    ledger: SqlLedger,
) -> None:
    await with_account(ledger)
    await taken(ledger, line())
    desk = desk_of(ledger)
    row = await desk.reject(RAIL, FIRST, "ann", "the bank's test", NOW)
    assert row == await desk.reject(RAIL, FIRST, "ann", "the bank's test", NOW)
    (entry,) = await ledger.audit(AuditFilter(by="ann"), None, 50)
    assert (entry.reason, entry.result) == ("the bank's test", row.title)
    assert (row.state, row.decided_why) == (LineState.REJECTED, "the bank's test")
    assert [text for text in await texts(ledger) if text.startswith("ann leaves 100.00 KZT")]
    assert states(await ledger.register_day(TERMS, DAY)) == {"rejected": (1, 10_000, 0)}
    assert (await desk.confirm(RAIL, FIRST, *BY)).state is LineState.CONFIRMED
    with pytest.raises(InvalidInput, match="nothing to reject"):
        await desk.reject(RAIL, FIRST, *BY)


async def test_a_corrected_line_has_to_be_decided_again(ledger: SqlLedger) -> None:
    await taken(ledger, line())
    await desk_of(ledger).reject(RAIL, FIRST, *BY)
    assert states(await taken(ledger, line(FIRST, "99.00"), name="other.csv")) == {"missing": (1, 9_900, 0)}


async def test_what_a_person_has_seen_is_what_is_booked(ledger: SqlLedger) -> None:
    await with_account(ledger)
    await taken(ledger, line(FIRST, "10.00"))
    (seen,) = (await lines_of(ledger)).rows
    await taken(ledger, line(FIRST, "1000.00"), name="corrected.csv")
    desk = desk_of(ledger)
    with pytest.raises(InvalidInput, match=r"has changed since: the register has 1,?000\.00 KZT now"):
        await desk.confirm(RAIL, FIRST, *BY, seen.amount_minor)
    assert await booked(ledger, FIRST) is None
    await desk.confirm(RAIL, FIRST, *BY, 100_000)
    assert await booked(ledger, FIRST) == 100_000


async def test_all_of_a_day_is_booked_however_many_lines_are_open(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_account(ledger)
    monkeypatch.setattr(registers, "_PAGE", 2)
    for number in range(5):
        await told(ledger, f"90{number}", 100, after=number)  # extra ones do not count
    await taken(ledger, *(line(f"10{number}", "1.00") for number in range(5)), line("107"))
    desk = desk_of(ledger)
    async for row in desk.to_book(RAIL, DAY):
        await desk.confirm(RAIL, row.reference, *BY, row.amount_minor)
    assert states(await desk.day(RAIL, DAY)) == {"confirmed": (6, 10_500, 10_500), "extra": (5, 0, 500)}


async def test_a_line_of_no_register_cannot_be_booked_or_rejected(ledger: SqlLedger) -> None:
    desk = desk_of(ledger)
    for decide in (desk.confirm, desk.reject):
        with pytest.raises(NotFound, match="no register of bank-app has 4711"):
            await decide(RAIL, "4711", *BY)


async def test_a_refund_by_hand_that_the_register_has_too_is_rejected_there_and_counts_once(ledger: SqlLedger) -> None:
    await with_account(ledger)
    payment = await told(ledger)
    (row,) = (await lines_of(ledger, line(), line(FIRST, "-100.00"))).rows
    back = {"kind": PaymentKind.REFUND, "amount_minor": -10_000, "original": payment.name, "by": "ann"}
    await ledger.book(payment.evolve(reference="back-1", **back), NOW)
    with pytest.raises(InvalidInput, match="reject it if it is a refund that was recorded by hand"):
        await desk_of(ledger).confirm(RAIL, row.reference, *BY)
    await desk_of(ledger).reject(RAIL, row.reference, *BY)
    assert await ledger.rail_totals(TERMS, DAY, DAY + timedelta(days=1)) == (0, 0)


async def test_two_people_who_confirm_one_line_and_the_app_at_once_book_it_once(ledger: SqlLedger) -> None:
    await with_account(ledger)
    await taken(ledger, line())
    desk = desk_of(ledger)
    both = (desk.confirm(RAIL, FIRST, who, "by the register", NOW) for who in ("ann", "bob"))
    answers = await asyncio.gather(*both, told(ledger), return_exceptions=True)
    assert not [answer for answer in answers if isinstance(answer, Exception) and "meanwhile" not in str(answer)]
    assert (await ledger.balance("acme")).credits == {"kzt": -10_000}
