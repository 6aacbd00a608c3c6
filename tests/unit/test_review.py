"""Commands of people: accepted with an effect, or refused with a reason."""

from typing import Any

import pytest

from billing.commands import Refusal
from billing.invoices.commands import COMMANDS
from billing.invoices.invoice import LineItem, Problem, SalesSeen, Source
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.payments.payment import ChargeStatus
from tests.stops import text_of
from tests.unit.months import DAY, HOUR, accepted, announced, charged, charging, drafted, opened, refused, say
from tests.unit.reviewing import ADD, FIELDS, NOW


def test_every_command_is_tested_here() -> None:
    assert set(FIELDS) == set(COMMANDS)


# -- accepted


def test_halt() -> None:
    month, decision = say(drafted(10000), "halt", NOW, reason="row 2 is too high")
    assert text_of(month.stopped) == "halted by ann: row 2 is too high"
    assert decision.result == "halted; nothing is charged until resumed"
    assert (decision.number, decision.at, decision.by, decision.command) == (1, NOW, "ann", "halt")
    assert (decision.via, decision.invoice_version) == ("update", 1)


def test_a_halt_before_the_draft_stops_the_month_but_not_the_draft() -> None:
    month = accepted(opened(), "halt", opened().import_at - DAY)
    assert month.stage(month.import_at - HOUR) is Stage.HALTED
    assert month.alerted(month.import_at).due(month.import_at).step == "import"


def test_resume_says_what_comes_next() -> None:
    halted = accepted(drafted(10000), "halt", NOW)
    _, decision = say(halted, "resume", NOW)
    assert decision.result == "next: send the charge notice at 2026-11-04 09:00 UTC"


def test_resume_of_a_draft_with_an_unreadable_row_says_what_still_stops_it() -> None:
    halted = accepted(drafted(unreadable=True), "halt", NOW)
    _, decision = say(halted, "resume", NOW)
    assert decision.result == "no longer halted, but row 4 of worksheet 2026-10 cannot be read: no amount"


def test_edit_says_version_and_total() -> None:
    month, decision = say(drafted(10000), "edit", NOW, **ADD)
    assert decision.result == "version 2: 105.00 EUR; next: send the charge notice at 2026-11-04 09:00 UTC"
    assert '"amount_minor":500' in decision.details
    assert month.last_editor == "ann"


def test_an_edit_just_before_the_window_closes_wins() -> None:
    month = drafted(10000)
    month = accepted(month, "edit", month.notice_at, **ADD)
    notice = month.announcing(month.notice_at).notice
    assert notice is not None
    assert notice.total_minor == 10500


def test_a_draft_stays_flagged_while_a_refresh_has_left_something() -> None:
    month = drafted(10000)
    assert month.invoice is not None
    sales = {"sheet": "2026-10", "digest": "e", "emails": ["billing@acme.example"]}
    month = month.evolve(invoice=month.invoice.evolve(sales=SalesSeen.model_validate(sales)))
    left = "rows: 50 added; 9.00 EUR more"
    partly, decision = say(month, "edit", NOW, period="2026-10", **ADD, sales=sales, drift=left)
    assert partly.drift == left
    assert f"version 2: 105.00 EUR; the sheet still differs ({left}); next: " in decision.result
    wholly = accepted(partly, "edit", NOW, period="2026-10", **(ADD | {"version": 2}), sales=sales)
    assert wholly.drift is None


def test_skip_before_the_draft_needs_the_period_named() -> None:
    reason = refused(opened(), "skip", NOW)
    assert reason == "2026-10 is not imported yet; name the period to skip it all the same"
    assert accepted(opened(), "skip", NOW, period="2026-10").outcome is Stage.SKIPPED
    assert accepted(opened().delayed("SalesUnavailable", "down"), "skip", NOW).outcome is Stage.SKIPPED


def with_late_sale(month: Month) -> Month:
    """A draft with a line of the month before, and one of its rows that nobody can read."""
    assert month.invoice is not None
    source = Source(sheet=month.period.previous(), row=7, digest="d")
    line = LineItem(line_id="late-7", description="Late", amount_minor=1250, source=source)
    problem = Problem(line_id="late-8", description="Late", raw="x", reason="no amount", source=source.evolve(row=8))
    invoice = month.invoice.evolve(lines=(*month.invoice.lines, line), problems=(problem,))
    return month.evolve(invoice=invoice)


def test_a_skip_says_what_of_earlier_months_is_still_to_be_billed() -> None:
    month, decision = say(with_late_sale(drafted(10000, carried_minor=300)), "skip", NOW)
    assert month.outcome is Stage.SKIPPED
    assert decision.result == (
        "2026-10 is closed without a charge; moved to the next invoice: the balance of 3.00 EUR and late sales of "
        "earlier months (12.50 EUR, and 1 to be settled)"
    )
    leaving = accepted(with_late_sale(drafted(10000)), "close_account", NOW)
    _, decision = say(leaving, "skip", NOW)
    assert "not billed, as the account closes: late sales of earlier months" in decision.result
    assert say(drafted(10000), "skip", NOW)[1].result == "2026-10 is closed without a charge"


def test_close_account_ends_the_chain_after_this_month() -> None:
    month, decision = say(drafted(10000), "close_account", NOW, reason="contract ended")
    assert decision.result == "the account closes after 2026-10"
    assert month.leaving == "ann: contract ended"
    assert accepted(charged(ChargeStatus.SUCCEEDED, 100), "close_account", NOW).leaving


def test_closing_the_account_of_a_skipped_month_says_what_nobody_bills_any_more() -> None:
    skipped = accepted(with_late_sale(drafted(10000, carried_minor=300)), "skip", NOW)
    _, decision = say(skipped, "close_account", NOW)
    assert decision.result == (
        "the account closes after 2026-10; not billed: the balance of 3.00 EUR and late sales of earlier months "
        "(12.50 EUR, and 1 to be settled)"
    )
    open_month, decision = say(with_late_sale(drafted(10000, carried_minor=300)), "close_account", NOW)
    assert decision.result == "the account closes after 2026-10", "this invoice has the balance"
    assert "not billed, as the account closes: the balance of 3.00 EUR" in say(open_month, "skip", NOW)[1].result


def test_an_update_before_the_draft_plans_the_month_anew() -> None:
    month = accepted(opened(), "update_customer", NOW - DAY, changes={"timezone": "Pacific/Kiritimati"})
    assert f"{month.import_at:%Y-%m-%d %H}" == "2026-10-31 12"
    later = accepted(
        opened(), "update_customer", NOW - DAY, changes={"terms": {"schedule": {"import_day": 5, "notice_days": 1}}}
    )
    assert f"{later.import_at:%m-%d} {later.notice_at:%m-%d}" == "11-05 11-06"


def test_an_update_after_the_draft_leaves_the_planned_instants() -> None:
    month = drafted(10000)
    other = {"kind": "card", "payer_id": "cus_1", "card_id": "pm_2"}
    updated = accepted(month, "update_customer", NOW, changes={"timezone": "Asia/Tokyo", "payment_method": other})
    assert (updated.notice_at, updated.charge_at) == (month.notice_at, month.charge_at)
    assert updated.decisions[-1].result == "changed: timezone, payment_method"


def test_new_digits_of_the_same_card_leave_the_notice_as_it_is() -> None:
    month = announced(10000)
    renewed = month.customer.payment_method.evolve(last4="1881")
    updated = accepted(month, "update_customer", month.notice_at, changes={"payment_method": renewed})
    assert (updated.notice, updated.customer.card_on_file.last4) == (month.notice, "1881")


def test_an_address_is_kept_as_it_was_typed() -> None:
    month = accepted(drafted(1), "update_customer", NOW, changes={"email": "Kasse@Stra\u00dfe.example"})
    assert month.customer.email == "Kasse@Straße.example"
    assert month.customer.email_key == "kasse@xn--strae-oqa.example"


def test_a_closed_month_still_takes_what_concerns_the_next_one() -> None:
    month = charged(ChargeStatus.SUCCEEDED, 10000)
    month = accepted(month, "update_customer", NOW, changes={"currency": "usd"})
    assert month.next_month().customer.currency == "usd"


# -- refused


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("stage", [opened(), drafted(10000), announced(10000), charging(10000)], ids=lambda month: "")
def test_what_was_meant_for_another_month_is_refused(name: str, stage: Any) -> None:
    reason = refused(stage, name, NOW, period="2026-09", **FIELDS[name])
    assert reason == "this was meant for 2026-09, but 2026-10 is current now"


@pytest.mark.parametrize("name", ["halt", "resume", "edit", "approve", "skip"])
def test_a_closed_month_is_as_it_is(name: str) -> None:
    reason = refused(charged(ChargeStatus.SUCCEEDED, 10000), name, NOW, **FIELDS[name])
    assert reason == "2026-10 is closed already: Paid"


@pytest.mark.parametrize("name", ["halt", "resume", "edit", "approve", "skip", "update_customer"])
def test_a_charge_that_has_begun_is_not_interfered_with(name: str) -> None:
    reason = refused(charging(10000), name, NOW, **FIELDS[name])
    assert reason == "the charge of 2026-10 has begun; its outcome has to be known first"


def test_a_second_halt_names_the_first() -> None:
    assert refused(accepted(drafted(1), "halt", NOW), "halt", NOW, by="ben") == "already halted by ann: as agreed"


def test_a_resume_of_what_is_not_halted_is_refused() -> None:
    assert refused(drafted(10000), "resume", NOW) == "not halted"
    assert refused(drafted(unreadable=True), "resume", NOW) == (
        "row 4 of worksheet 2026-10 cannot be read: no amount; edit or remove it, or skip the month"
    )


def test_an_edit_of_a_stale_version_names_the_current_one() -> None:
    month = accepted(drafted(10000), "edit", NOW, **ADD)
    assert refused(month, "edit", NOW, **ADD) == (
        "this edit was made on version 1, but version 2 by ann (105.00 EUR) is current; look at it and edit again"
    )


def test_an_edit_that_does_not_fit_the_lines_changes_nothing_at_all() -> None:
    changes = [ADD["changes"][0], {"op": "remove", "line_id": "row-77"}]
    assert "there is no line 'row-77'" in refused(drafted(1), "edit", NOW, version=1, changes=changes)


@pytest.mark.parametrize("name", ["edit", "approve"])
def test_before_the_draft_there_is_nothing_to_edit_or_approve(name: str) -> None:
    assert refused(opened(), name, NOW, **FIELDS[name]) == "there is no draft yet; it is made at 2026-11-01 01:00 UTC"


def test_an_update_that_changes_nothing_is_refused() -> None:
    assert refused(drafted(1), "update_customer", NOW, changes={}) == "nothing changes"
    assert say(drafted(1), "update_customer", NOW, changes={})[1].refusal is Refusal.UNCHANGED
    assert refused(drafted(1), "update_customer", NOW, changes={"email": " acme@example.com"}) == "nothing changes"


def test_the_currency_changes_only_between_invoices_and_without_a_balance() -> None:
    change = {"changes": {"currency": "usd"}}
    assert "is open in eur" in refused(drafted(1), "update_customer", NOW, **change)
    month = drafted(-5)
    closed = month.announcing(month.notice_at)
    assert "a balance in eur is carried forward" in refused(closed, "update_customer", NOW, **change)
    assert accepted(opened(), "update_customer", NOW, **change).customer.currency == "usd"
