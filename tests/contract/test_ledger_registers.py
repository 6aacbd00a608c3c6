"""A bank's register of a day beside the journal, on SQLite and PostgreSQL alike."""

import asyncio
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from adapters.sql.ledger import SqlLedger
from adapters.sql.payments import register_decisions, registers
from adapters.sql.receivables.incoming import book
from billing.customers.account_numbers import is_personal_number, personal_digest
from billing.customers.erasure import ERASED
from billing.errors import InvalidInput, NotFound
from billing.receivables.incoming import PaymentKind
from billing.receivables.journal import PaymentName
from billing.registers.ports import DAYS_SHOWN
from billing.registers.register import LineState, RegisterDay
from billing.reviewers.queries import AuditFilter
from sandbox.timeline import until
from tests.contract.ledger_fixtures import LATER, read
from tests.contract.register_fixtures import (
    BY,
    DAY,
    KEY,
    NOW,
    NUMBER,
    OTHER,
    RAIL,
    TERMS,
    TXNS,
    csv,
    desk_of,
    line,
    texts,
    told,
    with_account,
)

FIRST, SECOND, THIRD = TXNS
PERSONAL = next(text for text in (f"88010130012{digit}" for digit in range(10)) if is_personal_number(text))


async def taken(ledger: SqlLedger, *lines: str, name: str = "r.csv") -> RegisterDay:
    return (await desk_of(ledger).take(RAIL, DAY, name, csv(*lines), "ann", NOW)).day


def states(day: RegisterDay) -> dict[str, tuple[int, int, int]]:
    return {str(each.state): (each.count, each.register_minor, each.booked_minor) for each in day.tallies}


async def booked(ledger: SqlLedger, reference: str) -> int | None:
    record = await ledger.incoming_payment(PaymentName.of(RAIL, reference))
    return record.payment.amount_minor if record else None


async def test_each_payment_of_the_day_is_in_one_state_and_what_is_open_is_one_alert(ledger: SqlLedger) -> None:
    await with_account(ledger)
    await told(ledger, FIRST, 10_000)
    await told(ledger, SECOND, 5_000)
    await told(ledger, "77", 700)
    day = await taken(ledger, line(FIRST), line(SECOND, "50.01"), line(THIRD, "1.00"), line(FIRST, "-100.00"))
    assert states(day) == {
        "confirmed": (1, 10_000, 10_000),
        "missing": (1, 100, 0),
        "reversed": (1, -10_000, 0),
        "different": (1, 5_001, 5_000),
        "extra": (1, 0, 700),
    }
    (text,) = await texts(ledger)
    assert text == (
        "register of bank-app, 2026-11-27: 1 missing (1.00 KZT), 1 reversed (-100.00 KZT), 1 different (50.01 KZT, "
        "booked 50.00 KZT), 1 extra (7.00 KZT). Nothing is booked until somebody confirms it"
    )
    assert await booked(ledger, THIRD) is None


async def test_a_day_that_agrees_tells_nobody(ledger: SqlLedger) -> None:
    await with_account(ledger)
    await told(ledger)
    assert states(await taken(ledger, line())) == {"confirmed": (1, 10_000, 10_000)}
    assert await texts(ledger) == []


async def test_the_same_and_a_longer_file_change_nothing_twice(ledger: SqlLedger) -> None:
    await with_account(ledger)
    first = await taken(ledger, line(FIRST), line(SECOND))
    again = await desk_of(ledger).take(RAIL, DAY, "renamed.csv", csv(line(FIRST), line(SECOND)), "bob", NOW)
    assert (again.is_new, again.day) == (False, first)
    await desk_of(ledger).confirm(RAIL, FIRST, *BY)
    longer = await taken(ledger, line(FIRST), line(SECOND), line(THIRD, "3.00"), name="longer.csv")
    assert states(longer) == {"confirmed": (1, 10_000, 10_000), "missing": (2, 10_300, 0)}
    assert len(await texts(ledger)) == 2
    assert longer.files == 2


async def test_a_shorter_file_takes_no_line_away(ledger: SqlLedger) -> None:
    await taken(ledger, line(FIRST), line(SECOND))
    shorter = await taken(ledger, line(FIRST), name="shorter.csv")
    assert (states(shorter), shorter.files) == ({"missing": (2, 20_000, 0)}, 2)


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
    (row,) = (await _page(ledger, line(), line(FIRST, "-40.00"))).rows
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


async def _page(ledger: SqlLedger, *lines: str):
    await taken(ledger, *lines)
    return await ledger.register_lines(TERMS, DAY)


async def test_a_reversal_waits_for_its_payment_and_is_never_more_than_that(ledger: SqlLedger) -> None:
    await with_account(ledger)
    page = await _page(ledger, line(), line(FIRST, "-100.01"))
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
    page = await _page(ledger, line(), line(FIRST, "-100.00"), line(FIRST, "-100.00"))
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
    (seen,) = (await _page(ledger)).rows
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


async def test_the_last_days_are_listed_and_then_those_before(ledger: SqlLedger) -> None:
    desk = desk_of(ledger)
    days = [DAY - timedelta(days=number) for number in range(DAYS_SHOWN + 2)]
    for day in days:
        for rail in (RAIL, OTHER):
            await desk.take(rail, day, f"{day}.csv", b"txn_id,account,sum,txn_date\n", "ann", NOW)
    first = await desk.days()
    assert [each.day for each in first] == [day for day in days[:DAYS_SHOWN] for _ in range(2)]
    assert [each.day for each in await desk.days(RAIL, first[-1].day)] == days[DAYS_SHOWN:]


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_whoever_books_a_line_locks_its_customer_first_as_an_erasure_does(ledger: SqlLedger, url: str) -> None:
    await with_account(ledger)
    await taken(ledger, line())
    async with (
        await psycopg.AsyncConnection.connect(url) as erasure,
        await psycopg.AsyncConnection.connect(url, autocommit=True) as looking,
    ):
        await erasure.execute("SELECT 1 FROM customers WHERE customer_id = 'acme' FOR UPDATE")
        booking = asyncio.create_task(desk_of(ledger).confirm(RAIL, FIRST, *BY))

        async def waits() -> bool:
            waiting = await looking.execute(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            return await waiting.fetchone() is not None

        await until(waits, 10)
        await erasure.execute("SELECT 1 FROM register_lines FOR UPDATE NOWAIT")
        await erasure.commit()
        assert (await booking).state is LineState.CONFIRMED


async def test_an_older_file_that_is_taken_in_again_undoes_no_correction_and_no_decision(ledger: SqlLedger) -> None:
    await taken(ledger, line(FIRST, "10.00"))
    await taken(ledger, line(FIRST, "12.00"), name="corrected.csv")
    row = await desk_of(ledger).reject(RAIL, FIRST, *BY)
    assert states(await taken(ledger, line(FIRST, "10.00"))) == {"rejected": (1, 1_200, 0)}
    page = await ledger.register_lines(TERMS, DAY, everything=True)
    assert page.rows == (row,)


async def test_a_file_that_was_mapped_wrongly_is_taken_in_again_by_another_mapping(ledger: SqlLedger) -> None:
    content = f"txn_id,account,sum,fee,txn_date\n{FIRST},{NUMBER},100.00,1.00,2026-11-27\n".encode()
    desk = desk_of(ledger)
    await desk.take(RAIL, DAY, "r.csv", content, "ann", NOW, ["amount=fee"])
    corrected = await desk.take(RAIL, DAY, "r.csv", content, "ann", NOW, ["amount=sum"])
    assert (corrected.is_new, states(corrected.day)) == (False, {"missing": (1, 10_000, 0)})


async def test_no_file_brings_back_what_an_erasure_has_taken_from_a_line(ledger: SqlLedger, url: str) -> None:
    await with_account(ledger)
    await ledger.keep_personal("acme", personal_digest(PERSONAL, KEY), PERSONAL[-4:], "ann", NOW)
    await taken(ledger, line(account=PERSONAL))
    row = await desk_of(ledger).reject(RAIL, FIRST, *BY)
    await ledger.drop_personal("acme")
    await taken(ledger, line(account=PERSONAL), line(SECOND), name="longer.csv")
    found = read(url, f"SELECT account, personal, decision FROM register_lines WHERE reference = '{FIRST}'")
    assert found == [(ERASED, None, row.decision)]


async def test_another_personal_number_takes_the_one_before_from_lines_too(ledger: SqlLedger, url: str) -> None:
    await with_account(ledger)
    await ledger.keep_personal("acme", personal_digest(PERSONAL, KEY), PERSONAL[-4:], "ann", NOW)
    await taken(ledger, line(account=PERSONAL))
    await ledger.keep_personal("acme", personal_digest("900101300123", KEY), "0123", "ann", NOW)
    assert read(url, "SELECT account, personal FROM register_lines") == [(ERASED, None)]


async def test_a_line_of_no_register_cannot_be_booked_or_rejected(ledger: SqlLedger) -> None:
    desk = desk_of(ledger)
    for decide in (desk.confirm, desk.reject):
        with pytest.raises(NotFound, match="no register of bank-app has 4711"):
            await decide(RAIL, "4711", *BY)


async def test_a_payment_that_went_back_as_a_whole_is_no_extra_one(ledger: SqlLedger) -> None:
    await with_account(ledger)
    payment = await told(ledger)
    back = payment.evolve(
        reference="back-1", kind=PaymentKind.REFUND, amount_minor=-10_000, original=payment.name, by="ann"
    )
    await ledger.book(back, NOW)
    assert states(await taken(ledger, line(SECOND))) == {"missing": (1, 10_000, 0)}
    assert await ledger.rail_totals(TERMS, DAY, DAY + timedelta(days=1)) == (0, 0)


async def test_a_refund_by_hand_that_the_register_has_too_is_rejected_there_and_counts_once(ledger: SqlLedger) -> None:
    await with_account(ledger)
    payment = await told(ledger)
    (row,) = (await _page(ledger, line(), line(FIRST, "-100.00"))).rows
    back = {"kind": PaymentKind.REFUND, "amount_minor": -10_000, "original": payment.name, "by": "ann"}
    await ledger.book(payment.evolve(reference="back-1", **back), NOW)
    with pytest.raises(InvalidInput, match="reject it if it is a refund that was recorded by hand"):
        await desk_of(ledger).confirm(RAIL, row.reference, *BY)
    await desk_of(ledger).reject(RAIL, row.reference, *BY)
    assert await ledger.rail_totals(TERMS, DAY, DAY + timedelta(days=1)) == (0, 0)


async def test_a_payment_counts_on_its_own_day_whichever_register_has_it(ledger: SqlLedger) -> None:
    await with_account(ledger)
    await told(ledger)
    late = f"txn_id,account,sum,txn_date\n{line()},2026-11-27 12:00:00\n{line(SECOND)},2026-11-28 00:00:01\n".encode()
    next_day = DAY + timedelta(days=1)
    await desk_of(ledger).take(RAIL, next_day, "next.csv", late, None, NOW)
    assert await ledger.rail_totals(TERMS, DAY, next_day) == (10_000, 10_000)
    assert await ledger.rail_totals(TERMS, next_day, next_day + timedelta(days=1)) == (10_000, 0)


async def test_a_payment_that_a_neighbouring_days_register_has_is_no_extra_one(ledger: SqlLedger) -> None:
    await with_account(ledger)
    await told(ledger)
    late = f"txn_id,account,sum,txn_date\n{line()},2026-11-27 12:00:00\n{line(SECOND)},2026-11-28 00:00:01\n".encode()
    await desk_of(ledger).take(RAIL, DAY + timedelta(days=1), "next.csv", late, None, NOW)
    assert states(await taken(ledger, line(THIRD))) == {"missing": (1, 10_000, 0)}


async def test_the_same_payments_are_not_taken_in_for_another_rail_or_day(ledger: SqlLedger) -> None:
    await taken(ledger, line())
    for rail, day in ((OTHER, DAY), (RAIL, DAY - timedelta(days=1))):
        with pytest.raises(InvalidInput, match=r"as the register of bank-app of 2026-11-27|and none of 2026-11-26"):
            await desk_of(ledger).take(rail, day, "r.csv", csv(line()), "ann", NOW)
    assert [day.day for day in await desk_of(ledger).days()] == [DAY]
    empty = [(await desk_of(ledger).take(rail, DAY, "e.csv", csv(), None, NOW)).is_new for rail in (RAIL, OTHER)]
    assert empty == [True, True], "days without payments look alike"


async def test_a_file_that_was_taken_in_for_another_rail_is_withdrawn_and_taken_in_for_its_own(
    ledger: SqlLedger,
) -> None:
    desk, content = desk_of(ledger), csv(line(FIRST), line(SECOND))
    await desk.take(OTHER, DAY, "r.csv", content, "ann", NOW)
    await desk.reject(OTHER, SECOND, *BY)
    with pytest.raises(InvalidInput, match="payments register reject terminals --day 2026-11-27"):
        await desk.take(RAIL, DAY, "r.csv", content, "ann", NOW)
    assert await desk.withdraw(OTHER, DAY, *BY) == 1
    with pytest.raises(NotFound, match="nothing to withdraw"):
        await desk.withdraw(OTHER, DAY, *BY)
    taken_in = await desk.take(RAIL, DAY, "r.csv", content, "ann", NOW)
    assert states(taken_in.day) == {"missing": (2, 20_000, 0)}
    rows = (await ledger.register_lines(TERMS._replace(rail=OTHER), DAY, everything=True)).rows
    assert [row.state for row in rows] == [LineState.REJECTED], "what a person has said stays"
    assert await texts(ledger, "ann withdraws the register of terminals, 2026-11-27 (1 files)")


async def test_two_people_who_confirm_one_line_and_the_app_at_once_book_it_once(ledger: SqlLedger) -> None:
    await with_account(ledger)
    await taken(ledger, line())
    desk = desk_of(ledger)
    both = (desk.confirm(RAIL, FIRST, who, "by the register", NOW) for who in ("ann", "bob"))
    answers = await asyncio.gather(*both, told(ledger), return_exceptions=True)
    assert not [answer for answer in answers if isinstance(answer, Exception) and "meanwhile" not in str(answer)]
    assert (await ledger.balance("acme")).credits == {"kzt": -10_000}


async def test_days_are_those_of_the_contracts_zone(ledger: SqlLedger) -> None:
    await with_account(ledger)
    begins, ends = TERMS.bounds(DAY)
    for number, instant in enumerate((begins - timedelta(seconds=1), begins, ends - timedelta(seconds=1), ends)):
        payment = await told(ledger, f"8{number}", 100)
        await ledger.book(payment.evolve(reference=f"9{number}", paid_at=instant), NOW)
    names = {row.reference for row in (await _page(ledger)).rows}
    assert names == {"80", "81", "82", "83", "91", "92"}


async def test_days_without_a_register_count_from_the_first_money_or_register_on(ledger: SqlLedger) -> None:
    day = DAY - timedelta(days=2)
    assert await ledger.days_without_register(TERMS, day, DAY) == []
    await with_account(ledger)
    await told(ledger)
    assert await ledger.days_without_register(TERMS, day, DAY + timedelta(days=2)) == [DAY, DAY + timedelta(days=1)]
    await taken(ledger, line())
    assert await ledger.days_without_register(TERMS, day, DAY + timedelta(days=2)) == [DAY + timedelta(days=1)]


async def test_no_personal_number_is_kept(ledger: SqlLedger, url: str) -> None:
    await with_account(ledger)
    await ledger.keep_personal("acme", personal_digest(PERSONAL, KEY), PERSONAL[-4:], "ann", NOW)
    await taken(ledger, line(account=PERSONAL))
    await desk_of(ledger).confirm(RAIL, FIRST, *BY)
    assert (await ledger.balance("acme")).credits == {"kzt": -10_000}
    assert PERSONAL not in str(read(url, "SELECT * FROM register_lines"))
    assert read(url, "SELECT account FROM register_lines") == [(f"…{PERSONAL[-4:]}",)]


async def test_how_files_are_written_is_kept_for_the_next_one(ledger: SqlLedger) -> None:
    desk, mapping = (
        desk_of(ledger),
        ["reference=Номер", "account=Счет", "amount=Сумма", "paid_at=Дата", "decimal=comma"],
    )
    first = f"Номер;Счет;Сумма;Дата\n{FIRST};{NUMBER};1 234,50;27.11.2026 13:00:00\n"
    second = f"Номер;Счет;Сумма;Дата\n{SECOND};{NUMBER};1,00;27.11.2026\n"
    await desk.take(RAIL, DAY, "1.csv", first.encode("cp1251"), "ann", NOW, mapping)
    day = (await desk.take(RAIL, DAY, "2.csv", second.encode(), "ann", NOW)).day
    assert states(day) == {"missing": (2, 123_550, 0)}
    with pytest.raises(InvalidInput, match="lacks txn_id"):
        await desk.take(OTHER, DAY, "3.csv", second.encode(), "ann", NOW)


async def test_no_query_about_a_day_goes_through_all_payments_or_lines(tmp_path: Path) -> None:
    """By SQLite's own plan; PostgreSQL has the same indexes."""
    ledger = await SqlLedger.connect(f"sqlite:///{tmp_path}/ledger.db")
    await ledger.migrate()
    statements: list[tuple[str, Any]] = []

    @event.listens_for(ledger._engine, "before_cursor_execute")
    def executing(connection: object, cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if "FROM incoming_payments" in statement or "FROM register_lines" in statement:
            statements.append((statement, parameters))

    await taken(ledger, line())
    statements.clear()
    await ledger.register_day(TERMS, DAY)
    await ledger.register_lines(TERMS, DAY)
    await ledger.rail_totals(TERMS, DAY, DAY + timedelta(days=1))
    async for _ in ledger.payments_between(RAIL, *TERMS.bounds(DAY)):
        pass
    with ledger._reading("explain") as connection:
        plans = [
            [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            for statement, parameters in statements[:]
        ]
    await ledger.close()
    assert len(plans) >= 8
    assert [step for plan in plans for step in plan if step.startswith("SCAN")] == []
