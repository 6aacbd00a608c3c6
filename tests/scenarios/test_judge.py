"""The judge names what a broken build does: defects planted into the real application, one at a time."""

import pytest

from billing.receivables.journal import Cause
from tests.bed import Bed
from tests.scenarios.defects import (
    alerts_nobody,
    bills_at_once_what_came_late,
    bills_without_the_edit,
    charges_again_instead_of_looking_up,
    charges_too_soon,
    counts_no_transfer,
    forgets_the_receipt,
    forgets_what_came_late,
    halts_without_effect,
    leaves_a_month_out,
    needs_no_approval,
    reads_the_amount_from_the_sheet_again,
    reminds_twice_a_day,
    sends_no_notice,
    takes_a_decline_for_a_payment,
    takes_a_failed_read_for_an_empty_sheet,
    tells_nobody_what_is_halted,
    tells_reviewers_nothing,
    tries_what_is_halted,
    writes_nothing_off,
)
from tests.scenarios.judging import Defect, Plant, Story, broken, check_named, each, each_defect
from tests.scenarios.money_defects import (
    answers_before_it_has_committed,
    books_no_link,
    forgets_the_balance,
    forgets_what_a_refund_gives_up,
    frees_nothing,
    loses_a_refund_that_overtakes_its_payment,
    merges_equal_payments,
    pays_a_part_of_what_is_not_due,
    posts_all_but,
    reverses_no_voided_notice,
    settles_half_of_it,
    takes_links_for_cards,
    uses_credit_twice,
)
from tests.scenarios.money_stories import (
    a_bill_that_was_paid_is_corrected,
    a_customer_leaves_with_credit,
    a_month_is_paid_before_it_is_drafted,
    a_refund_overtakes_the_news_of_its_payment,
    a_transfer_comes_before_the_charge,
    money_goes_back,
    nobody_knows_who_has_paid,
    the_company_wins_a_dispute,
    the_customer_disputes_what_was_charged,
    two_equal_transfers_come_on_one_day,
    what_is_owed_is_paid_by_link,
    what_is_owed_is_transferred,
)
from tests.scenarios.stories import (
    PERIOD,
    SEPTEMBER,
    a_reviewer_edits,
    a_reviewer_edits_after_the_notice,
    a_reviewer_halts_and_leaves,
    a_sale_comes_late,
    a_small_amount_is_carried_forward,
    an_uneventful_month,
    nobody_approves,
    nobody_may_try_what_is_owed,
    the_answer_to_the_charge_is_lost,
    the_card_is_declined,
    the_charge_is_planned_for_the_day_after_the_notice,
    the_customer_is_reminded,
    the_sheet_changes_for_a_while,
    the_sheet_is_down_for_a_moment,
    what_is_owed_is_written_off,
)

pytestmark = pytest.mark.turns(3)

DEFECTS: list[Defect] = [
    (the_answer_to_the_charge_is_lost, charges_again_instead_of_looking_up, "nobody is charged twice"),
    (the_sheet_changes_for_a_while, reads_the_amount_from_the_sheet_again, "charges equal the sheet"),
    (an_uneventful_month, sends_no_notice, "no charge without an earlier notice"),
    (the_charge_is_planned_for_the_day_after_the_notice, charges_too_soon, "no charge without an earlier notice"),
    (the_sheet_is_down_for_a_moment, takes_a_failed_read_for_an_empty_sheet, "every customer has one outcome"),
    (a_reviewer_halts_and_leaves, halts_without_effect, "nothing is charged that was skipped, halted"),
    (a_reviewer_halts_and_leaves, tells_reviewers_nothing, "every customer is in the next month"),
    (a_reviewer_halts_and_leaves, alerts_nobody, "every customer is in the next month"),
    (an_uneventful_month, tells_reviewers_nothing, "everything that reviewers were to be told"),
    (nobody_approves, needs_no_approval, "every command took effect"),
    (an_uneventful_month, leaves_a_month_out, "every customer is in the next month"),
    (a_reviewer_edits, bills_without_the_edit, "charges equal the sheet"),
    (an_uneventful_month, forgets_the_receipt, "every outcome is told"),
    (the_card_is_declined, takes_a_decline_for_a_payment, "every customer has one outcome"),
    (a_small_amount_is_carried_forward, forgets_the_balance, "charges equal the sheet"),
    (a_small_amount_is_carried_forward, posts_all_but(Cause.DRAFT), "the journal has every movement"),
    (a_small_amount_is_carried_forward, posts_all_but(Cause.CARRY), "charges equal the sheet"),
    (a_reviewer_edits_after_the_notice, reverses_no_voided_notice, "the journal has every movement"),
    (an_uneventful_month, posts_all_but(Cause.PAYMENT), "the journal has every movement"),
    (what_is_owed_is_written_off, posts_all_but(Cause.WRITE_OFF), "the journal has every movement"),
    (a_sale_comes_late, forgets_what_came_late, "charges equal the sheet"),
    (a_sale_comes_late, bills_at_once_what_came_late, "charges equal the sheet"),
    (what_is_owed_is_written_off, writes_nothing_off, "every command took effect"),
    (what_is_owed_is_transferred, counts_no_transfer, "every command took effect"),
    (what_is_owed_is_paid_by_link, takes_links_for_cards, "the journal has every movement"),
    (what_is_owed_is_paid_by_link, books_no_link, "the journal has every movement"),
    (nobody_may_try_what_is_owed, tries_what_is_halted, "every command took effect"),
    (the_customer_is_reminded, reminds_twice_a_day, "nobody is reminded of what they owe twice"),
    (nobody_may_try_what_is_owed, tells_nobody_what_is_halted, "every customer is in the next month"),
    (a_transfer_comes_before_the_charge, answers_before_it_has_committed, "the journal has every movement"),
    (two_equal_transfers_come_on_one_day, merges_equal_payments, "the journal has every movement"),
    (two_equal_transfers_come_on_one_day, pays_a_part_of_what_is_not_due, "the journal has every movement"),
    (a_month_is_paid_before_it_is_drafted, uses_credit_twice, "the journal has every movement"),
    (a_bill_that_was_paid_is_corrected, frees_nothing, "the journal has every movement"),
    (nobody_knows_who_has_paid, posts_all_but(Cause.ALLOCATION), "the journal has every movement"),
    (a_customer_leaves_with_credit, settles_half_of_it, "the journal has every movement"),
    (money_goes_back, forgets_what_a_refund_gives_up, "the journal has every movement"),
    (money_goes_back, posts_all_but(Cause.REFUND), "the journal has every movement"),
    (the_customer_disputes_what_was_charged, posts_all_but(Cause.CHARGEBACK), "the journal has every movement"),
    (
        a_refund_overtakes_the_news_of_its_payment,
        loses_a_refund_that_overtakes_its_payment,
        "the journal has every movement",
    ),
]


STORIES = {**{story: None for story, _, _ in DEFECTS}, the_company_wins_a_dispute: None}


@each(STORIES)
async def test_the_judge_finds_nothing_wrong_with_the_real_build(bed: Bed, story: Story) -> None:
    await story(bed)
    assert await broken(bed, SEPTEMBER, PERIOD) == []


@each_defect(DEFECTS)
async def test_the_judge_names_the_defect_of_a_build_that(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, story: Story, plant: Plant, promise: str
) -> None:
    plant(monkeypatch, bed)
    await story(bed)
    await check_named(bed, promise, SEPTEMBER, PERIOD)
