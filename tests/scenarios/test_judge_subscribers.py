"""The judge names what a broken build does to subscribers, and nothing of what the real one does."""

import pytest

from billing.period import Period
from tests.bed import Bed
from tests.scenarios import subscriber_defects as defects
from tests.scenarios import subscriber_stories as stories
from tests.scenarios.judging import Defect, Plant, Story, broken, check_named, each, each_defect

pytestmark = pytest.mark.turns(2)

_RESTRICTED = "a service is restricted only while"
_TEXTS = "no text is sent twice"
_PRESSED = "nobody is warned or restricted outside"

STORIES: list[Story] = [
    stories.a_bill_is_paid_in_time,
    stories.a_bill_is_paid_in_parts_before_it_is_due,
    stories.a_bill_is_warned_of_and_then_paid,
    stories.a_service_is_suspended_and_paid_in_three_parts,
    stories.a_service_is_paid_for_before_the_collection_knows,
    stories.vendor_and_provisioning_lose_their_answers,
    stories.a_bill_is_edited_while_its_text_is_on_its_way,
    stories.a_bill_is_told_anew_because_its_day_has_come,
    stories.a_bill_of_whose_text_nobody_knows_for_an_hour_is_told_once,
    stories.a_warning_is_halted_while_its_text_is_on_its_way,
    stories.provisioning_does_not_know_the_account,
    stories.a_bill_is_due_late_in_the_evening,
    stories.a_bill_is_owed_for_weeks,
]

DEFECTS: list[Defect] = [
    (stories.a_service_is_paid_for_before_the_collection_knows, defects.suspends_who_has_paid, _RESTRICTED),
    (stories.a_service_is_suspended_and_paid_in_three_parts, defects.restores_with_the_first_payment, _RESTRICTED),
    (stories.a_service_is_suspended_and_paid_in_three_parts, defects.restores_nothing, _RESTRICTED),
    (stories.a_bill_is_owed_for_weeks, defects.walks_two_ladders, "each account has one ladder"),
    (stories.vendor_and_provisioning_lose_their_answers, defects.sends_texts_again_unseen, _TEXTS),
    (stories.a_bill_is_paid_in_time, defects.sends_texts_that_are_not_on_record, _TEXTS),
    (
        stories.provisioning_does_not_know_the_account,
        defects.takes_an_error_inside_for_a_success,
        "provisioning has every change",
    ),
    (stories.a_bill_is_paid_in_time, defects.tells_bills_by_mail_only, "every bill without a card is told once"),
    (stories.a_bill_is_due_late_in_the_evening, defects.forgets_contact_hours, _PRESSED),
    (stories.a_bill_is_paid_in_time, defects.loses_a_prorated_day, "every tariff is billed once"),
]


def _judged(bed: Bed) -> Period:
    return Period.at(bed.settings.now(), "Europe/Paris")


@each(STORIES)
async def test_the_judge_finds_nothing_wrong_with_subscribers_of_the_real_build(bed: Bed, story: Story) -> None:
    await story(bed)
    assert await broken(bed, _judged(bed)) == []


@each_defect(DEFECTS)
async def test_the_judge_names_the_defect_of_subscribers_of_a_build_that(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, story: Story, plant: Plant, promise: str
) -> None:
    plant(monkeypatch, bed)
    await story(bed)
    await check_named(bed, promise, _judged(bed))
