"""What a month remembers of commands: a repeat gets the first answer, and however much is said fits on record."""

import json
from typing import Any

import pytest

from billing.invoices.commands import CHANGES_MAX
from billing.invoices.invoice import INVOICE_MAX_BYTES
from billing.invoices.month import KEPT_DECISIONS, KEPT_DETAILS
from billing.invoices.review import KEPT_CHARACTERS
from tests.unit.months import DAY, accepted, command, decided, drafted, refused, say
from tests.unit.reviewing import ADD, APPROVE, FIELDS, NOW, unreadable


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


LARGEST: dict[str, Any] = {
    "version": 1,
    "changes": [{"op": "add", "description": "\U0001f600" * 500, "amount_minor": 1}] * CHANGES_MAX,
}


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
