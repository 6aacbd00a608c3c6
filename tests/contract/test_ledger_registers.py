"""A bank's register of a day beside the journal, on SQLite and PostgreSQL alike."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from adapters.sql.ledger import SqlLedger
from billing.errors import InvalidInput
from billing.receivables.incoming import PaymentKind
from billing.registers.ports import DAYS_SHOWN
from billing.registers.register import LineState
from sandbox.timeline import until
from tests.contract.register_fixtures import (
    BY,
    DAY,
    FIRST,
    NOW,
    NUMBER,
    OTHER,
    RAIL,
    SECOND,
    TERMS,
    THIRD,
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


async def test_a_payment_that_went_back_as_a_whole_is_no_extra_one(ledger: SqlLedger) -> None:
    await with_account(ledger)
    payment = await told(ledger)
    back = payment.evolve(
        reference="back-1", kind=PaymentKind.REFUND, amount_minor=-10_000, original=payment.name, by="ann"
    )
    await ledger.book(back, NOW)
    assert states(await taken(ledger, line(SECOND))) == {"missing": (1, 10_000, 0)}
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


async def test_days_are_those_of_the_contracts_zone(ledger: SqlLedger) -> None:
    await with_account(ledger)
    begins, ends = TERMS.bounds(DAY)
    for number, instant in enumerate((begins - timedelta(seconds=1), begins, ends - timedelta(seconds=1), ends)):
        payment = await told(ledger, f"8{number}", 100)
        await ledger.book(payment.evolve(reference=f"9{number}", paid_at=instant), NOW)
    names = {row.reference for row in (await lines_of(ledger)).rows}
    assert names == {"80", "81", "82", "83", "91", "92"}


async def test_days_without_a_register_count_from_the_first_money_or_register_on(ledger: SqlLedger) -> None:
    day = DAY - timedelta(days=2)
    assert await ledger.days_without_register(TERMS, day, DAY) == []
    await with_account(ledger)
    await told(ledger)
    assert await ledger.days_without_register(TERMS, day, DAY + timedelta(days=2)) == [DAY, DAY + timedelta(days=1)]
    await taken(ledger, line())
    assert await ledger.days_without_register(TERMS, day, DAY + timedelta(days=2)) == [DAY + timedelta(days=1)]


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
