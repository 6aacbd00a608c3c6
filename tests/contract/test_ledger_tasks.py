"""What departments do with tasks, on SQLite and on PostgreSQL alike: each takes effect once, and only if it may."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from adapters.sql.ledger import SqlLedger
from billing.errors import FormRefused, InvalidInput, NotFound
from billing.tasks.listing import TaskCursor, TaskFilter
from billing.tasks.log import TaskAct
from billing.tasks.ports import ASSIGN_MAX
from billing.tasks.task import Completion, NewTask, Task, TaskKind, TaskOutcome
from tests.contract.ledger_fixtures import AT, LATER, drafted
from tests.contract.task_fixtures import CAROL, DONE, DUE, KARL, KATE, WES, opened, people

SOON = AT + timedelta(hours=1)


async def numbers(ledger: SqlLedger, wanted: TaskFilter, size: int = 2) -> list[int]:
    """Of all pages, each of which begins after the last task of the one before."""
    found: list[Task] = []
    cursor = None
    while page := await ledger.tasks(wanted, size, cursor):
        assert len(page) <= size
        found += page
        cursor = TaskCursor.read(str(TaskCursor.after(page[-1])))
    return [task.number for task in found]


async def test_a_task_is_claimed_once_and_the_second_hears_whose_it_is(ledger: SqlLedger) -> None:
    task = await opened(ledger)
    claimed = await ledger.claim_task(task.number, KARL, SOON)
    assert (claimed.owner, claimed.claimed_at) == ("karl", SOON)
    assert await ledger.claim_task(task.number, KARL, LATER) == claimed, "a repeat changes nothing"
    with pytest.raises(InvalidInput, match="karl's; hand it over"):
        await ledger.claim_task(task.number, KATE, LATER)
    with pytest.raises(InvalidInput, match="is for crew, and wes belongs to warehouse; ask somebody of crew"):
        await ledger.claim_task(task.number, WES, LATER)
    with pytest.raises(NotFound, match="there is no task 99"):
        await ledger.claim_task(99, KARL, LATER)
    assert [(entry.act, entry.by, entry.owner) for entry in await ledger.task_log(task.number)] == [
        (TaskAct.CLAIMED, "karl", "karl")
    ]


async def test_of_two_who_claim_a_task_at_once_one_has_it(ledger: SqlLedger, url: str) -> None:
    other = await SqlLedger.connect(url)
    for place in range(10):
        task = await opened(ledger, f"race {place}")
        claims = ledger.claim_task(task.number, KARL, SOON), other.claim_task(task.number, KATE, SOON)
        ends = await asyncio.gather(*claims, return_exceptions=True)
        (winner,) = [end.owner for end in ends if isinstance(end, Task)]
        (loser,) = [str(end) for end in ends if isinstance(end, InvalidInput)]
        assert f"{winner}'s" in loser
        kept = await ledger.task(task.number)
        assert kept is not None
        assert kept.owner == winner
    await other.close()


async def test_the_same_completion_is_the_same_answer_and_another_is_refused(ledger: SqlLedger) -> None:
    await ledger.record(drafted(), AT)  # the customer has a currency
    task = await opened(ledger)
    done = await ledger.complete_task(task.number, KARL, DONE.evolve(typed={"serials": "A1, A2", "fee": "12.50"}), SOON)
    assert done.end is not None
    assert (done.end.outcome, done.end.by, done.end.at) == (TaskOutcome.DONE, "karl", SOON)
    assert done.end.answers == {"serials": ("A1", "A2"), "fee": 1250}
    again = DONE.evolve(typed={"serials": "A1\nA2", "fee": "12.50"})
    assert await ledger.complete_task(task.number, KARL, again, LATER) == done
    assert await ledger.task(task.number) == done
    for member, completion in ((KATE, again), (KARL, DONE)):
        with pytest.raises(InvalidInput, match=r"was ended by karl as done with other answers"):
            await ledger.complete_task(task.number, member, completion, LATER)
    with pytest.raises(InvalidInput, match="ended by karl as done"):
        await ledger.return_task(task.number, KARL, "equipment", "no port", LATER)
    with pytest.raises(InvalidInput, match="has ended: done by karl"):
        await ledger.claim_task(task.number, KATE, LATER)
    assert await ledger.tasks(TaskFilter()) == []


async def test_of_two_who_complete_a_task_at_once_one_has_done_it(ledger: SqlLedger, url: str) -> None:
    other = await SqlLedger.connect(url)
    await ledger.record(drafted(), AT)
    for place in range(10):
        task = await opened(ledger, f"race {place}")
        theirs = DONE.evolve(typed={"serials": "B1"})
        doing = (
            ledger.complete_task(task.number, KARL, DONE, SOON),
            other.complete_task(task.number, KATE, theirs, SOON),
        )
        ends = await asyncio.gather(*doing, return_exceptions=True)
        (done,) = [end for end in ends if isinstance(end, Task)]
        assert await ledger.task(task.number) == done
        assert len([end for end in ends if isinstance(end, InvalidInput)]) == 1
    await other.close()


async def test_a_form_that_is_not_whole_changes_nothing_and_names_each_field(ledger: SqlLedger) -> None:
    task = await opened(ledger)
    with pytest.raises(FormRefused) as refused:
        await ledger.complete_task(task.number, KARL, Completion(typed={"fee": "x", "colour": "red"}), SOON)
    assert refused.value.problems.keys() == {"serials", "fee", "colour"}
    assert await ledger.task(task.number) == task
    with pytest.raises(InvalidInput, match="a step is done or returned; to end its order, cancel 7"):
        await ledger.complete_task(task.number, KARL, Completion(outcome=TaskOutcome.NOT_DONE, reason="no"), SOON)


async def test_who_has_not_claimed_it_completes_nothing_but_an_administrator_does(ledger: SqlLedger) -> None:
    task = await opened(ledger)
    await ledger.claim_task(task.number, KARL, SOON)
    with pytest.raises(InvalidInput, match="karl's; hand it over to kate first"):
        await ledger.complete_task(task.number, KATE, DONE, SOON)
    with pytest.raises(InvalidInput, match="is for crew"):
        await ledger.complete_task(task.number, WES, DONE, SOON)
    done = await ledger.complete_task(task.number, CAROL, DONE, SOON)
    assert done.end is not None
    assert done.end.by == "carol"


async def test_a_task_goes_back_only_where_its_procedure_allows(ledger: SqlLedger) -> None:
    task = await opened(ledger)
    with pytest.raises(InvalidInput, match="cannot go back to 'fee'; it may go to equipment"):
        await ledger.return_task(task.number, KARL, "fee", "no port", SOON)
    back = await ledger.return_task(task.number, KARL, "equipment", "no port", SOON)
    assert back.end is not None
    assert (back.end.outcome, back.end.to_step, back.end.reason) == (TaskOutcome.RETURNED, "equipment", "no port")
    assert await ledger.return_task(task.number, KARL, "equipment", "no port", LATER) == back


async def test_a_task_is_handed_over_within_its_department_with_a_reason_that_stays(ledger: SqlLedger) -> None:
    await people(ledger, KARL, KATE, WES)
    task = await opened(ledger)
    await ledger.claim_task(task.number, KARL, SOON)
    for _ in range(2):
        handed = await ledger.hand_over_task(task.number, KARL, "kate", "on leave", LATER)
        assert (handed.owner, handed.claimed_at) == ("kate", LATER)
    with pytest.raises(InvalidInput, match="wes belongs to warehouse"):
        await ledger.hand_over_task(task.number, KATE, "wes", "his", LATER)
    with pytest.raises(NotFound, match="nobody signs in as zoe"):
        await ledger.hand_over_task(task.number, KATE, "zoe", "hers", LATER)
    back = await ledger.hand_over_task(task.number, KATE, None, "too far", LATER)
    assert (back.owner, back.claimed_at) == (None, None)
    log = await ledger.task_log(task.number)
    assert [(entry.act, entry.by, entry.owner, entry.reason) for entry in log] == [
        (TaskAct.CLAIMED, "karl", "karl", None),
        (TaskAct.HANDED_OVER, "karl", "kate", "on leave"),
        (TaskAct.GIVEN_BACK, "kate", None, "too far"),
    ]


async def test_many_tasks_are_assigned_at_once_and_those_that_cannot_be_are_named(ledger: SqlLedger) -> None:
    await people(ledger, KARL, KATE)
    free, taken, other = (
        await opened(ledger, "1"),
        await opened(ledger, "2"),
        await opened(ledger, "3", department="warehouse"),
    )
    await ledger.claim_task(taken.number, KATE, SOON)
    for _ in range(2):
        failed = await ledger.assign_tasks([other.number, taken.number, free.number, 99], KARL, "karl", SOON)
        assert [each.number for each in failed] == [taken.number, other.number, 99]
    assert "kate's" in failed[0].why
    assert await numbers(ledger, TaskFilter(owner="karl")) == [free.number]
    assert [entry.act for entry in await ledger.task_log(free.number)] == [TaskAct.ASSIGNED]
    with pytest.raises(InvalidInput, match="at most 500"):
        await ledger.assign_tasks(range(ASSIGN_MAX + 1), KARL, "karl", SOON)


async def test_pages_have_every_task_once_in_order_whatever_happens_between_them(ledger: SqlLedger) -> None:
    late = await opened(ledger, "late", due_at=AT)
    same = [await opened(ledger, f"same {place}") for place in range(3)]
    never = await opened(ledger, "never", due_at=None)
    elsewhere = await opened(ledger, "elsewhere", department="warehouse", due_at=DUE - timedelta(days=1))
    in_order = [late.number, *(task.number for task in same), never.number]
    assert await numbers(ledger, TaskFilter(departments=("crew",))) == in_order
    together = [late.number, elsewhere.number, *in_order[1:]]
    assert await numbers(ledger, TaskFilter()) == together
    assert await numbers(ledger, TaskFilter(departments=("crew", "warehouse"))) == together
    assert await numbers(ledger, TaskFilter(departments=("crew", "warehouse"), unclaimed_only=True)) == together

    first = await ledger.tasks(TaskFilter(departments=("crew",)), 2)
    for done in first:
        await ledger.complete_task(done.number, KARL, DONE, SOON + timedelta(seconds=done.number))
    rest = await ledger.tasks(TaskFilter(departments=("crew",)), 9, TaskCursor.after(first[-1]))
    assert [task.number for task in rest] == in_order[2:]
    ended = [task.number for task in reversed(first)]
    assert await numbers(ledger, TaskFilter(open_only=False, departments=("crew",))) == [*in_order[2:], *ended]
    assert await numbers(ledger, TaskFilter(open_only=False, departments=("crew", "warehouse")), 3) == [
        elsewhere.number,
        *in_order[2:],
        *ended,
    ]


async def test_tasks_are_counted_for_a_member(ledger: SqlLedger) -> None:
    for key, department in (("1", "crew"), ("2", "crew"), ("3", "warehouse")):
        await opened(ledger, key, department=department)
    (first, *_) = await ledger.tasks(TaskFilter(departments=("crew",)))
    await ledger.claim_task(first.number, KARL, SOON)
    assert await ledger.task_counts(KARL, SOON) == (1, 2, 0)
    assert await ledger.task_counts(KARL, DUE + timedelta(seconds=1)) == (1, 2, 2)
    assert await ledger.task_counts(CAROL, SOON) == (0, 3, 0)


async def test_a_task_of_amounts_is_never_said_to_be_done(ledger: SqlLedger) -> None:
    wanted = NewTask(kind=TaskKind.ENTER_AMOUNTS, key="amounts", customer_id="acme", values={"period": "2026-11"})
    task = await ledger.open_task(wanted, AT)
    assert task.department == "accounting"
    with pytest.raises(InvalidInput, match="closes by itself, once the amounts are entered"):
        await ledger.complete_task(task.number, CAROL, Completion(reason="done"), SOON)


@pytest.mark.parametrize(
    ("wanted", "open_index", "ended_index"),
    [
        (TaskFilter(), "tasks_open", "tasks_ended"),
        (TaskFilter(departments=("crew",)), "tasks_open_by_department", "tasks_ended_by_department"),
        (TaskFilter(departments=("crew",), unclaimed_only=True), "tasks_unclaimed", "tasks_ended_by_department"),
        (TaskFilter(owner="karl"), "tasks_open_by_owner", "tasks_ended_by_owner"),
        (TaskFilter(TaskKind.DISCONNECT), "tasks_open_by_kind", "tasks_ended_by_kind"),
        (TaskFilter(TaskKind.STEP, owner="karl"), "tasks_open_of_owner_by_kind", "tasks_ended_of_owner_by_kind"),
        (
            TaskFilter(TaskKind.DISCONNECT, departments=("crew",)),
            "tasks_open_of_department_by_kind",
            "tasks_ended_of_department_by_kind",
        ),
    ],
    ids=str,
)
async def test_a_page_reads_no_more_than_its_rows(
    tmp_path: Path, wanted: TaskFilter, open_index: str, ended_index: str
) -> None:
    """By SQLite's own plan, of the first page and of a later one; PostgreSQL has the same indexes."""
    ledger = await SqlLedger.connect(f"sqlite:///{tmp_path}/ledger.db")
    await ledger.migrate()
    asked: list[tuple[str, Any]] = []

    @event.listens_for(ledger._engine, "before_cursor_execute")
    def executing(connection: object, cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if "FROM tasks" in statement:
            asked.append((statement, parameters))

    for has_ended in (False, True):
        await ledger.tasks(wanted._replace(open_only=not has_ended))
        await ledger.tasks(wanted._replace(open_only=not has_ended), 100, TaskCursor(has_ended, AT, 7))
    with ledger._reading("explain") as connection:
        used = []
        for statement, parameters in asked.copy():
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plan = " ".join(row[3] for row in rows)
            assert "TEMP B-TREE" not in plan, "it would sort them all"
            used.append(plan.partition("INDEX ")[2].partition(" ")[0])
    await ledger.close()
    assert used == [open_index, open_index, open_index, ended_index, ended_index]
