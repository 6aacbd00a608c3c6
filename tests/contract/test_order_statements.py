"""Two who move an order's money meet at every statement of a transaction, and a transaction breaks at every statement:
one release, with the money, or neither; and nothing is lost.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from sqlalchemy import event

from adapters.sql.ledger import SqlLedger
from billing.errors import BillingError, InvalidInput
from tests.contract.test_order_races import outcome
from tests.ordering import AT, log_of
from tests.racing import ACTIONS, ALL, name, wanted

MEET_SECONDS = 0.05
"""How long a transaction waits in its middle for another one, in vain if that needs its lock."""


class Broken(Exception):
    """As if the process had died here."""


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    """A ledger that tells everybody."""
    ledger = await SqlLedger.connect(url, ALL)
    yield ledger
    await ledger.close()


@pytest.fixture
async def other(url: str) -> AsyncIterator[SqlLedger]:
    """Another process, so to say."""
    ledger = await SqlLedger.connect(url, ALL)
    yield ledger
    await ledger.close()


@asynccontextmanager
async def before(ledger: SqlLedger, number: int, do: Callable[[], None]) -> AsyncIterator[list[str]]:
    """Does something before the statement of that number; yields all statements until then."""
    seen: list[str] = []

    def look(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)
        if len(seen) == number:
            do()

    event.listen(ledger._engine, "before_cursor_execute", look)
    try:
        yield seen
    finally:
        event.remove(ledger._engine, "before_cursor_execute", look)


async def statements(ledger: SqlLedger, action: str) -> int:
    """How many the action has."""
    await ledger.open_order(wanted(0), AT)
    async with before(ledger, 0, lambda: None) as seen:
        await ACTIONS[action](ledger, 0)
    return len(seen)


async def act(ledger: SqlLedger, action: str, place: int) -> None:
    with suppress(InvalidInput):  # it came too late
        await ACTIONS[action](ledger, place)


@pytest.mark.parametrize(
    ("first", "second", "credit"),
    [("pay by a", "pay by b", 10000), ("half by a", "half by b", 0), ("pay by a", "amend", None)],
)
async def test_two_meet_at_every_statement_and_the_order_is_released_once(
    ledger: SqlLedger, other: SqlLedger, url: str, first: str, second: str, credit: int | None
) -> None:
    count = await statements(ledger, first)
    assert count > 10
    for place in range(1, count + 1):
        await ledger.open_order(wanted(place), AT)
        loop, met, ended = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

        def meet() -> None:
            loop.call_soon_threadsafe(met.set)  # noqa: B023
            ended.wait(MEET_SECONDS)  # noqa: B023

        async def come() -> None:
            await met.wait()  # noqa: B023
            await act(other, second, place)  # noqa: B023
            ended.set()  # noqa: B023

        async with before(ledger, place, meet):
            await asyncio.gather(act(ledger, first, place), come())
        standing, left = await outcome(ledger, url, place)
        if credit is None:
            version = standing.order.version
            assert (standing.owed_minor, len(standing.order.releases)) == ((0, 1) if version == 1 else (2000, 0))
        else:
            assert (standing.owed_minor, len(standing.order.releases), left) == (0, 1, credit)


@pytest.mark.parametrize("action", ["pay by a", "amend", "cancel", "expire"])
async def test_what_breaks_at_any_statement_leaves_nothing_and_is_done_by_its_repeat(
    ledger: SqlLedger, url: str, action: str
) -> None:
    count = await statements(ledger, action)
    expected, left = await outcome(ledger, url, 0)
    for place in range(1, count + 1):
        await ledger.open_order(wanted(place), AT)
        opened = await ledger.order(name(place))

        def die() -> None:
            raise Broken

        async with before(ledger, place, die):
            with pytest.raises((Broken, BillingError)):
                await ACTIONS[action](ledger, place)
        assert (await ledger.order(name(place)), await log_of(ledger, name(place))) == (opened, ["opened"])
        await ACTIONS[action](ledger, place)
        standing, credit = await outcome(ledger, url, place)
        releases = [release.kind for release in standing.order.releases]
        assert (standing.stage, standing.owed_minor, credit) == (expected.stage, expected.owed_minor, left)
        assert releases == [release.kind for release in expected.order.releases]
        assert await log_of(ledger, name(place)) == await log_of(ledger, name(0))
