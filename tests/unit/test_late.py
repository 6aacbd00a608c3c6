"""Sales that were changed after the collection: what differs, and that it is taken in exactly once."""

from billing.invoices.invoice import AddLine, Change, ChangeLine, Invoice, LineItem, RemoveLine, SalesSeen
from billing.period import Period
from billing.sales.adjustments import adjustments, merged_by_sheet, reasons_for_review, refresh_changes, unapplied
from billing.sales.late_sales import SheetChange, compare_with_sheet, in_words, sheet_changes
from tests.unit.late_sales import EMAIL, OCTOBER, invoice, rows


def told(found: tuple[SheetChange, ...]) -> list[tuple[str, int]]:
    return [(drift.kind, drift.amount_minor) for drift in found]


def edited(draft: Invoice, *changes: Change) -> Invoice:
    return draft.edited(changes)


# -- what differs


def test_a_row_is_added_changed_or_removed_by_what_it_says_wherever_it_stands() -> None:
    draft = invoice([("100", "Hosting"), ("50", "Support"), ("7", "Tea")])
    found = sheet_changes(draft, rows([("1", "Cake"), ("120", "Hosting"), ("7", "Tea")]))
    assert told(found) == [("added", 100), ("changed", 2000), ("removed", -5000)]
    assert in_words(found, "eur") == "rows: 1 added, 1 changed, 1 removed; 29.00 EUR less"


def test_a_row_in_the_same_place_was_changed_whatever_it_says() -> None:
    (drift,) = sheet_changes(invoice([("100", "Hosting")]), rows([("80", "Hosting, half a month")]))
    assert (drift.kind, drift.amount_minor) == ("changed", -2000)


def test_a_sheet_that_catches_up_with_an_edit_is_no_difference() -> None:
    draft = edited(
        invoice([("480", "Licences"), ("4800", "Training")]), ChangeLine(line_id="row-3", amount_minor=48000)
    )
    assert sheet_changes(draft, rows([("480", "Licences"), ("4800", "Training")])) == ()
    assert sheet_changes(draft, rows([("480", "Licences"), ("480", "Training")])) == ()
    assert told(sheet_changes(draft, rows([("480", "Licences"), ("500", "Training")]))) == [("changed", 2000)]


def test_an_unreadable_row_that_a_reviewer_gave_its_amount_is_not_billed_again_when_it_is_mended() -> None:
    draft = invoice([("12,50", "Tea")])
    assert told(sheet_changes(draft, rows([("12.50", "Tea")]))) == [("changed", 1250)]
    draft = edited(draft, ChangeLine(line_id="row-2", amount_minor=1250))
    assert sheet_changes(draft, rows([("12,50", "Tea")])) == ()
    assert sheet_changes(draft, rows([("12.50", "Tea")])) == ()


def test_a_line_that_a_reviewer_removed_stays_away_until_its_row_changes() -> None:
    draft = edited(invoice([("100", "Hosting"), ("100", "Hosting")]), RemoveLine(line_id="row-2"))
    assert sheet_changes(draft, rows([("100", "Hosting"), ("100", "Hosting")])) == ()
    assert sheet_changes(draft, rows([("100", "Hosting")])) == (), "the row twice was mended in the sheet, too"
    assert told(sheet_changes(draft, rows([("100", "Hosting"), ("70", "Hosting")]))) == [("added", 7000)]
    assert told(sheet_changes(draft, ())) == [("removed", -10000)], "only what was billed"


def test_a_line_that_a_reviewer_added_is_taken_for_the_row_that_is_typed_later() -> None:
    draft = edited(invoice([]), AddLine(description="Forgotten", amount_minor=500))
    assert sheet_changes(draft, rows([("5", "Forgotten")])) == ()
    assert told(sheet_changes(draft, rows([("6", "Forgotten")]))) == [("added", 600)]


def test_an_adjustment_that_a_reviewer_removed_is_not_taken_for_a_row_of_the_month() -> None:
    source = rows([("9", "Tea")])[0].source
    assert source is not None
    late = LineItem(line_id="late-2026-09-row-2", description="Late", amount_minor=900, source=source.evolve(sheet="x"))
    draft = invoice([("1", "Cake")]).evolve(lines=(*invoice([("1", "Cake")]).lines, late))
    assert sheet_changes(draft, rows([("1", "Cake")])) == ()
    assert sheet_changes(edited(draft, RemoveLine(line_id=late.line_id)), rows([("1", "Cake")])) == ()


# -- what becomes of it


def test_adjustments_say_what_they_are_and_point_at_their_rows() -> None:
    draft = invoice([("100", "Hosting"), ("50", "Support"), ("7", "Tea")])
    found = sheet_changes(draft, rows([("7", "Tea"), ("120", "Hosting"), ("1", "Cake")]))
    lines, problems = adjustments(found, OCTOBER, "eur")
    assert [(line.line_id, line.description, line.amount_minor) for line in lines] == [
        ("late-2026-10-row-3", "Correction of 2026-10: Hosting (120.00 EUR instead of 100.00 EUR)", 2000),
        ("removed-2026-10-row-3", "Removed from 2026-10: Support", -5000),
        ("late-2026-10-row-4", "Late sale of 2026-10: Cake", 100),
    ]
    assert [line.source.row for line in lines if line.source] == [3, 3, 4]
    assert {line.source.sheet for line in lines if line.source} == {"2026-10"}
    assert problems == ()


def test_a_changed_row_that_cannot_be_read_asks_a_person_for_the_difference() -> None:
    found = sheet_changes(invoice([("100", "Hosting")]), rows([("1,2", "Hosting"), ("x", "Tea")]))
    lines, (changed, added) = adjustments(found, OCTOBER, "eur")
    assert lines == ()
    assert changed.reason.endswith("100.00 EUR is billed for it: give the difference")
    assert "difference" not in added.reason
    assert refresh_changes(found, "new") == (), "a draft keeps what is billed until the row can be read"


def test_what_people_added_by_hand_in_other_words_is_not_billed_again_unasked() -> None:
    forgotten = edited(invoice([("100", "Hosting")]), AddLine(description="Cake", amount_minor=70000))
    by_hand = [line for line in forgotten.lines if line.source is None]
    found = sheet_changes(forgotten, rows([("100", "Hosting"), ("700", "Cake, large"), ("5", "Tea")]))
    (tea,), (cake,) = adjustments(found, OCTOBER, "eur", by_hand)
    assert (tea.amount_minor, cake.line_id, cake.raw) == (500, "late-2026-10-row-3", "700.00 EUR")
    assert "“Cake”, added by hand" in cake.reason

    discount = edited(invoice([("1000", "Hosting")]), AddLine(description="Discount", amount_minor=-20000))
    by_hand = [line for line in discount.lines if line.source is None]
    lines, (corrected,) = adjustments(sheet_changes(discount, rows([("800", "Hosting")])), OCTOBER, "eur", by_hand)
    assert lines == ()
    assert corrected.raw == "-200.00 EUR"


def test_a_refresh_leaves_to_people_what_they_may_have_added_by_hand_in_other_words() -> None:
    draft = edited(invoice([("100", "Hosting")]), AddLine(description="Cake", amount_minor=70000))
    sheet = rows([("100", "Hosting"), ("700", "Cake, large"), ("5", "Tea"), ("x", "Bread")])
    seen = compare_with_sheet(draft, sheet, SalesSeen(sheet=OCTOBER, digest="new", emails=(EMAIL,)))
    (doubt,) = reasons_for_review(seen.changes, seen.by_hand, "eur")
    assert doubt.startswith("row 3 (Cake, large, 700.00 EUR) may be added-1 (Cake), added by hand")
    refreshed = edited(draft, *refresh_changes(seen.changes, "new", seen.by_hand))
    assert [line.description for line in refreshed.lines] == ["Hosting", "Cake", "Tea"]
    left = unapplied(seen.changes, seen.by_hand)
    assert in_words(left, "eur") == "rows: 2 added (1 unreadable); 700.00 EUR more"
    assert sheet_changes(refreshed, sheet) == left

    same = edited(refreshed, RemoveLine(line_id="added-1"))
    seen = compare_with_sheet(same, sheet, seen.sales)
    assert [change.op for change in refresh_changes(seen.changes, "new", seen.by_hand)] == ["add"]
    other = edited(refreshed, AddLine(description="Cake, large", amount_minor=70000))
    assert [drift.kind for drift in sheet_changes(other, sheet)] == ["added"], "only what cannot be read"


def test_a_line_by_hand_that_the_sheet_says_word_for_word_makes_nothing_else_doubtful() -> None:
    draft = edited(invoice([]), AddLine(description="Cake", amount_minor=500))
    seen = compare_with_sheet(
        draft, rows([("5", "Cake"), ("5", "Tea")]), SalesSeen(sheet=OCTOBER, digest="n", emails=(EMAIL,))
    )
    assert seen.by_hand == ()
    assert unapplied(seen.changes, seen.by_hand) == ()


def test_what_does_not_fit_into_one_refresh_is_left_over() -> None:
    found = sheet_changes(invoice([]), rows([(str(number), f"Sale {number}") for number in range(1, 151)]))
    assert len(refresh_changes(found, "new")) == 100
    assert in_words(unapplied(found), "eur").startswith("rows: 50 added; ")


def test_adjustments_that_are_too_many_are_one_line_for_each_worksheet() -> None:
    found = sheet_changes(invoice([("7", "Tea")]), rows([("6", "Tea"), ("10", "Cake"), ("20", "Cake")]))
    lines, _ = adjustments(found, OCTOBER, "eur")
    (line,) = merged_by_sheet(lines)
    assert (line.line_id, line.amount_minor) == ("late-2026-10", 2900)
    assert line.description == "Late sales and corrections of 2026-10: 3 rows"
    assert line.source is not None
    assert (line.source.sheet, line.source.row) == ("2026-10", 2)
    assert merged_by_sheet(lines[:1]) == lines[:1]
    assert lines[1].source
    former = lines[1].evolve(source=lines[1].source.evolve(former_address=True))
    (folded_line,) = merged_by_sheet((lines[0], former))
    assert folded_line.source == former.source, "somebody has to approve it"


def test_what_is_carried_on_is_what_comes_from_other_worksheets() -> None:
    found = sheet_changes(invoice([]), rows([("5", "Cake"), ("x", "Tea")]))
    lines, problems = adjustments(found, OCTOBER, "eur")
    own = invoice([("1", "Hosting"), ("y", "Bread")])
    november = own.evolve(lines=(*own.lines, *lines), problems=(*own.problems, *problems))
    november = edited(november, AddLine(description="By hand", amount_minor=1))
    assert november.late_items(OCTOBER) == ((), ())
    (line, problem) = own.lines[0], own.problems[0]
    assert line.source is not None
    line = line.evolve(source=line.source.evolve(sheet="2026-11"))
    problem = problem.evolve(source=problem.source.evolve(sheet="2026-11"))
    november = november.evolve(lines=(line, *november.lines[1:]), problems=(problem, *november.problems[1:]))
    assert november.late_items(Period("2026-11")) == (lines, problems)


def test_words_alone_change_the_draft_and_are_nothing_to_adjust() -> None:
    draft = invoice([("100", "Hosting")])
    found = sheet_changes(draft, rows([("100", "Web hosting")]))
    assert told(found) == [("changed", 0)]
    assert adjustments(found, OCTOBER, "eur") == ((), ())
    assert edited(draft, *refresh_changes(found, "new")).lines[0].description == "Web hosting"


def test_a_long_description_leaves_room_for_what_it_is_about() -> None:
    found = sheet_changes(invoice([("1", "x" * 600)]), rows([("2", "x" * 600)]))
    ((line,), _) = adjustments(found, OCTOBER, "eur")
    assert len(line.description) == 500
    assert line.description.endswith("(2.00 EUR instead of 1.00 EUR)")


def test_a_refresh_of_many_rows_takes_several_edits() -> None:
    draft, sheet = invoice([]), rows([(str(number), f"Sale {number}") for number in range(1, 151)])
    for left in (150, 50):
        found = sheet_changes(draft, sheet)
        assert len(found) == left
        draft = edited(draft, *refresh_changes(found, "new"))
    assert sheet_changes(draft, sheet) == ()


def test_a_row_that_is_taken_in_has_its_name_unless_rows_have_moved() -> None:
    draft = invoice([("100", "Hosting")])
    for sheet, names in (
        ([("100", "Hosting"), ("5", "Tea")], ["row-2", "row-3"]),
        ([("1", "Cake"), ("100", "Hosting"), ("5", "Tea")], ["row-2", "row-3", "added-1"]),
    ):
        draft = edited(draft, *refresh_changes(sheet_changes(draft, rows(sheet)), "new"))
        assert [line.line_id for line in draft.lines] == names
