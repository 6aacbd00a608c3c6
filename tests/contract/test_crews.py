"""Crews in the ledger: who has room on a day is chosen for a visit, whose task it is; a full day is refused."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import FormRefused
from billing.subscribers.newcomer import NewSubscriber
from billing.tasks.crews import CrewDays, read_crews
from billing.tasks.listing import TaskFilter
from billing.tasks.member import Member
from billing.tasks.task import Completion
from orders.procedures.procedure import Procedure
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
             "day": "plan.day", "crew": "plan.crew", "can_return_to": ["plan"], "next": "papers"},
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


async def test_without_crews_it_is_a_text_and_the_department_has_the_visit(ledger: SqlLedger) -> None:
    await plan(ledger, "1001", "North, Karl")
    task = await task_of(ledger, "1001")
    assert (task.department, task.crew) == ("crew", None)
    assert await ledger.crew_days(task.number, DAY) == ()
