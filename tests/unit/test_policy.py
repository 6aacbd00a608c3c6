"""What is unusual about a month, what is usual, and whose draft has to be approved."""

from typing import Any

import pytest

from billing.customers.customer import CustomerChanges, ReviewMode, Terms, TermsChanges
from billing.invoices.approval_policy import Flag, flags, needs_approval
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.payments.payment import ChargeStatus
from tests.stops import text_of
from tests.unit.months import DAY, HOUR, accepted, announced, charged, drafted, opened, refused, say

LIMITS: dict[str, Any] = {"unusual_change_percent": 30, "unusual_above_minor": 50_000}


def known(*amounts: int, usual: int | None = 10_000, **fields: Any) -> Month:
    """A draft of a customer who was billed before."""
    return drafted(*amounts, **fields).evolve(first=False, usual_minor=usual)


# -- flags


def test_an_ordinary_month_has_no_flags_and_one_without_a_draft_neither() -> None:
    assert flags(known(10_000)) == ()
    assert flags(opened()) == ()


def test_the_first_invoice_is_one_of_a_customer_who_was_never_billed() -> None:
    assert flags(drafted(10_000)) == (Flag.FIRST,)
    assert flags(drafted()) == ()


@pytest.mark.parametrize(
    ("sales", "changed"), [(13_000, False), (13_001, True), (7_000, False), (6_999, True), (0, True), (-500, True)]
)
def test_a_change_beyond_the_percentage_is_flagged_both_ways(sales: int, changed: bool) -> None:
    assert (Flag.CHANGED in flags(known(sales, terms=LIMITS))) == changed


def test_the_balance_that_is_carried_into_a_month_is_no_change_of_its_sales() -> None:
    assert flags(known(10_000, carried_minor=40_000, terms=LIMITS)) == ()
    assert flags(known(10_000, carried_minor=40_001, terms=LIMITS)) == (Flag.LARGE,)


def test_limits_may_be_taken_away_one_by_one() -> None:
    changes = CustomerChanges(terms=TermsChanges(unusual_change_percent=0, approve_when=("large",)))
    month = known(99_999, terms=LIMITS)
    changed = changes.made_to(month.customer)
    assert changed.terms == Terms(unusual_change_percent=None, unusual_above_minor=50_000, approve_when=("large",))
    assert flags(month.evolve(customer=changed)) == (Flag.LARGE,)


def test_what_was_typed_and_stopped_is_flagged() -> None:
    month = accepted(known(10_000, unreadable=True), "halt", opened().import_at)
    assert flags(month) == (Flag.UNREADABLE, Flag.HALTED)
    edited = accepted(
        known(10_000),
        "edit",
        opened().import_at,
        version=1,
        changes=[{"op": "add", "description": "x", "amount_minor": 1}],
    )
    assert flags(edited) == (Flag.EDITED,)
    assert flags(edited.braked("ann: stop")) == (Flag.EDITED, Flag.HALTED)


def test_an_amount_that_nobody_has_entered_yet_is_no_change() -> None:
    assert flags(known(terms={"review_mode": "manual"})) == ()


# -- what is usual


def test_what_was_billed_is_usual_and_makes_the_next_invoice_no_first_one() -> None:
    for status in (ChargeStatus.SUCCEEDED, ChargeStatus.DECLINED):
        following = charged(status, 12_000).next_month()
        assert (following.first, following.usual_minor) == (False, 12_000)


def test_months_that_tell_nothing_leave_what_was_usual() -> None:
    nothing = known().announcing(known().notice_at)
    credit = known(-500).close(Stage.CARRIED_FORWARD, known().notice_at)
    skipped = accepted(known(99_000), "skip", known().import_at)
    before_the_draft = opened().evolve(first=False, usual_minor=10_000).close(Stage.SKIPPED, opened().import_at)
    for month in (nothing, credit, skipped, before_the_draft):
        assert (month.next_month().first, month.next_month().usual_minor) == (False, 10_000)
    assert drafted().announcing(drafted().notice_at).next_month().first


def test_a_small_amount_that_is_carried_forward_was_sold_all_the_same() -> None:
    month = known(30).announcing(known().notice_at)
    assert month.outcome is Stage.CARRIED_FORWARD
    assert month.next_month().usual_minor == 30


def test_another_currency_makes_what_was_usual_unknown_but_the_customer_no_new_one() -> None:
    changed = accepted(
        opened().evolve(first=False, usual_minor=1), "update_customer", opened().import_at, changes={"currency": "usd"}
    )
    assert (changed.first, changed.usual_minor) == (False, None)
    closed = charged(ChargeStatus.SUCCEEDED, 12_000)
    late = accepted(closed, "update_customer", closed.charge_at, changes={"currency": "usd"}).next_month()
    assert (late.first, late.usual_minor) == (False, None)


def test_another_currency_needs_another_limit() -> None:
    month = opened(terms=LIMITS)
    assert "give a new one" in refused(month, "update_customer", month.import_at, changes={"currency": "usd"})
    both = {"currency": "usd", "terms": {"unusual_above_minor": 60_000}}
    assert accepted(month, "update_customer", month.import_at, changes=both).customer.currency == "usd"


def test_a_run_that_was_reset_still_knows_what_is_usual() -> None:
    again = opened().adopt(known(1).evolve(revision=40))
    assert (again.first, again.usual_minor) == (False, 10_000)


# -- who has to approve


@pytest.mark.parametrize("mode", [ReviewMode.APPROVE, ReviewMode.MANUAL])
def test_some_customers_are_always_approved(mode: ReviewMode) -> None:
    assert needs_approval(known(10_000, terms={"review_mode": mode}))
    assert not needs_approval(known(10_000))


def test_a_flag_in_the_terms_demands_an_approval_by_somebody_else_than_the_editor() -> None:
    month = known(20_000, terms={"approve_when": ["changed"]})
    assert month.invoice is not None
    assert month.stage(month.notice_at - HOUR) is Stage.MONITORING
    assert month.stage(month.notice_at) is Stage.AWAITING_APPROVAL
    assert "waits for an approval" in text_of(month.waits_for(month.notice_at))
    edit = {"version": 1, "changes": [{"op": "change", "line_id": "row-2", "amount_minor": 30_000}]}
    edited = accepted(month, "edit", month.import_at, **edit)
    assert edited.invoice is not None
    assert "somebody else" in refused(edited, "approve", month.import_at, digest=edited.invoice.digest)
    assert "version 2 by ann (300.00 EUR)" in refused(edited, "approve", month.import_at, digest=month.invoice.digest)
    approved = accepted(edited, "approve", month.import_at, digest=edited.invoice.digest, by="bob")
    assert approved.announcing(month.notice_at).notice is not None


def test_a_draft_without_such_a_flag_needs_none_and_takes_none() -> None:
    month = known(10_000, terms={"approve_when": ["changed", "large", "first"]})
    assert month.invoice is not None
    assert "needs no approval" in refused(month, "approve", month.import_at, digest=month.invoice.digest)
    assert month.announcing(month.notice_at).notice is not None


def test_an_edit_after_the_notice_that_makes_it_unusual_needs_an_approval_before_the_next_notice() -> None:
    month = announced(10_000, terms={"approve_when": ["large"], "unusual_above_minor": 15_000})
    now = month.notice_at + DAY
    edit = {"version": 1, "changes": [{"op": "change", "line_id": "row-2", "amount_minor": 20_000}]}
    edited = accepted(month, "edit", now, **edit)
    assert edited.stage(now) is Stage.AWAITING_APPROVAL


def test_terms_that_demand_an_approval_after_the_notice_void_it_and_others_do_not() -> None:
    month = announced(10_000)
    now = month.notice_at + DAY
    for terms in ({"approve_when": ["large"]}, {"unusual_above_minor": 5_000}, {"unusual_change_percent": 10}):
        assert accepted(month, "update_customer", now, changes={"terms": terms}).announced
    voided = accepted(month, "update_customer", now, changes={"terms": {"approve_when": ["first"]}})
    assert not voided.announced
    assert voided.stage(now) is Stage.AWAITING_APPROVAL


# -- where a command comes from, and what it was bound to


def test_the_trail_says_where_a_command_was_given() -> None:
    month = known(10_000)
    for via, shown in (("cli", "cli"), ("console", "console"), ("", "update")):
        _, decision = say(month, "halt", month.import_at, via=via)
        assert (decision.via, decision.details) == (shown, "{}")


def test_an_edit_of_another_draft_with_the_same_version_is_refused() -> None:
    month = known(10_000)
    assert month.invoice is not None
    edit = {"version": 1, "changes": [{"op": "remove", "line_id": "row-2"}]}
    assert "version 1 as imported (100.00 EUR) is current" in refused(
        month, "edit", month.import_at, digest="0" * 16, **edit
    )
    assert accepted(month, "edit", month.import_at, digest=month.invoice.digest, **edit).invoice is not None
