"""Departments, payers and clocks act on an order at random, twice, late and out of turn: what must hold, holds."""

import random
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import InvalidInput
from billing.events.event import Destination
from billing.receivables.journal import Subject
from billing.tasks.listing import TaskFilter
from billing.tasks.member import Member
from billing.tasks.task import TaskKind
from orders.changes import Cancel, Halt, Resume
from tests.contract.event_fixtures import listed
from tests.contract.ledger_fixtures import read
from tests.ordering import by
from tests.service_ordering import AT, FEE_MINOR, done, opened, payment, shown, task_of, with_tariff

ACTIONS = ("do", "do", "do", "refuse", "return", "pay", "pay a part", "cancel", "halt", "resume", "pass time")


async def act(ledger: SqlLedger, action: str, count: int, at: datetime, chance: random.Random) -> None:
    """One of them; what is refused changes nothing."""
    match action:
        case "do" | "refuse":
            has_form = (await task_of(ledger)).step == "feasibility"
            typed = {"possible": "yes" if action == "do" else "no"} if has_form else {}
            await done(ledger, at=at, **typed)
        case "return":
            task = await task_of(ledger)
            await ledger.return_task(task.number, Member("karl", (task.department,)), "feasibility", "not there", at)
        case "pay" | "pay a part":
            amount_minor = FEE_MINOR if action == "pay" else chance.randrange(1, FEE_MINOR)
            given = payment(amount_minor, f"payment {count}")
            await ledger.book(given, at)
            await ledger.book(given, at)
        case "pass time":
            await ledger.pass_time("77", at)
        case _:
            change = {"cancel": Cancel, "halt": Halt, "resume": Resume}[action](**by(f"change {count}"))
            await ledger.change_service_order("77", change, at)


async def check(ledger: SqlLedger, url: str) -> None:
    found = await shown(ledger)
    order, balance = found.order, await ledger.balance("dana")
    assert [step.position for step in found.steps] == list(range(1, order.position + 1))
    assert [step.ended_at is None for step in found.steps[:-1]] == [False] * (len(found.steps) - 1)
    tasks = await ledger.tasks(TaskFilter(kind=TaskKind.STEP, open_only=False))
    assert len({task.key for task in tasks}) == len(tasks)
    left = sum(task.end is None for task in tasks)
    assert left <= 1 if order.halt else left == (order.end is None and order.now_at.kind == "task")
    paid = read(url, "SELECT COALESCE(SUM(amount_minor), 0) FROM incoming_payments")[0][0]
    owed_minor = balance.owed_for(Subject.fee("77"), "kzt")
    billed = read(url, "SELECT COALESCE(SUM(-amount_minor), 0) FROM entries WHERE kind = 'billed'")[0][0]
    assert int(paid) + balance.carried_minor("kzt") == int(billed) - owed_minor
    is_asked = order.end is None and order.now_at.kind == "payment"
    assert 0 <= owed_minor <= FEE_MINOR if is_asked else owed_minor == 0
    assert int(billed) <= FEE_MINOR
    ended = Counter(step.step for step in found.steps)
    assert ended["bill"] <= 1
    assert ended["told"] <= 1
    if "install" in ended:
        assert order.values["fee.outcome"] == "settled"
    told = Counter(event.destination for event in await listed(ledger))
    assert (told[Destination.CUSTOMER], told[Destination.BILLING]) == (ended["told"], ended["bill"])


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens_each_step_is_done_once_and_no_money_is_lost(url: str, seed: int) -> None:
    ledger, chance = await SqlLedger.connect(url, (Destination.CUSTOMER, Destination.BILLING)), random.Random(seed)
    await ledger.migrate()
    await with_tariff(ledger)
    await opened(ledger)
    at = AT
    for count in range(25):
        at += timedelta(hours=chance.choice((1, 30)))
        action = chance.choice(ACTIONS)
        with suppress(InvalidInput, ValueError):  # ValueError: there is no task
            await act(ledger, action, count, at, chance)
        await check(ledger, url)
    await ledger.close()
