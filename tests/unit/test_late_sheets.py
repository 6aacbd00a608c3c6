"""Whatever the sheets and the reviewers do: no row and no line counts twice, and an unedited draft is the sheet."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from billing.invoices.invoice import AddLine, Change, ChangeLine, Invoice, LineItem, Problem, RemoveLine
from billing.sales.adjustments import adjustments, refresh_changes
from billing.sales.late_sales import sheet_changes
from tests.unit.late_sales import OCTOBER, Cells, invoice, rows

amounts = st.sampled_from(["1", "2", "2", "3.50", "-4", "1,5", "#REF!"])
sheets = st.lists(st.tuples(amounts, st.sampled_from(["Tea", "Cake", ""])), max_size=7)
readable = st.lists(st.tuples(st.sampled_from(["1", "2", "3.50", "-4"]), st.sampled_from(["Tea", "Cake"])), max_size=7)


@st.composite
def invoices(draw: Any, cells: st.SearchStrategy[Cells] = sheets) -> tuple[Cells, Invoice]:
    """A sheet, and its draft after some edits."""
    typed = draw(cells)
    draft = invoice(typed)
    for kind in draw(st.lists(st.sampled_from(["add", "change", "describe", "remove"]), max_size=4)):
        names = [each.line_id for each in draft.lines]
        if kind == "add" or not names:
            change: Change = AddLine(description="By hand", amount_minor=draw(st.integers(-5, 5)) * 100)
        elif kind == "change":
            change = ChangeLine(line_id=draw(st.sampled_from(names)), amount_minor=draw(st.integers(10, 20)) * 100)
        elif kind == "describe":
            change = ChangeLine(line_id=draw(st.sampled_from(names)), description=draw(st.sampled_from("AB")))
        else:
            change = RemoveLine(line_id=draw(st.sampled_from(names)))
        draft = draft.edited((change,)) if draft._with(change) != draft else draft
    return typed, draft


@given(made=invoices(), data=st.data())
def test_rows_that_only_moved_are_no_difference(made: tuple[Cells, Invoice], data: st.DataObject) -> None:
    typed, draft = made
    shuffled = data.draw(st.permutations(typed))
    moved = [each.evolve(source=each.source.evolve(row=each.source.row + 3)) for each in rows(shuffled) if each.source]
    assert sheet_changes(draft, moved) == ()


@given(before=readable, after=sheets)
def test_without_edits_the_differences_come_to_new_sum_less_old_sum(before: Cells, after: Cells) -> None:
    found = sheet_changes(invoice(before), rows(after))
    new = sum(each.amount_minor for each in rows(after) if isinstance(each, LineItem))
    assert sum(drift.amount_minor for drift in found) == new - invoice(before).sales_minor
    lines, problems = adjustments(found, OCTOBER, "eur")
    unreadable = [drift for drift in found if isinstance(drift.row, Problem)]
    assert sum(line.amount_minor for line in lines) == sum(d.amount_minor for d in found if d not in unreadable)
    assert len(problems) == len(unreadable)


@given(made=invoices(), after=sheets)
def test_no_row_and_no_line_is_counted_twice(made: tuple[Cells, Invoice], after: Cells) -> None:
    _, draft = made
    found = sheet_changes(draft, rows(after))
    lines = [drift.line.line_id for drift in found if drift.line]
    taken = [drift.row.line_id for drift in found if drift.row]
    assert len(lines) == len(set(lines))
    assert len(taken) == len(set(taken))
    ids = [each.line_id for part in adjustments(found, OCTOBER, "eur") for each in part]
    assert len(ids) == len(set(ids))


@given(made=invoices(), first=readable, second=readable)
def test_a_refreshed_draft_has_nothing_to_refresh_until_the_sheet_changes_again(
    made: tuple[Cells, Invoice], first: Cells, second: Cells
) -> None:
    _, draft = made
    for after in (first, second):
        found = sheet_changes(draft, rows(after))
        changes = refresh_changes(found, "new")
        before = draft
        draft = draft.edited(changes) if changes else draft
        assert draft.sales_minor - before.sales_minor == sum(drift.amount_minor for drift in found)
        assert sheet_changes(draft, rows(after)) == ()


@given(before=sheets, after=readable)
def test_an_unedited_draft_is_the_sheet_after_a_refresh(before: Cells, after: Cells) -> None:
    draft = invoice(before)
    changes = refresh_changes(sheet_changes(draft, rows(after)), "new")
    draft = draft.edited(changes) if changes else draft
    assert not draft.problems
    billed = Counter((line.amount_minor, line.description) for line in draft.lines)
    assert billed == Counter((row.amount_minor, row.description) for row in rows(after) if isinstance(row, LineItem))


@given(made=invoices(readable), changed=readable)
def test_a_sheet_that_is_changed_and_changed_back_is_billed_as_before(
    made: tuple[Cells, Invoice], changed: Cells
) -> None:
    """Of rows that no reviewer has touched; the sheet wins over edits of rows that change."""
    typed, _ = made
    draft = invoice(typed)
    for after in (changed, typed):
        changes = refresh_changes(sheet_changes(draft, rows(after)), "new")
        draft = draft.edited(changes) if changes else draft
    assert draft.sales_minor == invoice(typed).sales_minor
