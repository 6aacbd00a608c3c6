"""A confirmation breaks at every statement, or meets the bank's own `pay` there: the money is booked once."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import BillingError, InvalidInput
from billing.receivables.journal import PaymentName
from tests.contract.register_fixtures import BY, DAY, NOW, RAIL, TERMS, TXNS, csv, desk_of, line, told, with_account
from tests.contract.test_order_statements import MEET_SECONDS, Broken, before, other

__all__ = ["other"]  # fixture

Act = Callable[[SqlLedger, int], Awaitable[object]]


def txn(place: int) -> str:
    return f"4711{place:04}"


async def confirm(ledger: SqlLedger, place: int) -> None:
    await desk_of(ledger).confirm(RAIL, txn(place), *BY)


async def pay(ledger: SqlLedger, place: int) -> None:
    await told(ledger, txn(place), 100)


async def statements(ledger: SqlLedger, act: Act, place: int = 0) -> int:
    async with before(ledger, 0, lambda: None) as seen:
        await act(ledger, place)
    return len(seen)


async def with_lines(ledger: SqlLedger, count: int) -> None:
    await with_account(ledger)
    lines = (line(txn(place), "1.00") for place in range(count))
    await desk_of(ledger).take(RAIL, DAY, "r.csv", csv(*lines), "ann", NOW)


def die() -> None:
    raise Broken


async def test_a_confirmation_that_breaks_at_any_statement_leaves_nothing_and_is_done_by_its_repeat(
    ledger: SqlLedger,
) -> None:
    await with_lines(ledger, 40)
    count = await statements(ledger, confirm)
    assert count > 5
    for place in range(1, count + 1):
        async with before(ledger, place, die):
            with pytest.raises((Broken, BillingError)):
                await confirm(ledger, place)
        assert await ledger.incoming_payment(PaymentName.of(RAIL, txn(place))) is None
        await confirm(ledger, place)
    assert (await ledger.balance("acme")).credits == {"kzt": -100 * (count + 1)}


async def test_a_confirmation_and_the_banks_pay_that_meet_at_any_statement_book_once(
    ledger: SqlLedger, other: SqlLedger
) -> None:
    await with_lines(ledger, 40)
    count = await statements(ledger, confirm)
    for place in range(1, count + 1):
        loop, met, ended = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

        def meet() -> None:
            loop.call_soon_threadsafe(met.set)  # noqa: B023
            ended.wait(MEET_SECONDS)  # noqa: B023

        async def come() -> None:
            await met.wait()  # noqa: B023
            await pay(other, place)  # noqa: B023
            ended.set()  # noqa: B023

        async def act() -> None:
            with suppress(InvalidInput):  # it has arrived meanwhile
                await confirm(ledger, place)  # noqa: B023

        async with before(ledger, place, meet):
            await asyncio.gather(act(), come())
    assert (await ledger.balance("acme")).credits == {"kzt": -100 * (count + 1)}
    tallies = (await ledger.register_day(TERMS, DAY)).tallies
    assert [(str(tally.state), tally.count) for tally in tallies] == [
        ("confirmed", count + 1),
        ("missing", 40 - count - 1),
    ]


async def test_a_file_that_breaks_at_any_statement_is_taken_in_whole_by_its_repeat(ledger: SqlLedger) -> None:
    await with_account(ledger)
    files = [csv(line(TXNS[0], f"{place}.00"), line(txn(place))) for place in range(1, 30)]

    async def take(ledger: SqlLedger, place: int) -> None:
        await desk_of(ledger).take(RAIL, DAY, f"{place}.csv", files[place], "ann", NOW)

    count = await statements(ledger, take)
    assert count > 5
    for place in range(1, count + 1):
        alerts = len(await ledger.alerts())
        async with before(ledger, place, die):
            with suppress(Broken, BillingError):
                await take(ledger, place)
        await take(ledger, place)
        day = await ledger.register_day(TERMS, DAY)
        assert [(str(tally.state), tally.count) for tally in day.tallies] == [("missing", place + 2)]
        assert len(await ledger.alerts()) == alerts + 1
