"""The judge names what a broken build does to services and planned works, and nothing of what the real one does."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.stack.temporal_server import TemporalServer
from tests.bed import Bed
from tests.office import office
from tests.scenarios import service_defects as defects
from tests.scenarios import service_stories as stories
from tests.scenarios.judging import Defect, Plant, Story, broken, check_named, each, each_defect

pytestmark = pytest.mark.turns(2)

_WAY = "a service order goes by its procedure"
_FEE = "the fee of a service order is asked for once"
_SWITCHED = "an account is switched once"
_BILLING = "billing begins and ends with the service"
_WORKS = "planned works are told once"
STORIES: list[Story] = [
    stories.a_subscriber_is_connected,
    stories.a_task_is_completed_twice,
    stories.an_address_cannot_be_connected,
    stories.a_fee_is_not_paid,
    stories.an_order_is_cancelled_after_its_fee_was_paid,
    stories.a_task_is_late,
    stories.a_subscriber_leaves_without_the_router,
    stories.a_debtor_leaves,
    stories.a_tariff_is_changed,
    stories.a_request_is_answered_and_opened_again,
    stories.works_are_announced_moved_and_cancelled,
]
DEFECTS: list[Defect] = [
    (stories.a_task_is_completed_twice, defects.takes_a_completion_again, _FEE),
    (stories.a_subscriber_is_connected, defects.lets_every_department_do_everything, _WAY),
    (stories.a_subscriber_leaves_without_the_router, defects.loses_a_document, _WAY),
    (stories.a_debtor_leaves, defects.asks_nobody_about_debts, _SWITCHED),
    (stories.a_subscriber_is_connected, defects.bills_before_the_installation, _BILLING),
    (stories.a_subscriber_leaves_without_the_router, defects.bills_no_missing_equipment, _BILLING),
    (stories.works_are_announced_moved_and_cancelled, defects.announces_to_whoever_is_not_concerned, _WORKS),
    (stories.works_are_announced_moved_and_cancelled, defects.announces_twice, _WORKS),
    (stories.an_address_cannot_be_connected, defects.tells_a_step_twice, "each step of a service order is told once"),
    (stories.a_subscriber_is_connected, defects.activates_before_the_fee_is_paid, _SWITCHED),
    (stories.a_subscriber_is_connected, defects.takes_a_fee_for_paid, _FEE),
    (stories.a_fee_is_not_paid, defects.forgets_to_void_fees, _FEE),
    (stories.a_task_is_late, defects.escalates_with_every_reminder, "a late task goes to another department once"),
]


@pytest_asyncio.fixture
async def bed(server: TemporalServer, tmp_path: Path) -> AsyncIterator[Bed]:
    async with office(server, tmp_path) as prepared:
        yield prepared


@each(STORIES)
async def test_the_judge_finds_nothing_wrong_with_services_of_the_real_build(bed: Bed, story: Story) -> None:
    await story(bed)
    assert await broken(bed) == []


@each_defect(DEFECTS)
async def test_the_judge_names_the_defect_of_services_of_a_build_that(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, story: Story, plant: Plant, promise: str
) -> None:
    plant(monkeypatch, bed)
    await story(bed)
    await check_named(bed, promise)
