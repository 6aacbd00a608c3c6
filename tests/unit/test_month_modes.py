"""Review modes: which month waits for an approval, or for amounts that people enter."""

from billing.invoices.stages import Stage, Step
from tests.unit.months import HOUR, accepted, drafted, refused


def test_without_an_approval_nothing_is_announced() -> None:
    month = drafted(10000, terms={"review_mode": "approve"})
    now = month.notice_at
    assert month.stage(now - HOUR) is Stage.MONITORING
    assert month.stage(now) is Stage.AWAITING_APPROVAL
    assert month.due(now).step is Step.ALERT
    assert month.alerted(now).due(now).what == "remind the reviewers"
    assert month.invoice is not None
    month = accepted(month, "approve", now, digest=month.invoice.digest)
    assert month.due(now).step is Step.NOTIFY


def test_what_needs_no_charge_needs_no_approval() -> None:
    month = drafted(terms={"review_mode": "approve"})
    assert month.announcing(month.notice_at).outcome is Stage.NOTHING_DUE


def test_in_manual_mode_the_month_waits_until_one_enters_and_another_approves() -> None:
    month = drafted(terms={"review_mode": "manual"})
    now = month.notice_at
    assert month.stage(now) is Stage.AWAITING_APPROVAL
    assert "no amount has been entered" in refused(month, "approve", now, digest=month.invoice and month.invoice.digest)
    add = {"op": "add", "description": "Consulting", "amount_minor": 5000}
    month = accepted(month, "edit", now, version=1, changes=[add])
    assert month.invoice is not None
    assert "somebody else" in refused(month, "approve", now, digest=month.invoice.digest)
    month = accepted(month, "approve", now, by="ben", digest=month.invoice.digest)
    assert month.due(now).step is Step.NOTIFY


def test_a_month_whose_amounts_nobody_has_entered_does_not_become_one_of_nothing_due() -> None:
    month = drafted(terms={"review_mode": "manual"})
    monitor = {"terms": {"review_mode": "monitor"}}
    assert "nobody has entered the amounts" in refused(month, "update_customer", month.import_at, changes=monitor)
    add = {"op": "add", "description": "Consulting", "amount_minor": 5000}
    month = accepted(month, "edit", month.import_at, version=1, changes=[add])
    month = accepted(month, "update_customer", month.import_at, changes=monitor)
    assert month.due(month.notice_at).step is Step.NOTIFY


def test_an_approval_from_before_a_change_to_manual_does_not_stand_for_an_entered_amount() -> None:
    month = drafted(10000, terms={"review_mode": "approve"})
    assert month.invoice is not None
    month = accepted(month, "approve", month.import_at, digest=month.invoice.digest)
    month = accepted(month, "update_customer", month.import_at, changes={"terms": {"review_mode": "manual"}})
    assert month.stage(month.notice_at) is Stage.AWAITING_APPROVAL
