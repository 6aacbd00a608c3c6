"""Crews in the ledger: who has room on a day is chosen for a visit, whose task it is; a full day is refused."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import FormRefused, InvalidInput
from billing.subscribers.newcomer import NewSubscriber
from billing.tasks.crews import CrewDays, read_crews
from billing.tasks.listing import TaskFilter
from billing.tasks.log import TaskAct
from billing.tasks.member import Member
from billing.tasks.task import Completion
from orders.changes import Correct, Halt, Resume
from orders.procedures.procedure import Procedure
from tests.ordering import by
from tests.service_ordering import AT, LATER, request, task_of

CREWS = read_crews("crew-south=1: south-1; crew-north=2: north-1, Abay Ave")
DAY = date(2026, 12, 3)
OFFICE = Member("of-operator", ("operator",))
VISIT = Procedure.model_validate(
    {
        "name": "connect",
        "title": "Visit a subscriber",
        "fields": [{"name": "subscriber", "label": "Who"}, {"name": "tariff", "label": "Tariff"}],
        "steps": [
            {"kind": "task", "name": "plan", "title": "Plan", "department": "operator", "due": "1d", "next": "install",
             "form": [{"name": "day", "type": "date", "label": "Day"},
                      {"name": "crew", "type": "crew", "label": "Crew"}]},
            {"kind": "task", "name": "install", "title": "Install", "department": "crew", "due": "1d",
             "day": "plan.day", "crew": "plan.crew", "can_return_to": ["plan"], "next": "papers",
             "escalates_to": "operator"},
            {"kind": "task", "name": "papers", "title": "Papers", "department": "crew", "due": "1d",
             "crew": "plan.crew", "next": "gone"},
            {"kind": "end", "name": "gone", "title": "Gone", "outcome": "connected"},
        ],
        "cancel_until": "papers",
        "undo": "gone",
    }
)  # fmt: skip


@pytest.fixture
async def crewed(ledger: SqlLedger, url: str) -> AsyncIterator[SqlLedger]:
    """Another process of the same ledger, where crews are set."""
    crewed = await SqlLedger.connect(url, crews=CREWS)
    yield crewed
    await crewed.close()


async def plan(ledger: SqlLedger, number: str, crew: str = "crew-north", day: date = DAY) -> None:
    await opened(ledger, number)
    await planned(ledger, number, crew, day)


async def opened(ledger: SqlLedger, number: str, **subscriber: Any) -> None:
    lives = NewSubscriber(**{"phone": f"+7701000{number}", "address": "Abay Ave. 1"} | subscriber)
    await ledger.open_service_order(request(number, subscriber=lives), VISIT, AT, "ann", "cli")


async def planned(ledger: SqlLedger, number: str, crew: str = "crew-north", day: date = DAY) -> None:
    task = await task_of(ledger, number)
    typed = {"day": day.isoformat(), "crew": crew}
    await ledger.complete_task(task.number, OFFICE, Completion(typed=typed), LATER)


async def days(ledger: SqlLedger, number: str) -> list[CrewDays]:
    return list(await ledger.crew_days((await task_of(ledger, number)).number, DAY))


async def test_the_crew_that_is_chosen_has_the_visit_in_its_list(crewed: SqlLedger) -> None:
    await plan(crewed, "1001")
    (theirs,) = await crewed.tasks(TaskFilter(departments=("crew-north",)))
    assert (theirs.step, theirs.crew, theirs.visit_on) == ("install", "crew-north", "2026-12-03")
    assert not await crewed.tasks(TaskFilter(departments=("crew",)))
    await crewed.complete_task(theirs.number, Member("karl", ("crew-north",)), Completion(), LATER)
    assert ((await task_of(crewed, "1001")).step, (await task_of(crewed, "1001")).department) == (
        "papers",
        "crew-north",
    )


async def test_crews_of_the_area_come_first_with_their_visits_of_each_day(crewed: SqlLedger) -> None:
    await plan(crewed, "1001")
    await plan(crewed, "1002", "crew-south", DAY + timedelta(days=1))
    await opened(crewed, "1003")
    north, south = await days(crewed, "1003")
    assert (north.crew.name, north.serves, north.booked[:3]) == ("crew-north", True, (1, 0, 0))
    assert (south.crew.name, south.serves, south.booked[:3]) == ("crew-south", False, (0, 1, 0))
    await opened(crewed, "1004", address="Satpayev St. 3", node="south-1")
    assert [(each.crew.name, each.serves) for each in await days(crewed, "1004")] == [
        ("crew-south", True),
        ("crew-north", False),
    ]


async def test_a_day_on_which_the_crew_is_full_is_refused_and_the_next_free_one_named(crewed: SqlLedger) -> None:
    for number, day in (("1001", DAY), ("1002", DAY + timedelta(days=1))):
        await plan(crewed, number, "crew-south", day)
    await opened(crewed, "1003")
    with pytest.raises(FormRefused) as refused:
        await planned(crewed, "1003", "crew-south")
    assert refused.value.problems == {
        "crew": "crew-south has 1 of 1 visits on 2026-12-03; its next free day is 2026-12-05, or choose another crew"
    }
    assert (await task_of(crewed, "1003")).step == "plan"
    await planned(crewed, "1003", "crew-south", DAY + timedelta(days=2))
    assert (await task_of(crewed, "1003")).department == "crew-south"


async def test_of_two_who_choose_the_last_visit_at_once_one_is_refused(crewed: SqlLedger) -> None:
    for number in ("1001", "1002", "1003"):
        await opened(crewed, number)
    choices = (planned(crewed, number, "crew-south") for number in ("1001", "1002", "1003"))
    ended = await asyncio.gather(*choices, return_exceptions=True)
    assert sorted(type(each).__name__ for each in ended) == ["FormRefused", "FormRefused", "NoneType"]


async def test_a_visit_that_comes_back_leaves_its_place_and_one_that_was_made_does_not(
    crewed: SqlLedger,
) -> None:
    await plan(crewed, "1001", "crew-south")
    await plan(crewed, "1002")
    crew = Member("karl", ("crew-south", "crew-north"))
    await crewed.return_task((await task_of(crewed, "1001")).number, crew, "plan", "nobody at home", LATER)
    await crewed.complete_task((await task_of(crewed, "1002")).number, crew, Completion(), LATER)
    booked = {each.crew.name: each.booked[0] for each in await days(crewed, "1001")}
    assert booked == {"crew-south": 0, "crew-north": 1}
    await planned(crewed, "1001", "crew-south")
    assert (await task_of(crewed, "1001")).visit_on == "2026-12-03"


async def test_a_repeat_is_the_same_answer_though_the_day_is_full_by_then(crewed: SqlLedger) -> None:
    await opened(crewed, "1001")
    number = (await task_of(crewed, "1001")).number
    completion = Completion(typed={"day": DAY.isoformat(), "crew": "crew-south"})
    first = await crewed.complete_task(number, OFFICE, completion, LATER)
    assert await crewed.complete_task(number, OFFICE, completion, LATER) == first


async def test_what_is_no_crew_is_refused_where_crews_are_set(crewed: SqlLedger) -> None:
    await opened(crewed, "1001")
    with pytest.raises(FormRefused) as refused:
        await planned(crewed, "1001", "Karl")
    assert refused.value.problems == {"crew": "choose one of: crew-south, crew-north"}


async def corrects(ledger: SqlLedger, number: str, **values: str) -> None:
    """Of a halted order, which goes on afterwards."""
    halt, resume = Halt(**by("halt")), Resume(**by("on"))
    await ledger.change_service_order(number, halt, LATER)
    for name, typed in values.items():
        await ledger.change_service_order(number, Correct(**by(name), name=f"plan.{name}", typed=typed), LATER)
    await ledger.change_service_order(number, resume, LATER)


async def test_a_visit_moves_with_the_correction_of_its_day_and_stays_with_whoever_has_claimed_it(
    crewed: SqlLedger,
) -> None:
    await plan(crewed, "1001")
    before = await task_of(crewed, "1001")
    await crewed.claim_task(before.number, Member("karl", ("crew-north",)), LATER)
    await corrects(crewed, "1001", day="2026-12-05")
    after = await task_of(crewed, "1001")
    assert (after.number, after.owner, after.department) == (before.number, "karl", "crew-north")
    assert before.due_at is not None
    assert (after.visit_on, after.due_at) == ("2026-12-05", before.due_at + timedelta(days=2))
    standing = await crewed.service_standing("1001")
    assert standing is not None
    assert (standing.due_at, standing.next_at) == (after.due_at, after.due_at), "and people are reminded of it then"
    await plan(crewed, "1002", "crew-south")
    assert [task.order_number for task in await crewed.tasks(TaskFilter())] == ["1002", "1001"], "by their new dates"
    north = next(each for each in await days(crewed, "1001") if each.crew.name == "crew-north")
    assert north.booked[:3] == (0, 0, 1)
    last = (await crewed.task_log(after.number))[-1]
    assert (last.act, last.by, last.owner, last.department) == (TaskAct.CORRECTED, "ann", "karl", None)


async def test_a_visit_goes_to_the_crew_of_the_correction_and_is_nobodys_again(crewed: SqlLedger) -> None:
    await plan(crewed, "1001")
    task = await task_of(crewed, "1001")
    await crewed.claim_task(task.number, Member("karl", ("crew-north",)), LATER)
    await corrects(crewed, "1001", crew="crew-south")
    after = await task_of(crewed, "1001")
    assert (after.department, after.crew, after.visit_on) == ("crew-south", "crew-south", "2026-12-03")
    assert (after.owner, after.claimed_at, after.due_at) == (None, None, task.due_at)
    last = (await crewed.task_log(task.number))[-1]
    assert (last.act, last.owner, last.department) == (TaskAct.CORRECTED, None, "crew-south")
    await crewed.complete_task(task.number, Member("kate", ("crew-south",)), Completion(), LATER)
    assert (await task_of(crewed, "1001")).department == "crew-south", "the next visit, too"


@pytest.mark.parametrize(
    ("name", "typed", "why"),
    [
        ("crew", "crew-south", "plan.crew: crew-south has 1 of 1 visits on 2026-12-03; its next free day is"),
        ("crew", "Karl", "plan.crew: choose one of: crew-south, crew-north"),
        ("day", "2026-12-04", "plan.day: crew-north has 2 of 2 visits on 2026-12-04"),
    ],
)
async def test_a_correction_to_where_there_is_no_room_is_refused(
    crewed: SqlLedger, name: str, typed: str, why: str
) -> None:
    await plan(crewed, "1001", "crew-south")
    for number in ("1002", "1003"):
        await plan(crewed, number, day=DAY + timedelta(days=1))
    await plan(crewed, "1004")
    before = await task_of(crewed, "1004")
    with pytest.raises(InvalidInput, match=re.escape(why)):
        await corrects(crewed, "1004", **{name: typed})
    assert await task_of(crewed, "1004") == before
    shown = await crewed.service_order("1004")
    assert shown is not None
    assert (shown.order.values["plan.crew"], shown.order.values["plan.day"]) == ("crew-north", "2026-12-03")


async def test_a_visit_that_was_made_stays_where_it_was(crewed: SqlLedger) -> None:
    await plan(crewed, "1001")
    made = await task_of(crewed, "1001")
    await crewed.change_service_order("1001", Halt(**by("halt")), LATER)
    await crewed.complete_task(made.number, Member("karl", ("crew-north",)), Completion(), LATER)
    correct = Correct(**by("day"), name="plan.day", typed="2026-12-05")
    await crewed.change_service_order("1001", correct, LATER)
    assert await crewed.task(made.number) == made.evolve(end=(await crewed.task(made.number)).end)  # type: ignore[union-attr]


async def test_a_late_visit_that_gets_another_day_goes_back_to_its_crew(crewed: SqlLedger) -> None:
    await plan(crewed, "1001")
    task = await task_of(crewed, "1001")
    assert task.due_at is not None
    await crewed.pass_time("1001", task.due_at)
    assert (await task_of(crewed, "1001")).department == "operator"
    await corrects(crewed, "1001", day="2026-12-08")
    assert (await task_of(crewed, "1001")).department == "crew-north"


async def test_without_crews_it_is_a_text_and_the_department_has_the_visit(ledger: SqlLedger) -> None:
    await plan(ledger, "1001", "North, Karl")
    task = await task_of(ledger, "1001")
    assert (task.department, task.crew) == ("crew", None)
    assert await ledger.crew_days(task.number, DAY) == ()
