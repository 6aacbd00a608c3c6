"""Bills: the notice closes the month of whoever has no card; how far a month is; what collections make of bills."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.collections.stages import CollectionStage, CollectionStep, Counted
from billing.customers.channels import Channel
from billing.customers.customer import CustomerChanges, TermsChanges
from billing.invoices.commands import Delivered
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.payments.methods import BillPayer, CardOnFile
from billing.receivables.allocation import applied
from billing.receivables.journal import Balance, Outstanding, Subject
from billing.reviewers.overview import MonthProgress, StageTotal
from tests.unit.collecting import CARD, accepted, answer, refused
from tests.unit.collecting import opened as declined
from tests.unit.months import DAY, HOUR, PERIOD, customer, drafted, opened

BILL = {"kind": "bill"}


def billed(*amounts: int, carried_minor: int = 0) -> Month:
    """A bill that has just been delivered, an hour after its notice was due."""
    month = drafted(*(amounts or (12_000,)), carried_minor=carried_minor, payment_method=BILL)
    return month.announcing(month.notice_at).delivered(Delivered(at=month.notice_at + HOUR))


def collected(month: Month) -> Collection:
    return Collection.open(month)


def test_a_bill_closes_its_month_when_it_is_delivered_and_is_due_as_long_after_as_a_notice_period() -> None:
    month = billed()
    assert month.outcome is Stage.BILLED
    assert month.closed
    assert month.notice
    assert month.notice.charge_at >= month.closed.at + month.customer.terms.min_notice
    assert month.next_month().customer.payment_method == BillPayer()


def test_a_bill_of_a_cent_is_sent_and_credit_is_carried_forward() -> None:
    assert billed(1).outcome is Stage.BILLED
    month = drafted(1_000, carried_minor=-3_000, payment_method=BILL)
    assert month.announcing(month.notice_at).outcome is Stage.CARRIED_FORWARD


def test_day_zero_of_a_bill_is_the_day_it_is_due() -> None:
    month = billed()
    assert month.notice
    collection = collected(month)
    assert collection.since == month.notice.charge_at
    due = collection.due(month.notice_at + 2 * HOUR)
    assert (due.step, due.at) == (None, month.notice.charge_at + 3 * DAY)


def test_no_card_is_tried_for_a_bill_and_a_new_card_changes_nothing_about_it() -> None:
    collection = collected(billed())
    now = collection.since + 3 * DAY
    assert refused(collection, "retry", now) == "it was billed; no card is charged for it"
    on_card = accepted(collection, "replace_card", now, card=CARD)
    assert on_card.entries[-1].text == "the new card is on file; it was billed; no card is charged for it"
    assert on_card.customer.card == CARD
    (debt,) = on_card.contacting(now).open_debts
    assert (debt.attempt, debt.by_card) == (None, False)
    again = on_card.to_count().counted(Counted(at=now, owed_minor={PERIOD: 12_000}), on_card.to_count())
    assert again.open_debts[0].attempt is None


def test_without_a_card_from_now_on_its_payment_is_cancelled_and_the_rest_is_owed_as_a_bill() -> None:
    collection = declined()
    now = collection.since + DAY
    stopping = accepted(collection, "stop_card", now)
    assert stopping.due(now).step is CollectionStep.RELEASE
    stopped = stopping.answered(answer("canceled", now), stopping)
    (debt,) = stopped.open_debts
    assert (debt.method, debt.by_card, debt.outstanding_minor) == (None, False, 12_000)
    assert refused(stopped, "stop_card", now) == "no card is tried for anything that is owed"
    counted = stopped.to_count().counted(Counted(at=now, owed_minor={PERIOD: 12_000}), stopped.to_count())
    assert not counted.open_debts[0].by_card


def test_a_card_that_has_paid_before_it_was_taken_away_has_paid() -> None:
    collection = accepted(declined(), "stop_card", declined().since + DAY)
    paid = collection.answered(answer("succeeded", collection.since + DAY), collection)
    assert paid.outcome is CollectionStage.RECOVERED


def test_a_bill_is_written_off_at_once() -> None:
    collection = collected(billed())
    now = collection.since + DAY
    given_up = accepted(collection, "write_off", now)
    assert given_up.outcome is CollectionStage.WRITTEN_OFF
    assert given_up.due(now).step is CollectionStep.CLOSE


@pytest.mark.parametrize("by_bill", [True, False])
def test_a_bill_takes_any_part_before_its_day_and_a_charge_only_the_whole(by_bill: bool) -> None:
    month, subject = billed(), Subject.month(PERIOD)
    assert month.notice
    due_at = month.notice.charge_at
    owed = Outstanding(subject=subject, currency="eur", amount_minor=12_000, due_at=due_at, by_bill=by_bill)
    credit = Outstanding(subject=subject, currency="eur", amount_minor=-5_000)
    balance = Balance(owed=(owed,), credits={"eur": -5_000}, origins=(credit,))
    posted = applied("acme", subject, "eur", balance, "key", due_at - DAY)
    assert (posted is not None) == by_bill


def test_who_is_charged_needs_an_email_and_who_is_billed_an_address_for_a_channel() -> None:
    with pytest.raises(ValidationError, match="a card needs an email"):
        customer(email=None)
    with pytest.raises(ValidationError, match="a bill by mail needs an email"):
        customer(email=None, payment_method=BILL)
    texted = {"email": None, "phone": "+7 (701) 234-56-78", "payment_method": BILL, "terms": {"bill_by": ["sms"]}}
    ann = customer(**texted)
    assert (ann.phone, ann.told_by) == ("+77012345678", (Channel.SMS,))
    both = CustomerChanges(email="ann@example.com", terms=TermsChanges(bill_by=(Channel.MAIL, Channel.SMS)))
    assert both.made_to(ann).told_by == (Channel.MAIL, Channel.SMS)


def test_another_address_or_a_card_voids_no_bill_that_was_sent() -> None:
    month = billed()
    card = CardOnFile(payer_id="cus_1", card_id="pm_1")
    following = month.with_customer(month.customer.evolve(payment_method=card)).next_month()
    assert following.customer.card == card
    assert Debt.of(month).method is None


def test_progress_counts_who_is_drafted_told_and_billed() -> None:
    totals = [
        StageTotal(stage=stage, currency="eur", customers=customers, drafts=drafts, total_minor=0)
        for stage, customers, drafts in (
            (Stage.SCHEDULED, 1_000, 0),
            (Stage.MONITORING, 200, 200),
            (Stage.LAST_CALL, 30, 30),
            (Stage.BILLED, 4, 4),
        )
    ]
    assert MonthProgress.of(totals).text == "234 of 1,234 drafted, 34 told, 4 charged or billed"


def test_a_month_that_nobody_has_imported_yet_is_opened_for_whoever_pays_by_bill() -> None:
    month = opened(payment_method=BILL)
    assert month.due(month.import_at - timedelta(days=1)).at == month.import_at
