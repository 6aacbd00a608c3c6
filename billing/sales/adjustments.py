"""Late sales on an invoice: a refresh takes them into the draft, or a later invoice has them.

A row that may be the same sale as a line added by hand is left to a person.
"""

from collections.abc import Sequence

from billing.invoices.commands import CHANGES_MAX
from billing.invoices.invoice import AddLine, Change, ChangeLine, LineItem, Problem, RemoveLine
from billing.money import format_amount
from billing.period import Period
from billing.sales.late_sales import SheetChange

_DESCRIPTION_MAX = 500


def refresh_changes(
    changes: Sequence[SheetChange], digest: str, by_hand: Sequence[LineItem] = ()
) -> tuple[Change, ...]:
    """The changes that bring the draft up to the sheet with this ``digest``, as many as fit into one edit.

    A row that has changed in the sheet replaces a reviewer's edit of it; lines that reviewers added, and their edits of
    unchanged rows, stay. A row that can no longer be read keeps its line, and so does a possible duplicate of a line in
    ``by_hand``: see ``unapplied``.
    """
    return tuple(_change(change, digest) for change in changes if _is_taken(change, by_hand))[:CHANGES_MAX]


def unapplied(changes: Sequence[SheetChange], by_hand: Sequence[LineItem] = ()) -> tuple[SheetChange, ...]:
    """The differences that remain after ``refresh_changes``."""
    taken = [change for change in changes if _is_taken(change, by_hand)][:CHANGES_MAX]
    return tuple(change for change in changes if change not in taken)


def reasons_for_review(changes: Sequence[SheetChange], by_hand: Sequence[LineItem], currency: str) -> tuple[str, ...]:
    """The possible duplicates among ``changes``, each with what a person has to do about it."""
    reasons = []
    for change in changes:
        item, duplicate = change.item, _possible_duplicate(change, by_hand)
        if item.source is not None and duplicate is not None:
            reasons.append(
                f"row {item.source.row} ({item.description}, {format_amount(change.amount_minor, currency)}) may be "
                f"{duplicate.line_id} ({duplicate.description}), added by hand: if so, remove that and refresh "
                "again; if not, enter the row with an edit as well"
            )
    return tuple(reasons)


def adjustments(
    changes: Sequence[SheetChange], period: Period, currency: str, by_hand: Sequence[LineItem] = ()
) -> tuple[tuple[LineItem, ...], tuple[Problem, ...]]:
    """The lines of a later invoice that correct the one of ``period``, each with its source.

    A row that can no longer be read becomes a problem: a person enters what is still to be billed for it. So does a
    difference of exactly the amount of a line in ``by_hand``: it may be the same sale or discount.
    """
    lines: list[LineItem] = []
    problems: list[Problem] = []
    for change in changes:
        if isinstance(change.row, Problem):
            problems.append(_late_problem(change, change.row, period, currency))
        elif duplicate := _possible_duplicate(change, by_hand):
            problems.append(_doubtful(_late_line(change, period, currency), duplicate, currency))
        elif change.amount_minor:
            lines.append(_late_line(change, period, currency))
    return tuple(lines), tuple(problems)


def merged_by_sheet(lines: Sequence[LineItem]) -> tuple[LineItem, ...]:
    """One line for each worksheet in ``lines``. Its source is the first row, or the first one under a former address,
    so that somebody has to approve it.
    """
    sheets: dict[str, list[LineItem]] = {}
    for line in lines:
        assert line.source is not None
        sheets.setdefault(line.source.sheet, []).append(line)
    return tuple(
        rows[0]
        if len(rows) == 1
        else LineItem(
            line_id=f"late-{sheet}",
            description=f"Late sales and corrections of {sheet}: {len(rows)} rows",
            amount_minor=sum(line.amount_minor for line in rows),
            source=max((line.source for line in rows if line.source), key=lambda source: source.former_address),
        )
        for sheet, rows in sheets.items()
    )


def _possible_duplicate(change: SheetChange, by_hand: Sequence[LineItem]) -> LineItem | None:
    """A line added by hand with the same amount: perhaps the same sale or discount in other words."""
    return next((line for line in by_hand if line.amount_minor == change.amount_minor != 0), None)


def _is_taken(change: SheetChange, by_hand: Sequence[LineItem]) -> bool:
    """Whether a refresh applies ``change``: not an unreadable row, nor a possible duplicate."""
    return not isinstance(change.row, Problem) and _possible_duplicate(change, by_hand) is None


def _change(change: SheetChange, digest: str) -> Change:
    line, row = change.line, change.row
    if row is None:
        assert line is not None
        assert line.source is not None
        return RemoveLine(line_id=line.line_id, source=line.source.evolve(digest=digest))
    assert isinstance(row, LineItem)
    values = {"description": row.description, "amount_minor": row.amount_minor, "source": row.source}
    if line is None:
        return AddLine.model_validate(values)
    return ChangeLine.model_validate({"line_id": line.line_id, **values})


def _late_line(change: SheetChange, period: Period, currency: str) -> LineItem:
    kind = "removed" if change.row is None else "late"
    return LineItem(
        line_id=f"{kind}-{period}-{change.item.line_id}",
        description=_described(change, period, currency),
        amount_minor=change.amount_minor,
        source=change.item.source,
    )


def _late_problem(change: SheetChange, row: Problem, period: Period, currency: str) -> Problem:
    billed_minor = change.line.amount_minor if isinstance(change.line, LineItem) else 0
    billed = f"; {format_amount(billed_minor, currency)} is billed for it: give the difference"
    reason = f"{row.reason}{billed if billed_minor else ''}"
    name = f"late-{period}-{row.line_id}"
    return row.evolve(line_id=name, description=_described(change, period, currency), reason=reason)


def _doubtful(line: LineItem, duplicate: LineItem, currency: str) -> Problem:
    assert line.source is not None
    amount = format_amount(line.amount_minor, currency)
    reason = (
        f"it may be the line “{duplicate.description}”, added by hand: remove it, or give what is still to be billed"
    )
    return Problem(
        line_id=line.line_id,
        description=line.description,
        raw=amount,
        reason=reason[:_DESCRIPTION_MAX],
        source=line.source,
    )


def _described(change: SheetChange, period: Period, currency: str) -> str:
    """A description for the customer, with the month and the row's own description."""
    label = {"added": "Late sale of", "changed": "Correction of", "removed": "Removed from"}[change.kind]
    text = f"{label} {period}: {change.item.description}"
    if change.kind == "changed" and isinstance(change.line, LineItem) and isinstance(change.row, LineItem):
        before, after = (format_amount(item.amount_minor, currency) for item in (change.line, change.row))
        amounts = f" ({after} instead of {before})"
        return f"{text[: _DESCRIPTION_MAX - len(amounts)]}{amounts}"
    return text[:_DESCRIPTION_MAX]
