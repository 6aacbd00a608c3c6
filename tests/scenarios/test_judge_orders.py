"""The judge names what a broken build does to orders, and nothing of what the real one does."""

import pytest

from tests.bed import Bed
from tests.scenarios import order_defects as defects
from tests.scenarios import order_stories as stories
from tests.scenarios.judging import Defect, Plant, Story, broken, check_named, each, each_defect

pytestmark = pytest.mark.turns(2)

_RELEASED = "an order is released once, as agreed, when paid enough"
_JOURNAL = "the journal has every movement"
_PEOPLE = "people are told of an order's money"
STORIES: list[Story] = [
    stories.an_order_is_paid_in_parts,
    stories.a_deposit_starts_an_order_and_the_rest_ships_it,
    stories.an_order_is_paid_twice,
    stories.a_buyer_orders_in_two_currencies,
    stories.an_order_is_amended_while_its_link_is_open,
    stories.an_order_is_amended_and_its_link_is_left,
    stories.a_part_is_more_than_an_amendment_costs,
    stories.an_order_is_cancelled_and_paid_all_the_same,
    stories.the_brake_is_on_while_an_order_is_paid,
    stories.an_order_is_halted_while_it_is_paid,
    stories.money_goes_back_after_the_release,
    stories.money_is_given_back_after_the_release,
    stories.credit_that_has_paid_goes_back,
    stories.credit_is_promised_back,
    stories.one_attempt_is_declined_and_another_pays,
    stories.an_attempt_is_pending_and_comes_to_nothing,
    stories.an_order_expires,
    stories.an_order_waits_for_the_rest,
    stories.production_rejects_a_release,
]

DEFECTS: list[Defect] = [
    (stories.an_order_is_paid_in_parts, defects.releases_before_it_has_committed, _RELEASED),
    (stories.an_order_is_paid_in_parts, defects.releases_what_is_not_paid, _RELEASED),
    (stories.an_order_is_paid_in_parts, defects.releases_twice, "production is told of every release, once"),
    (stories.an_order_is_paid_in_parts, defects.forgets_to_release, "every order that is paid enough is released"),
    (stories.an_attempt_is_pending_and_comes_to_nothing, defects.takes_pending_for_paid, _JOURNAL),
    (
        stories.one_attempt_is_declined_and_another_pays,
        defects.ends_the_order_with_a_declined_attempt,
        "an order changes and ends as people have asked",
    ),
    (stories.an_order_waits_for_the_rest, defects.expires_too_early, "an order changes and ends as people have asked"),
    (stories.money_is_given_back_after_the_release, defects.takes_a_release_back, _RELEASED),
    (stories.money_goes_back_after_the_release, defects.tells_nobody_of_money_that_went_back, _PEOPLE),
    (stories.an_order_is_paid_twice, defects.loses_the_excess, _JOURNAL),
    (stories.an_order_is_paid_twice, defects.uses_no_credit_for_orders, _JOURNAL),
    (stories.credit_is_promised_back, defects.pays_orders_with_what_is_promised_back, _JOURNAL),
    (stories.the_brake_is_on_while_an_order_is_paid, defects.forgets_the_brake, _RELEASED),
    (stories.an_order_is_halted_while_it_is_paid, defects.forgets_the_halt, _RELEASED),
    (
        stories.an_order_is_amended_while_its_link_is_open,
        defects.has_production_make_another_version,
        "production is told of every release, once, with exactly",
    ),
    (stories.an_order_is_amended_and_its_link_is_left, defects.leaves_outdated_links_open, "no link asks for"),
    (
        stories.an_order_is_cancelled_and_paid_all_the_same,
        defects.loses_the_money_of_a_cancelled_order,
        _JOURNAL,
    ),
    (stories.an_order_is_cancelled_and_paid_all_the_same, defects.tells_nobody_of_late_money, _PEOPLE),
]


@each(STORIES)
async def test_the_judge_finds_nothing_wrong_with_orders_of_the_real_build(bed: Bed, story: Story) -> None:
    await story(bed)
    assert await broken(bed) == []


@each_defect(DEFECTS)
async def test_the_judge_names_the_defect_of_orders_of_a_build_that(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, story: Story, plant: Plant, promise: str
) -> None:
    plant(monkeypatch, bed)
    await story(bed)
    await check_named(bed, promise)
