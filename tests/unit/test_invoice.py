"""Invoices: the total to the minor unit, edits that take effect whole or not at all, digests that notice any change."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from billing.errors import InvalidInput
from billing.invoices.invoice import AddLine, Change, ChangeLine, Invoice, LineItem, Problem, RemoveLine, Source
from billing.money import MAX_AMOUNT_MINOR

UNPAID_OUTCOMES = datetime(2026, 11, 1, 1, tzinfo=UTC)
SOURCE = Source(sheet="2026-10", row=4, digest="d")
PROBLEM = Problem(line_id="row-4", description="Odd", raw="#REF!", reason="not an amount", source=SOURCE)
DRAFT = Invoice(
    currency="eur",
    imported_at=UNPAID_OUTCOMES,
    lines=(
        LineItem(line_id="row-2", description="Hosting", amount_minor=10000, source=SOURCE),
        LineItem(line_id="row-3", description="Support", amount_minor=2050, source=SOURCE),
    ),
    carried_minor=-50,
)
UNREADABLE = DRAFT.evolve(problems=(PROBLEM,))

amounts = st.integers(-MAX_AMOUNT_MINOR, MAX_AMOUNT_MINOR)
line_ids = st.sampled_from(["row-2", "row-3", "row-4", "added-1", "added-2", "row-9"])
texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10).filter(str.strip)
changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(AddLine, description=texts, amount_minor=amounts),
    st.builds(ChangeLine, line_id=line_ids, amount_minor=st.none() | amounts, description=st.none() | texts),
    st.builds(RemoveLine, line_id=line_ids),
)


def test_the_total_is_lines_and_balance() -> None:
    assert DRAFT.total_minor == 12000
    assert DRAFT.total == "120.00 EUR"
    assert Invoice(currency="jpy", imported_at=UNPAID_OUTCOMES, carried_minor=30).total == "30 JPY"


def test_a_line_is_added_without_a_source() -> None:
    edited = DRAFT.edited((AddLine(description=" Refund ", amount_minor=-500),))
    assert edited.version == 2
    assert edited.lines[-1] == LineItem(line_id="added-1", description="Refund", amount_minor=-500)
    assert edited.total_minor == 11500


def test_the_id_of_an_added_line_is_never_given_again() -> None:
    edited = DRAFT.edited((AddLine(description="One", amount_minor=1),)).edited((RemoveLine(line_id="added-1"),))
    edited = edited.edited((AddLine(description="Two", amount_minor=2),))
    assert edited.lines[-1].line_id == "added-2"
    assert edited.version == 4


def test_a_changed_line_keeps_its_place_source_and_what_was_not_given() -> None:
    edited = DRAFT.edited((ChangeLine(line_id="row-2", amount_minor=0),))
    assert edited.lines[0] == LineItem(line_id="row-2", description="Hosting", amount_minor=0, source=SOURCE)
    edited = edited.edited((ChangeLine(line_id="row-2", description="Gift"),))
    assert (edited.lines[0].amount_minor, edited.lines[0].description) == (0, "Gift")


def test_an_unreadable_row_becomes_a_line_when_a_person_gives_its_amount() -> None:
    edited = UNREADABLE.edited((ChangeLine(line_id="row-4", amount_minor=300),))
    assert edited.problems == ()
    assert edited.lines[-1] == LineItem(line_id="row-4", description="Odd", amount_minor=300, source=SOURCE)


def test_an_unreadable_row_can_be_removed() -> None:
    edited = UNREADABLE.edited((RemoveLine(line_id="row-4"),))
    assert (edited.problems, edited.lines) == ((), DRAFT.lines)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (RemoveLine(line_id="row-9"), "there is no line 'row-9'; the lines are: row-2, row-3, row-4"),
        (ChangeLine(line_id="row-9", amount_minor=1), "there is no line 'row-9'"),
        (ChangeLine(line_id="row-4", description="Odder"), r"row-4 cannot be read \(not an amount\); give its amount"),
        (ChangeLine(line_id="row-2"), "the edit changes nothing"),
        (ChangeLine(line_id="row-2", amount_minor=10000), "the edit changes nothing"),
    ],
)
def test_an_edit_that_does_not_fit_is_refused_with_the_reason(change: Change, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        UNREADABLE.edited((change,))


def test_changes_that_cancel_each_other_change_nothing() -> None:
    with pytest.raises(InvalidInput, match="the edit changes nothing"):
        DRAFT.edited((AddLine(description="One", amount_minor=1), RemoveLine(line_id="added-1")))


@pytest.mark.parametrize(("currency", "step"), [("isk", "1.00 ISK"), ("ugx", "1.00 UGX"), ("bhd", "0.010 BHD")])
def test_an_amount_that_its_currency_does_not_have_is_refused(currency: str, step: str) -> None:
    draft = DRAFT.evolve(currency=currency, lines=(LineItem(line_id="row-2", description="One", amount_minor=1000),))
    for change in (AddLine(description="Odd", amount_minor=1005), ChangeLine(line_id="row-2", amount_minor=-995)):
        with pytest.raises(InvalidInput, match=f"cannot be charged; give a multiple of {step}"):
            draft.edited((change,))
    assert draft.edited((ChangeLine(line_id="row-2", amount_minor=1100),)).total_minor == 1050


@pytest.mark.parametrize("currency", ["eur", "cop", "idr"])
def test_a_line_has_what_a_card_takes_and_no_more(currency: str) -> None:
    most = AddLine(description="Villa", amount_minor=MAX_AMOUNT_MINOR)
    draft = Invoice(currency=currency, imported_at=datetime(2026, 11, 1, 1, tzinfo=UTC))
    assert draft.edited((most,)).total == f"9999999999.99 {currency.upper()}"
    with pytest.raises(ValidationError, match="less than or equal to 999999999999"):
        AddLine(description="Villa", amount_minor=MAX_AMOUNT_MINOR + 1)


@pytest.mark.parametrize(
    "raw",
    [
        {"op": "add", "description": "", "amount_minor": 1},
        {"op": "add", "description": "  ", "amount_minor": 1},
        {"op": "add", "description": "One", "amount_minor": 1.5},
        {"op": "add", "description": "One", "amount_minor": MAX_AMOUNT_MINOR + 1},
        {"op": "add", "description": "One"},
        {"op": "change", "line_id": "row-2", "amount": 1},
        {"op": "remove", "line_id": "row-2", "amount_minor": 1},
        {"op": "void", "line_id": "row-2"},
        {"line_id": "row-2"},
    ],
    ids=str,
)
def test_a_change_in_a_wrong_form_is_refused(raw: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Change).validate_python(raw)


@given(st.lists(changes, min_size=1, max_size=4))
def test_an_edit_takes_effect_whole_or_not_at_all(edit: list[Change]) -> None:
    try:
        edited = UNREADABLE.edited(tuple(edit))
    except InvalidInput:
        return
    assert edited.version == UNREADABLE.version + 1
    assert edited.digest != UNREADABLE.digest
    assert (edited.currency, edited.carried_minor) == (UNREADABLE.currency, UNREADABLE.carried_minor)
    ids = [*(line.line_id for line in edited.lines), *(problem.line_id for problem in edited.problems)]
    assert len(ids) == len(set(ids))
    assert edited.total_minor == sum(line.amount_minor for line in edited.lines) + edited.carried_minor


@given(st.lists(st.tuples(texts, amounts), max_size=3), st.lists(st.tuples(texts, amounts), max_size=3))
def test_two_invoices_have_one_digest_only_if_they_say_the_same(
    one: list[tuple[str, int]], other: list[tuple[str, int]]
) -> None:
    first, second = (
        DRAFT.evolve(
            lines=tuple(
                LineItem(line_id=f"row-{number}", description=text, amount_minor=amount)
                for number, (text, amount) in enumerate(rows)
            )
        )
        for rows in (one, other)
    )
    assert (first.digest == second.digest) == (one == other)


def test_text_that_looks_like_two_lines_does_not_have_the_digest_of_two() -> None:
    two = DRAFT.evolve(
        lines=(
            LineItem(line_id="row-2", description="One", amount_minor=100),
            LineItem(line_id="row-3", description="Two", amount_minor=200),
        )
    )
    one = DRAFT.evolve(lines=(LineItem(line_id="row-2", description="One\nrow-3|200|Two", amount_minor=100),))
    assert one.digest != two.digest
