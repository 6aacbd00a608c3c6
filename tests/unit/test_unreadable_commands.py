"""Commands that cannot be read say what is wrong with them; a halt halts all the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.commands import parse_command
from billing.errors import InvalidInput
from billing.invoices.commands import COMMANDS
from billing.payments.payment import ChargeStatus
from billing.period import Period
from tests.stops import text_of
from tests.unit.months import accepted, charged, charging, decided, drafted
from tests.unit.reviewing import NOW, unreadable


@pytest.mark.parametrize("name", ["halt", "Halt", "please_halt"])
def test_an_unreadable_halt_halts(name: str) -> None:
    month, decision = unreadable(drafted(10000), name, "by: it is missing")
    assert text_of(month.stopped) == f"halted by unknown: an unreadable {name} arrived"
    assert (decision.accepted, decision.result) == (True, "by: it is missing; halted to be safe")
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
        ("halt", [{"by": "ann"}], "reason: it is missing"),
        ("halt", [{"by": " ", "reason": "x"}], "by: String should have at least 1 character"),
        ("halt", [{"by": "ann", "reason": "x", "extra": 1}], "extra: Extra inputs are not permitted"),
        ("skip", [{"by": "ann", "reason": "x", "period": "11/2026"}], "write the month as YYYY-MM"),
        ("edit", [{"by": "ann", "reason": "x", "version": 1, "changes": []}], "changes: "),
        ("update_customer", [{"by": "ann", "reason": "x", "changes": {"timezone": "Mars"}}], "is not a time zone"),
        ("update_customer", [{"by": "ann", "reason": "x", "changes": {"fax": "1"}}], "fax: Extra inputs"),
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
