"""The judge names what a broken build does to orders, and nothing of what the real one does."""

from collections.abc import Awaitable, Callable

import pytest

from sandbox.judge.gather import gather
from sandbox.judge.judge import PromiseResult, judge
from tests.bed import Bed
from tests.scenarios import order_stories as stories

Story = Callable[[Bed], Awaitable[None]]
STORIES: list[Story] = [
    stories.an_order_is_paid_in_parts,
    stories.a_deposit_starts_an_order_and_the_rest_ships_it,
    stories.an_order_is_paid_twice,
    stories.an_order_is_amended_while_its_link_is_open,
    stories.an_order_is_amended_and_its_link_is_left,
    stories.a_part_is_more_than_an_amendment_costs,
    stories.an_order_is_cancelled_and_paid_all_the_same,
    stories.the_brake_is_on_while_an_order_is_paid,
    stories.an_order_is_halted_while_it_is_paid,
    stories.money_goes_back_after_the_release,
    stories.money_is_given_back_after_the_release,
    stories.one_attempt_is_declined_and_another_pays,
    stories.an_attempt_is_pending_and_comes_to_nothing,
    stories.an_order_expires,
    stories.production_rejects_a_release,
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_the_judge_finds_nothing_wrong_with_orders_of_the_real_build(bed: Bed, story: Story) -> None:
    await story(bed)
    assert await _broken(bed) == []


async def _broken(bed: Bed) -> list[PromiseResult]:
    await bed.digests()
    return [check for check in judge(await gather(bed.folder, bed.ledger)) if not check.ok]
