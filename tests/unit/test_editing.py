"""The form that edits an invoice: what was typed, what that changes, and the same changes on another version."""

from datetime import UTC, datetime

from starlette.datastructures import FormData

from billing.invoices.invoice import AddLine, ChangeLine, Invoice, LineItem, Problem, RemoveLine, Source
from billing.money import plain_amount
from console.reviewers.invoice.edit_form import blank, read, rebased

SEEN = Invoice(
    currency="eur",
    imported_at=datetime(2026, 11, 1, tzinfo=UTC),
    lines=(
        LineItem(line_id="row-2", description="Hosting", amount_minor=10000),
        LineItem(line_id="row-3", description="Support,  3 h", amount_minor=5050),
    ),
    problems=(
        Problem(
            line_id="row-4",
            description="Ribbon",
            raw="12,50",
            reason="not an amount",
            source=Source(sheet="2026-10", row=4, digest=""),
        ),
    ),
)


def typed(*pairs: tuple[str, str]) -> FormData:
    return FormData(list(pairs))


def test_a_form_sent_as_it_came_changes_nothing() -> None:
    fields = [
        (f"{name}:{row.line_id}", getattr(row, name)) for row in blank(SEEN).rows for name in ("description", "amount")
    ]
    assert read(typed(*fields), SEEN).changes(SEEN) == ()
    assert read(typed(), SEEN).changes(SEEN) == (), "nor does one without the lines that a script left out"


def test_only_what_differs_becomes_a_change() -> None:
    form = read(
        typed(
            ("amount:row-2", "100"),
            ("amount:row-3", "-5.5"),
            ("description:row-2", "Hosting, yearly"),
            ("new-description", "Discount"),
            ("new-amount", "-1"),
            ("amount:row-4", "12.50"),
        ),
        SEEN,
    )
    assert form.changes(SEEN) == (
        ChangeLine(line_id="row-2", description="Hosting, yearly"),
        ChangeLine(line_id="row-3", amount_minor=-550),
        ChangeLine(line_id="row-4", amount_minor=1250),
        AddLine(description="Discount", amount_minor=-100),
    )


def test_what_is_removed_need_not_be_readable() -> None:
    form = read(typed(("amount:row-2", "nonsense"), ("remove:row-2", "on"), ("remove:row-4", "on")), SEEN)
    assert not form.wrong
    assert form.changes(SEEN) == (RemoveLine(line_id="row-2"), RemoveLine(line_id="row-4"))


def test_an_unreadable_row_may_stay_so_but_not_be_renamed_without_an_amount() -> None:
    assert not read(typed(("amount:row-4", "")), SEEN).wrong
    assert read(typed(("amount:row-4", ""), ("description:row-4", "Ribbons")), SEEN).wrong == 1


def test_on_another_version_only_the_own_changes_are_typed_again() -> None:
    form = read(typed(("amount:row-2", "80"), ("remove:row-3", "on"), ("amount:row-4", "1")), SEEN)
    current = SEEN.edited(
        (
            ChangeLine(line_id="row-2", amount_minor=9000, description="Hosting, yearly"),
            ChangeLine(line_id="row-3", amount_minor=4000),
            RemoveLine(line_id="row-4"),
        )
    )
    again = rebased(form, SEEN, current)
    assert [(row.line_id, row.description, row.amount, row.remove) for row in again.rows] == [
        ("row-2", "Hosting, yearly", "80", False),
        ("row-3", "Support,  3 h", "40.00", True),
    ]
    assert again.rows[0].beside == "Hosting, yearly, 90.00"
    assert again.lost == ("Ribbon, 1",)
    assert again.changes(current) == (ChangeLine(line_id="row-2", amount_minor=8000), RemoveLine(line_id="row-3"))


def test_an_empty_row_is_always_left_to_type_into() -> None:
    assert len(blank(SEEN).added) == 3
    many = [(name, "1") for _ in range(5) for name in ("new-description", "new-amount")]
    assert read(typed(*many), SEEN).added[-1].blank


def test_amounts_are_typed_as_the_currency_is_written() -> None:
    assert [plain_amount(-5, each) for each in ("eur", "jpy", "bhd")] == ["-0.05", "-5", "-0.005"]
