"""Commands of people: accepted with an effect or refused with a reason, recorded either way."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.commands import Refusal, parse_command
from billing.errors import InvalidInput
from billing.invoices.commands import CHANGES_MAX, COMMANDS, Decision
from billing.invoices.invoice import INVOICE_MAX_BYTES, LineItem, Problem, SalesSeen, Source
from billing.invoices.month import KEPT_DECISIONS, KEPT_DETAILS, Month
from billing.invoices.review import KEPT_CHARACTERS, note_unreadable
from billing.invoices.stages import Stage
from billing.payments.payment import ChargeStatus
from billing.period import Period
from tests.stops import text_of
from tests.unit.months import (
    DAY,
    HOUR,
    accepted,
    announced,
    charged,
    charging,
    command,
    decided,
    drafted,
    opened,
    refused,
    say,
)

NOW = drafted(1).import_at + HOUR
ADD: dict[str, Any] = {"version": 1, "changes": [{"op": "add", "description": "Extra", "amount_minor": 500}]}
FIELDS: dict[str, dict[str, Any]] = {
    "halt": {},
    "resume": {},
    "edit": ADD,
    "approve": {"digest": "x"},
    "skip": {},
    "close_account": {},
    "update_customer": {"changes": {"name": "Acme Ltd"}},
}
APPROVE = {"review_mode": "approve"}


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


def test_an_edit_voids_the_approval() -> None:
    month = drafted(10000, terms=APPROVE)
    assert month.invoice is not None
    month = accepted(month, "approve", NOW, digest=month.invoice.digest)
    assert month.approval is not None
    assert accepted(month, "edit", NOW, **ADD).approval is None


def test_skip_before_the_draft_needs_the_period_named() -> None:
    reason = refused(opened(), "skip", NOW)
    assert reason == "2026-10 is not imported yet; name the period to skip it all the same"
    assert accepted(opened(), "skip", NOW, period="2026-10").outcome is Stage.SKIPPED
    assert accepted(opened().delayed("SalesUnavailable", "down"), "skip", NOW).outcome is Stage.SKIPPED


def test_close_account_ends_the_chain_after_this_month() -> None:
    month, decision = say(drafted(10000), "close_account", NOW, reason="contract ended")
    assert decision.result == "the account closes after 2026-10"
    assert month.leaving == "ann: contract ended"
    assert accepted(charged(ChargeStatus.SUCCEEDED, 100), "close_account", NOW).leaving


def test_an_update_before_the_draft_plans_the_month_anew() -> None:
    month = accepted(opened(), "update_customer", NOW - DAY, changes={"timezone": "Pacific/Kiritimati"})
    assert f"{month.import_at:%Y-%m-%d %H}" == "2026-10-31 12"
    later = accepted(
        opened(), "update_customer", NOW - DAY, changes={"terms": {"schedule": {"import_day": 5, "notice_days": 1}}}
    )
    assert f"{later.import_at:%m-%d} {later.notice_at:%m-%d}" == "11-05 11-06"


def test_an_update_after_the_draft_leaves_the_planned_instants() -> None:
    month = drafted(10000)
    other = {"payer_id": "cus_1", "card_id": "pm_2"}
    updated = accepted(month, "update_customer", NOW, changes={"timezone": "Asia/Tokyo", "payment_method": other})
    assert (updated.notice_at, updated.charge_at) == (month.notice_at, month.charge_at)
    assert updated.decisions[-1].result == "changed: timezone, payment_method"


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


def test_an_approval_is_refused_where_it_is_not_asked_for_or_not_of_this_draft() -> None:
    assert "needs no approval" in refused(drafted(1), "approve", NOW, digest="x")
    month = drafted(10000, terms=APPROVE)
    assert refused(month, "approve", NOW, digest="x") == (
        "this approves another version, but version 1 as imported (100.00 EUR) is current; look at it and approve again"
    )
    unreadable = drafted(1, unreadable=True, terms=APPROVE)
    assert "cannot be read" in refused(unreadable, "approve", NOW, digest=unreadable.invoice.digest)  # type: ignore[union-attr]


def test_the_last_editor_cannot_approve() -> None:
    month = accepted(drafted(10000, terms=APPROVE), "edit", NOW, **ADD)
    assert month.invoice is not None
    digest = month.invoice.digest
    assert refused(month, "approve", NOW, digest=digest) == (
        "ann has edited this draft since it was approved or imported; somebody else has to approve it"
    )
    assert accepted(month, "approve", NOW, by="ben", digest=digest).approval is not None


def test_an_update_that_changes_nothing_is_refused() -> None:
    assert refused(drafted(1), "update_customer", NOW, changes={}) == "nothing changes"
    assert say(drafted(1), "update_customer", NOW, changes={})[1].refusal is Refusal.UNCHANGED
    assert refused(drafted(1), "update_customer", NOW, changes={"email": " acme@example.com"}) == "nothing changes"


def test_new_digits_of_the_same_card_leave_the_notice_as_it_is() -> None:
    month = announced(10000)
    renewed = month.customer.payment_method.evolve(last4="1881")
    updated = accepted(month, "update_customer", month.notice_at, changes={"payment_method": renewed})
    assert (updated.notice, updated.customer.payment_method.last4) == (month.notice, "1881")


def test_an_address_is_kept_as_it_was_typed() -> None:
    month = accepted(drafted(1), "update_customer", NOW, changes={"email": "Kasse@Stra\u00dfe.example"})
    assert month.customer.email == "Kasse@Straße.example"
    assert month.customer.email_key == "kasse@xn--strae-oqa.example"


def test_the_currency_changes_only_between_invoices_and_without_a_balance() -> None:
    change = {"changes": {"currency": "usd"}}
    assert "is open in eur" in refused(drafted(1), "update_customer", NOW, **change)
    month = drafted(-5)
    closed = month.announcing(month.notice_at)
    assert "a balance in eur is carried forward" in refused(closed, "update_customer", NOW, **change)
    assert accepted(opened(), "update_customer", NOW, **change).customer.currency == "usd"


# -- repeats and the audit trail


@pytest.mark.parametrize("name", FIELDS)
def test_a_repeat_gets_the_first_answer_and_does_nothing(name: str) -> None:
    first = command(name, command_id="c-1", **FIELDS[name])
    month, answer = decided(drafted(10000), first, NOW)
    assert answer.command_id == "c-1"
    assert decided(month, first, NOW + DAY, "signal") == (month, answer)


def test_a_repeated_halt_after_a_resume_does_not_halt_again() -> None:
    month = accepted(drafted(10000), "halt", NOW, command_id="c-1")
    month = accepted(month, "resume", NOW, command_id="c-2")
    month, answer = say(month, "halt", NOW, command_id="c-1")
    assert answer.accepted
    assert month.halt is None


def test_commands_without_an_id_are_no_repeats() -> None:
    month = accepted(drafted(10000), "halt", NOW)
    assert accepted(accepted(month, "resume", NOW), "halt", NOW).halt is not None


def test_decisions_are_kept_until_the_ledger_has_them() -> None:
    month = drafted(10000)
    for _ in range(KEPT_DECISIONS):
        month = say(month, "resume", NOW)[0]
        month = say(month, "resume", NOW)[0]
    assert [decision.number for decision in month.decisions] == list(range(1, 2 * KEPT_DECISIONS + 1))
    audited = month.recorded(month.decision_count - 10)
    assert [decision.number for decision in audited.decisions] == list(range(91, 2 * KEPT_DECISIONS + 1))


def test_the_largest_edit_is_on_record_whole_and_carried_on_in_short() -> None:
    add = {"op": "add", "description": "x" * 500, "amount_minor": 1}
    month, decision = say(drafted(1), "edit", NOW, version=1, changes=[add] * 100)
    assert decision.accepted
    assert len(json.loads(decision.details)["changes"]) == 100
    assert len(month.recorded(month.decision_count).decisions[0].details) == KEPT_DETAILS
    problem = "y" * 10_000
    assert len(unreadable(drafted(1), "halt", problem)[1].result) == KEPT_CHARACTERS


# -- what cannot be read


def unreadable(month: Month, name: str, problem: str) -> tuple[Month, Decision]:
    after = note_unreadable(month, name, problem, NOW, "signal").value
    return after, after.decisions[-1]


@pytest.mark.parametrize("name", ["halt", "Halt", "please_halt"])
def test_an_unreadable_halt_halts(name: str) -> None:
    month, decision = unreadable(drafted(10000), name, "by: Field required")
    assert text_of(month.stopped) == f"halted by unknown: an unreadable {name} arrived"
    assert (decision.accepted, decision.result) == (True, "by: Field required; halted to be safe")
    assert month.due(NOW).step == "alert"


def test_an_unreadable_halt_keeps_the_halt_of_a_person() -> None:
    month = accepted(drafted(10000), "halt", NOW)
    assert unreadable(month, "halt", "?")[0].halt == month.halt


@pytest.mark.parametrize("name", ["resume", "edit", "approve", "nonsense"])
def test_anything_else_that_cannot_be_read_is_recorded_only(name: str) -> None:
    before = drafted(10000)
    month, decision = unreadable(before, name, "it cannot be read")
    assert (month.halt, month.decisions, decision.accepted) == (None, (decision,), False)
    assert month.revision > before.revision


@pytest.mark.parametrize("month", [charging(10000), charged(ChargeStatus.SUCCEEDED, 10000)], ids=["charging", "closed"])
def test_an_unreadable_halt_comes_too_late_once_the_charge_has_begun(month: Any) -> None:
    after, decision = unreadable(month, "halt", "?")
    assert (after.halt, decision.accepted, decision.result) == (None, False, "?")


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("pause", [{}], "there is no command 'pause'"),
        ("halt", [], "halt takes one argument"),
        ("halt", [{}, {}], "halt takes one argument"),
        ("halt", ["please"], "halt cannot be read"),
        ("halt", [{"by": "ann"}], "reason: Field required"),
        ("halt", [{"by": " ", "reason": "x"}], "by: String should have at least 1 character"),
        ("halt", [{"by": "ann", "reason": "x", "extra": 1}], "extra: Extra inputs are not permitted"),
        ("skip", [{"by": "ann", "reason": "x", "period": "11/2026"}], "write the month as YYYY-MM"),
        ("edit", [{"by": "ann", "reason": "x", "version": 1, "changes": []}], "changes: "),
        ("update_customer", [{"by": "ann", "reason": "x", "changes": {"timezone": "Mars"}}], "is not a time zone"),
        ("update_customer", [{"by": "ann", "reason": "x", "changes": {"phone": "1"}}], "phone: Extra inputs"),
        (
            "update_customer",
            [{"by": "ann", "reason": "x", "changes": {"terms": {"schedule": {"notice_time": "12:00Z"}}}}],
            "without an offset",
        ),
    ],
)  # fmt: skip
def test_a_command_in_a_wrong_form_says_what_is_wrong(name: str, arguments: list[object], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        parse_command(name, arguments, COMMANDS)


def test_a_readable_command_is_read() -> None:
    skip = parse_command("skip", [{"by": " ann ", "reason": "x", "period": "2026-10"}], COMMANDS)
    assert (skip.by, skip.period) == ("ann", Period("2026-10"))
    assert parse_command("skip", [skip], COMMANDS) is skip


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
clocks = st.sampled_from(["02:00", "02:00Z", "10:00:00.5", "25:00", "", 7200, -1, None])
near_misses = st.fixed_dictionaries(
    {"by": st.just("ann"), "reason": st.just("x")},
    optional={
        "command_id": json_values,
        "period": st.sampled_from(["2026-10", "2099-12", "x", 5]),
        "version": st.integers(),
        "digest": st.text(max_size=8),
        "changes": json_values
        | st.fixed_dictionaries(
            {},
            optional={
                "timezone": st.sampled_from(["UTC", "../etc", "Europe", "a\0b", ""]),
                "currency": st.sampled_from(["USD", "usd ", "xyz", ""]),
                "email": st.text(max_size=8) | st.just("New@Example.com"),
                "terms": st.fixed_dictionaries(
                    {},
                    optional={
                        "review_mode": st.sampled_from(["approve", "never"]),
                        "min_notice_hours": st.integers(-1, 10**6) | st.floats(),
                        "schedule": st.fixed_dictionaries(
                            {},
                            optional={
                                "import_day": st.integers(-1, 40),
                                "notice_days": st.integers(0, 3),
                                "import_time": clocks,
                                "notice_time": clocks,
                                "charge_time": clocks,
                            },
                        ),
                    },
                ),
            },
        ),
    },
)


@given(st.sampled_from([*COMMANDS, "pause"]), json_values | near_misses)
def test_whatever_arrives_is_decided_and_recorded_without_an_error(name: str, argument: object) -> None:
    month = drafted(10000)
    try:
        parsed = parse_command(name, [argument], COMMANDS)
    except InvalidInput as error:
        after, decision = unreadable(month, name, str(error))
    else:
        after, decision = decided(month, parsed, NOW, "signal")
    assert after.decisions == (decision,)
    assert type(after).model_validate_json(after.model_dump_json()) == after


def test_the_last_editor_cannot_approve_under_another_spelling() -> None:
    month = accepted(drafted(10000, terms=APPROVE), "edit", NOW, **ADD)
    assert month.invoice is not None
    assert "somebody else" in refused(month, "approve", NOW, by="Ann", digest=month.invoice.digest)


def test_nobody_who_has_edited_since_the_import_approves_however_little_came_after() -> None:
    month = accepted(drafted(10000, terms=APPROVE), "edit", NOW, by="bob", **ADD)
    small = {"version": 2, "changes": [{"op": "add", "description": "Rounding", "amount_minor": 1}]}
    month = accepted(month, "edit", NOW, by="carol", **small)
    assert month.invoice is not None
    digest = month.invoice.digest
    for editor in ("bob", "Bob", "carol"):
        assert "has edited this draft since" in refused(month, "approve", NOW, by=editor, digest=digest)
    assert accepted(month, "approve", NOW, by="ann", digest=digest).approval is not None


def test_an_approval_answers_for_the_edits_before_it() -> None:
    month = accepted(drafted(10000, terms=APPROVE), "edit", NOW, by="bob", **ADD)
    assert month.invoice is not None
    month = accepted(month, "approve", NOW, by="ann", digest=month.invoice.digest)
    month = accepted(month, "edit", NOW, by="ann", **ADD | {"version": 2})
    assert month.invoice is not None
    assert month.editors == ("ann",)
    assert accepted(month, "approve", NOW, by="bob", digest=month.invoice.digest).approval is not None


def test_an_edit_alone_demands_an_approval_where_the_terms_say_so() -> None:
    month = drafted(10000, terms={"approve_when": ["edited"]})
    assert "needs no approval" in refused(month, "approve", NOW, by="ann", digest="x")
    assert month.stage(month.notice_at) is Stage.MONITORING
    edited = accepted(month, "edit", NOW, by="bob", **ADD)
    assert edited.invoice is not None
    assert edited.stage(edited.notice_at) is Stage.AWAITING_APPROVAL
    assert "somebody else" in refused(edited, "approve", NOW, by="bob", digest=edited.invoice.digest)
    approved = accepted(edited, "approve", NOW, by="ann", digest=edited.invoice.digest)
    assert approved.stage(approved.notice_at) is Stage.MONITORING
    told = announced(10000, terms={"approve_when": ["edited"]})
    assert accepted(told, "edit", NOW, **ADD).stage(NOW) is Stage.AWAITING_APPROVAL


# -- limits

LARGEST: dict[str, Any] = {
    "version": 1,
    "changes": [{"op": "add", "description": "\U0001f600" * 500, "amount_minor": 1}] * CHANGES_MAX,
}


def test_an_id_that_was_used_for_another_command_is_refused() -> None:
    month = accepted(drafted(10000), "halt", NOW, command_id="c-1")
    month = accepted(month, "resume", NOW)
    for other in ({"by": "ben"}, {"reason": "row 9 looks wrong"}):
        answer = refused(month, "halt", NOW, command_id="c-1", **other)
        assert answer == "this command id was used for another command already; give a new one"
    edited = accepted(month, "edit", NOW, command_id="c-2", **ADD)
    larger = {"version": 1, "changes": [{**ADD["changes"][0], "amount_minor": 999_999}]}
    assert "used for another command" in refused(edited, "edit", NOW, command_id="c-2", **larger)
    recorded = edited.recorded(edited.decision_count)
    assert say(recorded, "edit", NOW, command_id="c-2", **ADD)[1].accepted


def test_what_a_month_carries_fits_into_a_payload_whatever_is_said_before_the_ledger_answers() -> None:
    month = drafted(10000)
    longest = {"by": "\U0001f600" * 200, "reason": "\U0001f600" * 1000}
    for number in range(1500):
        month = say(month, "resume", NOW, command_id=f"c-{number}", **longest)[0]
    assert month.decision_count == 1500
    assert len(month.model_dump_json()) < 2_000_000 - INVOICE_MAX_BYTES
    halted = accepted(month, "halt", NOW)
    assert halted.halt is not None
    assert "what came before this; repeat the command in a minute" in say(halted, "edit", NOW, **LARGEST)[1].result
    assert len(halted.recorded(halted.decision_count).model_dump_json()) < 200_000


def test_an_edit_that_would_make_the_invoice_too_large_is_refused_and_one_that_makes_it_smaller_is_not() -> None:
    month, version = drafted(1), 1
    while (edited := say(month, "edit", NOW, **LARGEST | {"version": version}))[1].accepted:
        month, version = edited[0].recorded(version), version + 1
    assert version > 3
    assert "more than the 800 kB that can be kept; sum lines up" in edited[1].result
    less = {"version": version, "changes": [{"op": "remove", "line_id": "added-1"}]}
    assert accepted(month, "edit", NOW, **less).halt is None


def test_a_command_that_the_month_has_no_room_for_is_refused_in_words() -> None:
    month = drafted(10000, terms=APPROVE)
    for number in range(100):
        month = accepted(month, "edit", NOW, by=f"editor {number}", **ADD | {"version": number + 1})
    refusal = refused(month, "edit", NOW, by="one more", **ADD | {"version": 101})
    assert refusal == "editors: Tuple should have at most 100 items after validation, not 101"


def test_an_editor_does_not_approve_again_what_somebody_else_has_approved() -> None:
    month = accepted(drafted(10000, terms=APPROVE), "edit", NOW, by="bob", **ADD)
    assert month.invoice is not None
    digest = month.invoice.digest
    month = accepted(month, "approve", NOW, by="ann", digest=digest)
    assert "somebody else has to approve it" in refused(month, "approve", NOW, by="bob", digest=digest)


@pytest.mark.parametrize("typed", ["BOB", "b\u200bob", "\N{FULLWIDTH LATIN SMALL LETTER B}ob"])
def test_an_editor_who_types_the_name_in_another_way_does_not_approve(typed: str) -> None:
    month = accepted(drafted(10000, terms=APPROVE), "edit", NOW, by="bob", **ADD)
    assert month.invoice is not None
    assert "somebody else has to approve it" in refused(month, "approve", NOW, by=typed, digest=month.invoice.digest)
