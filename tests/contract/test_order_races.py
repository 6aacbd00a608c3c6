"""Two processes at one order at the same instant: one release, never while money is missing, and nothing is lost."""

import json
from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from billing.events.event import Destination
from orders.order import EndKind, OrderStanding
from tests.contract.event_fixtures import listed
from tests.contract.ledger_fixtures import read, succeed
from tests.forks import Fork
from tests.ordering import AT, log_of
from tests.racing import ORDERS, name, wanted

RACE = "import asyncio, sys; from tests.racing import main; asyncio.run(main(*sys.argv[1:]))"


async def race(ledger: SqlLedger, url: str, *actions: str, opened: bool = True) -> list[list[Any]]:
    """What became of each action at each order, all processes at once."""
    for place in range(ORDERS if opened else 0):
        await ledger.open_order(wanted(place), AT)
    return [json.loads(printed) for printed in await succeed(*(Fork(RACE, url, action) for action in actions))]


async def outcome(ledger: SqlLedger, url: str, place: int) -> tuple[OrderStanding, int]:
    """How the order stands, and its buyer's credit; its releases and their events are what the journal allows."""
    standing = await ledger.order(name(place))
    assert standing is not None
    for release in standing.order.releases:
        unpaid = read(
            url,
            f"SELECT SUM(amount_minor) FROM entries WHERE kind = 'receivable' AND subject = '{name(place)}' "
            f"AND number <= {release.position}",
        )
        assert int(unpaid[0][0]) == release.owed_minor <= standing.order.tolerance_minor
    events = [event for event in await listed(ledger, False, f"buyer-{place}") if _is_release(event, name(place))]
    assert len(events) == len(standing.order.releases)
    balance = await ledger.balance(f"buyer-{place}")
    return standing, -balance.carried_minor("eur")


def _is_release(event: Any, number: str) -> bool:
    return event.destination is Destination.PRODUCTION and event.payload["data"]["number"] == number


@pytest.mark.parametrize(
    ("first", "second", "credit"), [("pay by a", "pay by b", 10000), ("half by a", "half by b", 0)]
)
async def test_two_rails_pay_at_once_and_release_once(
    ledger: SqlLedger, url: str, first: str, second: str, credit: int
) -> None:
    await race(ledger, url, first, second)
    for place in range(ORDERS):
        standing, left = await outcome(ledger, url, place)
        assert (standing.owed_minor, len(standing.order.releases), left) == (0, 1, credit)
        assert (await log_of(ledger, name(place))).count("released") == 1


async def test_a_payment_and_a_cancellation_end_in_either_order(ledger: SqlLedger, url: str) -> None:
    _, cancelled = await race(ledger, url, "pay by a", "cancel")
    for place in range(ORDERS):
        standing, credit = await outcome(ledger, url, place)
        if cancelled[place] is True:
            assert standing.order.end is not None
            assert (standing.order.releases, standing.owed_minor, credit) == ((), 0, 10000)
        else:
            assert "was released already" in cancelled[place]
            assert (standing.order.end, len(standing.order.releases), credit) == (None, 1, 0)


async def test_a_payment_and_an_amendment_end_in_either_order(ledger: SqlLedger, url: str) -> None:
    _, amended = await race(ledger, url, "pay by a", "amend")
    for place in range(ORDERS):
        standing, credit = await outcome(ledger, url, place)
        if amended[place] is True:
            assert (standing.order.version, standing.order.releases, standing.owed_minor) == (2, (), 2000)
        else:
            assert (standing.order.version, len(standing.order.releases), standing.owed_minor) == (1, 1, 0)
        assert credit == 0


async def test_a_payment_and_the_expiry_end_in_either_order(ledger: SqlLedger, url: str) -> None:
    await race(ledger, url, "pay by a", "expire")
    for place in range(ORDERS):
        standing, credit = await outcome(ledger, url, place)
        if standing.order.end:
            assert standing.order.end.kind is EndKind.EXPIRED
            assert (standing.order.releases, standing.owed_minor, credit) == ((), 0, 10000)
        else:
            assert (len(standing.order.releases), standing.owed_minor, credit) == (1, 0, 0)


async def test_an_order_that_is_opened_twice_at_once_is_billed_once(ledger: SqlLedger, url: str) -> None:
    first, second = await race(ledger, url, "open", "open", opened=False)
    assert [sorted(both) for both in zip(first, second, strict=True)] == [[False, True]] * ORDERS
    for place in range(ORDERS):
        standing, _ = await outcome(ledger, url, place)
        (owed,) = (await ledger.balance(f"buyer-{place}")).owed
        assert owed.amount_minor == standing.owed_minor == 10000


async def test_of_two_orders_with_one_number_one_is_refused(ledger: SqlLedger, url: str) -> None:
    first, second = await race(ledger, url, "open", "open another", opened=False)
    for place in range(ORDERS):
        assert (first[place] is True) is not (second[place] is True)
        standing, _ = await outcome(ledger, url, place)
        assert standing.owed_minor == (10000 if first[place] is True else 9000)
