"""What reviewers of a rehearsal can be told to do."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from billing.commands import Halt
from billing.errors import InvalidInput
from billing.invoices.commands import Edit
from billing.payments.methods import BillPayer
from sandbox.rehearsal.reviewers import command_of
from sandbox.rehearsal.script import ScriptedCommand, read_script
from tests.unit.months import drafted, opened

SCRIPT = """
otherwise: {approval: wait}
cards:
  denver: decline:insufficient_funds
say:
  - {customer: acme, period: 2026-10, do: halt, by: ann, reason: ask, when: draft + 6h}
  - {customer: acme, do: edit, by: bob, reason: typo, change: {row-2: 12.50}, add: [{description: Fee, amount: 3}]}
"""
EDIT = "customer: acme, do: edit, by: ann, reason: r"


def _written(folder: Path, text: str) -> Path:
    path = folder / "reviewers.yaml"
    path.write_text(text)
    return path


def test_a_script_says_who_does_what_and_when(tmp_path: Path) -> None:
    script = read_script(_written(tmp_path, SCRIPT))
    halt, edit = script.commands_for("acme")
    month = drafted(1000)
    assert halt.instant(month) == datetime(2026, 11, 1, 7, tzinfo=UTC)
    assert isinstance(command_of(halt, month), Halt)
    command = command_of(edit, month)
    assert isinstance(command, Edit)
    assert [each.model_dump(exclude_none=True) for each in command.changes] == [
        {"op": "change", "line_id": "row-2", "amount_minor": 1250},
        {"op": "add", "description": "Fee", "amount_minor": 300},
    ]
    assert (script.otherwise.approval, script.otherwise.stopped) == ("wait", "skip")
    with pytest.raises(InvalidInput, match="denver; nobody"):
        script.require_known({"acme"})


def test_an_instant_may_be_on_the_customers_clock() -> None:
    said = ScriptedCommand.model_validate(
        {"customer": "acme", "do": "skip", "by": "ann", "reason": "r", "when": "2026-11-02T09:30"}
    )
    assert said.instant(opened(timezone="Asia/Tokyo")) == datetime(2026, 11, 2, 0, 30, tzinfo=UTC)


def test_an_approval_before_the_draft_is_told_so() -> None:
    said = ScriptedCommand.model_validate({"customer": "acme", "do": "approve", "by": "ann", "reason": "r"})
    with pytest.raises(InvalidInput, match="no draft"):
        command_of(said, opened())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("say: [{customer: acme, do: shout, by: ann, reason: r}]", "do"),
        ("say: [{customer: acme, do: edit, by: ann, reason: r}]", "an edit needs"),
        ("say: [{customer: acme, do: halt, by: ann, reason: r, when: noon}]", "draft \\+ 6h"),
        (f"say: [{{{EDIT}, add: [{{description: {'x' * 501}, amount: 1}}]}}]", "at most 500"),
        (f"say: [{{{EDIT}, add: [{{description: ' ', amount: 1}}]}}]", "at least 1"),
        (f"say: [{{{EDIT}, add: [{{description: , amount: 1}}]}}]", "description"),
        (f"say: [{{{EDIT}, remove: [{', '.join(['row-2'] * 101)}]}}]", "at most 100 changes"),
        ("cards: {acme: explode}", "cards"),
        ("say: [", "not YAML"),
        ("saying: []", "saying"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        read_script(_written(tmp_path, text))


def test_bills_are_paid_the_day_before_they_are_due_unless_the_script_says_when(tmp_path: Path) -> None:
    card = opened().customer
    bolt, coal, dust = (card.evolve(customer_id=name, payment_method=BillPayer()) for name in ("bolt", "coal", "dust"))
    script = read_script(_written(tmp_path, "pays: {coal: never, dust: 9}"))
    assert [script.days_to_pay(each) for each in (card, bolt, coal, dust)] == [None, -1, None, 9]
    late = read_script(_written(tmp_path, "otherwise: {bills: 12}"))
    assert late.days_to_pay(bolt) == 12
    with pytest.raises(InvalidInput, match=r"pays\.coal"):
        read_script(_written(tmp_path, "pays: {coal: 181}"))
