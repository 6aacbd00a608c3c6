"""The walk through a procedure: what follows, what may be returned, until when it is cancelled; and that it ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.procedures import procedure_files
from billing.errors import InvalidInput
from billing.tasks.forms import Answer
from orders.procedures.checks import checked
from orders.procedures.procedure import Procedure
from orders.procedures.steps import EndStep, PaymentStep, TaskStep
from orders.procedures.walking import (
    can_be_cancelled,
    check_cancellation,
    due_at,
    following,
    returnable,
    returned_to,
    undoing,
)
from tests.unit.procedure_files import KNOWN, SHIPPED

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
PROCEDURES = {file.procedure.name: file.procedure for file in procedure_files(SHIPPED, KNOWN) if file.procedure}
CONNECT, DISCONNECT, REQUEST = PROCEDURES["connect"], PROCEDURES["disconnect"], PROCEDURES["request"]


def walk(procedure: Procedure, values: dict[str, Answer], start: str | None = None) -> list[str]:
    """The names of the steps from the beginning, or from ``start``, to an end."""
    step = procedure.step(start) if start else procedure.beginning
    names = [step.name]
    while not isinstance(step, EndStep):
        step = following(procedure, step, values)
        names.append(step.name)
        assert len(names) <= len(procedure.steps)
    return names


# -- every walk ends


@st.composite
def written(draw: st.DrawFn, forwards: bool) -> dict[str, Any]:
    """A procedure of tasks with yes-no questions; ``forwards``: its branches lead downwards alone."""
    count = draw(st.integers(2, 9))
    steps: list[dict[str, Any]] = []
    for place in range(count - 1):
        targets = st.integers(place + 1 if forwards else 0, count - 1)
        asked = st.integers(0, place)
        branches = [
            {"when": {f"s{draw(asked)}.ok": draw(st.booleans())}, "go": f"s{draw(targets)}"}
            for _ in range(draw(st.integers(0, 3)))
        ]
        steps.append(
            {
                "name": f"s{place}",
                "kind": "task",
                "title": "T",
                "department": "crew",
                "due": "1d",
                "form": [{"name": "ok", "type": "yes_no", "label": "OK?", "required": draw(st.booleans())}],
                "next": [*branches, {"go": f"s{draw(targets)}"}],
            }
        )
    steps.append({"name": f"s{count - 1}", "kind": "end", "title": "E", "outcome": "done"})
    return {"name": "any", "title": "Any", "steps": steps, "undo": f"s{count - 1}"}


def answers(count: int = 9) -> st.SearchStrategy[dict[str, Answer]]:
    return st.dictionaries(st.integers(0, count).map(lambda n: f"s{n}.ok"), st.booleans())


@given(written(forwards=False), answers())
def test_every_walk_of_whatever_passes_the_check_ends(raw: dict[str, Any], values: dict[str, Answer]) -> None:
    procedure, faults = checked(raw, KNOWN)
    assert (procedure is None) == bool(faults)
    if procedure is not None:
        assert walk(procedure, values)[-1] == procedure.steps[-1].name


@given(written(forwards=True), answers())
def test_downwards_nothing_is_a_loop(raw: dict[str, Any], values: dict[str, Answer]) -> None:
    _, faults = checked(raw, KNOWN)
    assert not [fault for fault in faults if "loop" in fault.text or "upwards" in fault.text]


@pytest.mark.parametrize("name", PROCEDURES)
@given(data=st.data())
def test_every_walk_of_a_shipped_procedure_ends(name: str, data: st.DataObject) -> None:
    """From any step, with any answers, whatever a person or the money decides."""
    procedure = PROCEDURES[name]
    values: dict[str, Answer] = {}
    for step in procedure.steps:
        if isinstance(step, PaymentStep):
            values[f"{step.name}.outcome"] = str(data.draw(st.sampled_from(step.outcomes)))
        elif isinstance(step, TaskStep):
            values |= {f"{step.name}.{field.name}": data.draw(st.booleans()) for field in step.form}
    start = data.draw(st.sampled_from(procedure.steps))
    assert isinstance(procedure.step(walk(procedure, values, start.name)[-1]), EndStep)


# -- what follows


def test_somebody_is_connected_through_four_departments() -> None:
    values: dict[str, Answer] = {
        "feasibility.possible": True,
        "feasibility.equipment": True,
        "equipment.to_be_bought": True,
        "fee.outcome": "settled",
    }
    assert walk(CONNECT, values) == [
        *("received", "feasibility", "equipment", "purchase", "ask_for_fee", "fee", "plan_visit", "tell_visit"),
        *("installation", "documents", "activate", "billing", "tell_connected", "connected"),
    ]


@pytest.mark.parametrize(
    ("values", "end"),
    [
        ({"feasibility.possible": False, "feasibility.equipment": True}, ["tell_impossible", "refused"]),
        (
            {"feasibility.possible": True, "feasibility.equipment": False, "fee.outcome": "expired"},
            ["fee", "cancelled"],
        ),
        (
            {
                "feasibility.possible": True,
                "feasibility.equipment": True,
                "equipment.to_be_bought": False,
                "fee.outcome": "expired",
            },
            ["fee", "give_back", "cancelled"],
        ),
    ],
)
def test_somebody_is_not_connected(values: dict[str, Answer], end: list[str]) -> None:
    assert walk(CONNECT, values)[-len(end) :] == end


def test_a_debt_that_a_person_does_not_allow_keeps_somebody_connected() -> None:
    assert walk(DISCONNECT, {"debt.outcome": "refused"})[-1] == "refused"
    assert walk(DISCONNECT, {"debt.outcome": "allowed"})[-1] == "disconnected"


def test_what_is_missing_is_billed_before_the_account_is_closed() -> None:
    missing = walk(DISCONNECT, {"debt.outcome": "settled", "equipment.all_back": False})
    assert missing.index("charge") < missing.index("switch_off") < missing.index("billing")
    assert "charge" not in walk(DISCONNECT, {"debt.outcome": "settled", "equipment.all_back": True})


@pytest.mark.parametrize(
    ("category", "step", "hours"),
    [
        ("No connection", "repair", 4),
        ("Slow connection", "repair", 24),
        ("Bill or payment", "money", 48),
        ("Contract", "office", 24),
        ("Something else", "office", 72),
    ],
)
def test_a_category_leads_a_request_to_its_department_and_deadline(category: str, step: str, hours: int) -> None:
    values: dict[str, Answer] = {"category": category}
    task = REQUEST.step(walk(REQUEST, values)[1])
    assert isinstance(task, TaskStep)
    assert task.name == step
    assert due_at(task, values, NOW, "Asia/Almaty") == NOW + timedelta(hours=hours)


def test_a_truth_is_no_text_and_no_number() -> None:
    """``yes`` in a text, or the number 1, answers no yes-no question."""
    answered: list[Answer] = ["yes", 1]
    for answer in answered:
        values = {"feasibility.possible": True, "feasibility.equipment": True, "equipment.to_be_bought": answer}
        assert following(CONNECT, _task(CONNECT, "equipment"), values).name == "ask_for_fee"


# -- deadlines, returns, cancellations


def test_a_visit_is_due_at_the_end_of_its_day_where_the_customer_lives() -> None:
    task = _task(CONNECT, "installation")
    due = due_at(task, {"plan_visit.day": "2026-12-03"}, NOW, "Asia/Almaty")
    assert due == datetime(2026, 12, 3, 19, tzinfo=UTC)
    assert due_at(task, {}, NOW, "Asia/Almaty") == NOW + timedelta(days=1)


def test_a_task_is_returned_only_where_the_procedure_lets_it() -> None:
    task = _task(CONNECT, "installation")
    assert [each.name for each in returnable(CONNECT, task)] == ["plan_visit"]
    assert returned_to(CONNECT, task, "plan_visit").name == "plan_visit"
    with pytest.raises(InvalidInput, match="cannot be returned to equipment; it can be returned to plan_visit"):
        returned_to(CONNECT, task, "equipment")
    with pytest.raises(InvalidInput, match="purchase cannot be returned to equipment; it cannot be returned"):
        returned_to(CONNECT, _task(CONNECT, "purchase"), "equipment")


def test_a_cancellation_is_possible_until_the_crew_is_on_its_way() -> None:
    possible = [step.name for step in CONNECT.steps if can_be_cancelled(CONNECT, step)]
    assert possible[-1] == "tell_visit"
    assert possible == [step.name for step in CONNECT.steps[: len(possible)]]
    with pytest.raises(InvalidInput, match=r"stands at documents .*up to tell_visit .*instead: the crew is on its way"):
        check_cancellation(CONNECT, CONNECT.step("documents"))
    with pytest.raises(InvalidInput, match="the order has ended: Connected; there is nothing to cancel"):
        check_cancellation(CONNECT, CONNECT.step("connected"))


def test_a_cancelled_order_gives_back_what_was_reserved() -> None:
    assert undoing(CONNECT, {"feasibility.equipment": True}).name == "give_back"
    assert undoing(CONNECT, {}).name == "cancelled"
    assert not can_be_cancelled(CONNECT, CONNECT.step("give_back"))


def test_a_step_or_fee_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidInput, match="connect has no step 'x'; its steps: received, feasibility"):
        CONNECT.step("x")
    with pytest.raises(InvalidInput, match="connect has no fee 'x'; add it to fees"):
        CONNECT.fee("x")
    with pytest.raises(InvalidInput, match="no amount in JPY; add one to the procedure's file, such as: amount: 5000"):
        CONNECT.fee("connection").amount_minor("jpy")
    assert CONNECT.fee("connection").amount_minor("kzt") == 500_000


@pytest.mark.parametrize("procedure", PROCEDURES.values(), ids=PROCEDURES)
def test_an_order_keeps_its_procedure_as_json(procedure: Procedure) -> None:
    assert Procedure.model_validate_json(procedure.model_dump_json()) == procedure


def _task(procedure: Procedure, name: str) -> TaskStep:
    step = procedure.step(name)
    assert isinstance(step, TaskStep)
    return step
