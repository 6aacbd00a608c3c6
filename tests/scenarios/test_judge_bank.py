"""The judge names what a broken build does to payments at the bank, and nothing of what the real one does."""

import pytest

from tests.bed import Bed
from tests.scenarios import bank_defects as defects
from tests.scenarios import bank_stories as stories
from tests.scenarios.judging import Defect, Plant, Story, broken, check_named, each, each_defect
from tests.scenarios.stories import PERIOD

pytestmark = pytest.mark.turns(2)

_BOOKED_ONCE = "what a bank was told is paid is booked once"
_TOLD = "people are told of what a bank's register"
_JOURNAL = "the journal has every movement"
_EXPOSED = "no log has an account number"

STORIES: list[Story] = [
    stories.what_is_owed_is_paid_in_the_banks_app,
    stories.the_bank_repeats_what_was_answered,
    stories.the_bank_repeats_with_another_sum,
    stories.nobody_asks_before_an_account_is_paid_that_never_was,
    stories.a_personal_number_is_typed,
    stories.an_order_is_paid_in_the_banks_app,
    stories.two_equal_payments_come_in_a_minute,
    stories.a_register_has_other_payments_than_we_have,
    stories.the_statement_repeats_what_the_app_has_told,
    stories.two_equal_transfers_come_in_a_statement,
]

DEFECTS: list[Defect] = [
    (stories.the_bank_repeats_what_was_answered, defects.reads_long_numbers_as_floats, _BOOKED_ONCE),
    (stories.what_is_owed_is_paid_in_the_banks_app, defects.answers_before_it_has_committed, _BOOKED_ONCE),
    (stories.the_bank_repeats_what_was_answered, defects.makes_a_new_answer_for_a_repeat, _BOOKED_ONCE),
    (stories.a_personal_number_is_typed, defects.logs_what_was_asked, _EXPOSED),
    (
        stories.a_register_has_other_payments_than_we_have,
        defects.ignores_what_only_a_register_has,
        _BOOKED_ONCE,
    ),
    (stories.a_register_has_other_payments_than_we_have, defects.tells_nobody_of_a_register, _TOLD),
    (
        stories.the_statement_repeats_what_the_app_has_told,
        defects.books_a_line_beside_the_apps_payment,
        _JOURNAL,
    ),
    (stories.two_equal_transfers_come_in_a_statement, defects.merges_equal_lines_of_a_day, _JOURNAL),
]


@each(STORIES)
async def test_the_judge_finds_nothing_wrong_with_the_real_builds_bank(bed: Bed, story: Story) -> None:
    await story(bed)
    assert await broken(bed, PERIOD) == []


@each_defect(DEFECTS)
async def test_the_judge_names_the_defect_at_the_bank_of_a_build_that(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, story: Story, plant: Plant, promise: str
) -> None:
    plant(monkeypatch, bed)
    await story(bed)
    await check_named(bed, promise, PERIOD)
