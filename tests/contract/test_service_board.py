"""The board: open orders by step, and how long their steps took, on SQLite and on PostgreSQL alike."""

from datetime import timedelta

from adapters.sql.ledger import SqlLedger
from orders.service.board import StepCount, StepTime, Times, by_person, by_step
from tests.service_ordering import AT, LATER, YES, done, opened, with_tariff


async def test_open_orders_are_counted_by_step_since_the_first_came_there(ledger: SqlLedger) -> None:
    await with_tariff(ledger)
    for number, at in (("77", LATER), ("78", AT), ("79", AT)):
        await opened(ledger, at, number=number)
    assert await ledger.step_counts() == [StepCount("connect", "feasibility", 3, AT)]
    await done(ledger, "79", LATER, possible=YES)
    assert await ledger.step_counts() == [
        StepCount("connect", "feasibility", 2, AT),
        StepCount("connect", "fee", 1, LATER),
    ]


async def test_steps_are_timed_from_their_beginning_to_whoever_ends_them(ledger: SqlLedger) -> None:
    await with_tariff(ledger)
    await opened(ledger, AT)
    assert await ledger.step_times() == []
    await done(ledger, "77", AT + timedelta(minutes=5), possible=YES)
    assert await ledger.step_times() == [StepTime("Feasibility", "operator", "of-operator", 300)]
    assert await ledger.step_times(0) == []


def test_times_are_grouped_with_the_slowest_first() -> None:
    times = [StepTime("Install", "crew", "karl", seconds) for seconds in range(1, 11)]
    times += [StepTime("Pack", "warehouse", "wes", 60), StepTime("Install", "crew", "kate", 11)]
    assert by_step(times) == [Times("Pack", "warehouse", 1, 60, 60), Times("Install", "crew", 11, 6, 10)]
    assert [each.name for each in by_person(times)] == ["wes", "kate", "karl"]
    assert by_step([]) == []
