"""What becomes of sales that came late: a refresh takes them into the draft, or they are lines of a later invoice.

What may be the same as something that people added by hand, in other words, is never taken in by itself.
"""

from collections.abc import Sequence

from billing.invoices.commands import CHANGES_MAX
from billing.invoices.invoice import AddLine, Change, ChangeLine, LineItem, Problem, RemoveLine
from billing.money import format_amount
from billing.period import Period
from billing.sales.late_sales import SheetChange

_DESCRIPTION_MAX = 500


def refresh_changes(found: Sequence[SheetChange], digest: str, by_hand: Sequence[LineItem] = ()) -> tuple[Change, ...]:
    """The changes that bring the draft up to the sheet with this ``digest``, as many as fit into one edit.

    The sheet's amount wins over what a reviewer made of a row that has changed since; lines that reviewers added, and
    their edits of rows that are as they were, stay. A row that cannot be read by now is left as it is billed, and so is
    what may be the same as a line of ``by_hand``: see ``unapplied``.
    """
    return tuple(_change(drift, digest) for drift in found if _is_taken(drift, by_hand))[:CHANGES_MAX]


def unapplied(found: Sequence[SheetChange], by_hand: Sequence[LineItem] = ()) -> tuple[SheetChange, ...]:
    """The differences that are still there after ``refresh_changes``."""
    taken = [drift for drift in found if _is_taken(drift, by_hand)][:CHANGES_MAX]
    return tuple(drift for drift in found if drift not in taken)


def reasons_for_review(found: Sequence[SheetChange], by_hand: Sequence[LineItem], currency: str) -> tuple[str, ...]:
    """Why some differences are for a person to take in, and how."""
    told = []
    for drift in found:
        item, twin = drift.row or drift.line, _twin(drift, by_hand)
        if item is not None and item.source is not None and twin is not None:
            told.append(
                f"row {item.source.row} ({item.description}, {format_amount(drift.amount_minor, currency)}) may be "
                f"{twin.line_id} ({twin.description}), added by hand: if it is, remove {twin.line_id} and refresh "
                "again; if not, enter the row with an edit as well"
            )
    return tuple(told)


def adjustments(
    found: Sequence[SheetChange], period: Period, currency: str, by_hand: Sequence[LineItem] = ()
) -> tuple[tuple[LineItem, ...], tuple[Problem, ...]]:
    """The lines of a later invoice that make good what the one of ``period`` lacked, each with its source.

    A row that cannot be read by now becomes a problem: a person says what is still to be billed for it. So does a
    difference of just the amount of a line that people had added (``by_hand``): it may be the same sale or discount.
    """
    lines: list[LineItem] = []
    problems: list[Problem] = []
    for drift in found:
        if isinstance(drift.row, Problem):
            problems.append(_late_problem(drift, drift.row, period, currency))
        elif twin := _twin(drift, by_hand):
            problems.append(_doubtful(_late_line(drift, period, currency), twin, currency))
        elif drift.amount_minor:
            lines.append(_late_line(drift, period, currency))
    return tuple(lines), tuple(problems)


def merged_by_sheet(lines: Sequence[LineItem]) -> tuple[LineItem, ...]:
    """One line for each worksheet that ``lines`` come from, pointing at the first of its rows in it; or at the first
    under a former address, so that somebody has to approve it.
    """
    sheets: dict[str, list[LineItem]] = {}
    for line in lines:
        assert line.source is not None
        sheets.setdefault(line.source.sheet, []).append(line)
    return tuple(
        each[0]
        if len(each) == 1
        else LineItem(
            line_id=f"late-{sheet}",
            description=f"Late sales and corrections of {sheet}: {len(each)} rows",
            amount_minor=sum(line.amount_minor for line in each),
            source=max((line.source for line in each if line.source), key=lambda source: source.former_address),
        )
        for sheet, each in sheets.items()
    )


def _twin(drift: SheetChange, by_hand: Sequence[LineItem]) -> LineItem | None:
    """A line that people added and that comes to the same: perhaps the same sale or discount in other words."""
    return next((line for line in by_hand if line.amount_minor == drift.amount_minor != 0), None)


def _is_taken(drift: SheetChange, by_hand: Sequence[LineItem]) -> bool:
    """Whether a refresh may take it in: not what cannot be read, nor what is in doubt."""
    return not isinstance(drift.row, Problem) and _twin(drift, by_hand) is None


def _change(drift: SheetChange, digest: str) -> Change:
    line, row = drift.line, drift.row
    if row is None:
        assert line is not None
        assert line.source is not None
        return RemoveLine(line_id=line.line_id, source=line.source.evolve(digest=digest))
    assert isinstance(row, LineItem)
    said = {"description": row.description, "amount_minor": row.amount_minor, "source": row.source}
    if line is None:
        return AddLine.model_validate(said)
    return ChangeLine.model_validate({"line_id": line.line_id, **said})


def _late_line(drift: SheetChange, period: Period, currency: str) -> LineItem:
    item = drift.row or drift.line
    assert item is not None
    kind = "removed" if drift.row is None else "late"
    return LineItem(
        line_id=f"{kind}-{period}-{item.line_id}",
        description=_described(drift, period, currency),
        amount_minor=drift.amount_minor,
        source=item.source,
    )


def _late_problem(drift: SheetChange, row: Problem, period: Period, currency: str) -> Problem:
    billed_minor = drift.line.amount_minor if isinstance(drift.line, LineItem) else 0
    billed = f"; {format_amount(billed_minor, currency)} is billed for it: give the difference"
    reason = f"{row.reason}{billed if billed_minor else ''}"
    name = f"late-{period}-{row.line_id}"
    return row.evolve(line_id=name, description=_described(drift, period, currency), reason=reason)


def _doubtful(line: LineItem, twin: LineItem, currency: str) -> Problem:
    assert line.source is not None
    amount = format_amount(line.amount_minor, currency)
    reason = (
        f"it may be what people added by hand as “{twin.description}”: remove it, or give what is still to be billed"
    )
    return Problem(
        line_id=line.line_id,
        description=line.description,
        raw=amount,
        reason=reason[:_DESCRIPTION_MAX],
        source=line.source,
    )


def _described(drift: SheetChange, period: Period, currency: str) -> str:
    """In the customer's own terms: the month, and the words of the row."""
    item = drift.row or drift.line
    assert item is not None
    what = {"added": "Late sale of", "changed": "Correction of", "removed": "Removed from"}[drift.kind]
    text = f"{what} {period}: {item.description}"
    if drift.kind == "changed" and isinstance(drift.line, LineItem) and isinstance(drift.row, LineItem):
        before, after = (format_amount(each.amount_minor, currency) for each in (drift.line, drift.row))
        amounts = f" ({after} instead of {before})"
        return f"{text[: _DESCRIPTION_MAX - len(amounts)]}{amounts}"
    return text[:_DESCRIPTION_MAX]
