"""Two processes at one service order at the same instant: it goes on once, and what it follows from is never lost."""

import json
from typing import Any

from adapters.sql.ledger import SqlLedger
from billing.receivables.journal import Subject
from orders.service.ports import ServiceShown
from tests.contract.ledger_fixtures import read, succeed
from tests.forks import Fork
from tests.service_order_racing import ORDERS, customer, name, wanted
from tests.service_ordering import AT, CONNECT, FEE_MINOR, LATER, YES, done, shown

RACE = "import asyncio, sys; from tests.service_order_racing import main; asyncio.run(main(*sys.argv[1:]))"


async def race(ledger: SqlLedger, url: str, *actions: str, asked: bool = True) -> list[list[Any]]:
    """What became of each action at each order, all processes at once; each waits for its fee, if ``asked``."""
    for place in range(ORDERS):
        await ledger.open_service_order(wanted(place), CONNECT, AT)
        if asked:
            await done(ledger, name(place), LATER, possible=YES)
    return [json.loads(printed) for printed in await succeed(*(Fork(RACE, url, action) for action in actions))]


async def stands(ledger: SqlLedger, url: str, place: int) -> tuple[ServiceShown, int, int]:
    """The order, what is owed for it, and its customer's credit; no step was begun twice, and no fee billed twice."""
    found = await shown(ledger, name(place))
    assert [step.position for step in found.steps] == list(range(1, len(found.steps) + 1))
    assert len({step.step for step in found.steps}) == len(found.steps)
    notices = read(url, f"SELECT key FROM transactions WHERE customer_id = '{customer(place)}' AND cause = 'notice'")
    assert len(notices) <= 1
    balance = await ledger.balance(customer(place))
    owed_minor = balance.owed_for(Subject.fee(name(place)), "kzt")
    return found, owed_minor, -balance.carried_minor("kzt")


async def test_two_completions_of_one_task_ask_for_one_fee(ledger: SqlLedger, url: str) -> None:
    first, second = await race(ledger, url, "possible by a", "possible by b", asked=False)
    for place in range(ORDERS):
        assert True in (first[place], second[place])
        found, owed_minor, _ = await stands(ledger, url, place)
        assert (found.order.step, owed_minor) == ("fee", FEE_MINOR)


async def test_a_payment_and_the_expiry_of_its_step_end_in_either_order(ledger: SqlLedger, url: str) -> None:
    await race(ledger, url, "pay", "expire")
    for place in range(ORDERS):
        found, owed_minor, credit = await stands(ledger, url, place)
        assert owed_minor == 0
        if found.order.values["fee.outcome"] == "settled":
            assert (found.order.step, credit) == ("install", 0)
        else:
            assert (found.standing.outcome, credit) == ("refused", FEE_MINOR)


async def test_a_payment_and_a_cancellation_end_in_credit(ledger: SqlLedger, url: str) -> None:
    _, cancelled = await race(ledger, url, "pay", "cancel")
    for place in range(ORDERS):
        assert cancelled[place] is True
        found, owed_minor, credit = await stands(ledger, url, place)
        assert (found.standing.outcome, owed_minor, credit) == ("refused", 0, FEE_MINOR)


async def test_two_who_open_one_order_have_one(ledger: SqlLedger, url: str) -> None:
    openers = await succeed(*(Fork(RACE, url, "open") for _ in range(2)))
    first, second = (json.loads(printed) for printed in openers)
    for place in range(ORDERS):
        assert sorted((first[place], second[place])) == [False, True]
        assert len(await ledger.services_of(customer(place))) == 1
