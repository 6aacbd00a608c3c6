"""The form that edits an invoice: its typed lines, the changes they make, and those changes on another version.

typed = read(form, base)        # every line as it was typed, with its errors
changes = typed.changes(base)   # for the command ``Edit``
again = rebased(typed, base, current)
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from starlette.datastructures import FormData

from billing.errors import InvalidInput
from billing.invoices.invoice import AddLine, Change, ChangeLine, Invoice, LineItem, Problem, RemoveLine
from billing.money import parse_amount, plain_amount

EMPTY_ROWS = 3
CHANGES_MAX = 100  # of one edit
DESCRIPTION_MAX = 500


class LineForm(NamedTuple):
    """A line of the form. ``problem``: it is a row that cannot be read; ``touched``: the typed text differs from the
    invoice; ``beside``: the invoice's text, if another version was edited.
    """

    line_id: str
    description: str
    amount: str
    remove: bool = False
    source: str = ""
    problem: Problem | None = None
    errors: tuple[str, ...] = ()
    touched: bool = False
    beside: str = ""


class AddedLine(NamedTuple):
    description: str = ""
    amount: str = ""
    errors: tuple[str, ...] = ()

    @property
    def blank(self) -> bool:
        return not (self.description or self.amount)


class EditForm(NamedTuple):
    rows: tuple[LineForm, ...]
    added: tuple[AddedLine, ...]
    lost: tuple[str, ...] = ()  # typed changes of lines that no longer exist

    @property
    def wrong(self) -> int:
        """The number of rows with errors."""
        return sum(1 for errors in (*(row.errors for row in self.rows), *(new.errors for new in self.added)) if errors)

    def changes(self, base: Invoice) -> tuple[Change, ...]:
        """The form as changes of ``base``. Only for a form without errors."""
        assert not self.wrong
        lines = {line.line_id: line for line in _lines(base)}
        changes: list[Change] = []
        for row in self.rows:
            if row.remove:
                changes.append(RemoveLine(line_id=row.line_id))
            elif fields := _fields(row, lines[row.line_id], base.currency):
                changes.append(ChangeLine(line_id=row.line_id, **fields))
        for added in self.added:
            if not added.blank:
                amount_minor = parse_amount(added.amount, base.currency)
                changes.append(AddLine(description=added.description, amount_minor=amount_minor))
        return tuple(changes)


def blank(invoice: Invoice) -> EditForm:
    """The form before anything is typed."""
    rows = tuple(_row(line, invoice.currency) for line in _lines(invoice))
    return EditForm(rows, (AddedLine(),) * EMPTY_ROWS)


def read(form: FormData, base: Invoice) -> EditForm:
    """The typed lines of ``base``. A line that the form does not mention stays as it is."""
    rows = tuple(_checked(_typed(row, form), base.currency) for row in blank(base).rows)
    pairs = zip(form.getlist("new-description"), form.getlist("new-amount"), strict=False)
    added = (_checked_new(AddedLine(_one_line(text), _one_line(amount)), base.currency) for text, amount in pairs)
    filled = tuple(line for line in added if not line.blank)
    return EditForm(rows, (*filled, *(AddedLine(),) * max(1, EMPTY_ROWS - len(filled))))


def rebased(typed: EditForm, base: Invoice, current: Invoice) -> EditForm:
    """The typed changes in the form of ``current``, each beside the line as it is now."""
    changes = {change.line_id: change for change in typed.changes(base) if not isinstance(change, AddLine)}
    rows = {row.line_id: row for row in typed.rows}
    rebased_rows = []
    for row in blank(current).rows:
        change, typed_row = changes.pop(row.line_id, None), rows.get(row.line_id)
        if change is None or typed_row is None:
            rebased_rows.append(row)
        elif isinstance(change, RemoveLine):
            rebased_rows.append(row._replace(remove=True, touched=True))
        else:
            description = typed_row.description if change.description is not None else row.description
            amount = typed_row.amount if change.amount_minor is not None else row.amount
            beside = f"{row.description}, {row.amount}"
            rebased_rows.append(row._replace(description=description, amount=amount, touched=True, beside=beside))
    lost = tuple(f"{rows[line_id].description}, {rows[line_id].amount}" for line_id in changes)
    return EditForm(tuple(rebased_rows), typed.added, lost)


def _lines(invoice: Invoice) -> Sequence[LineItem | Problem]:
    return (*invoice.lines, *invoice.problems)


def _row(line: LineItem | Problem, currency: str) -> LineForm:
    source = f"row {line.source.row}" if line.source else ""
    if isinstance(line, Problem):
        return LineForm(line.line_id, line.description, "", source=source, problem=line)
    source = line.tariff.name if line.tariff else source
    return LineForm(line.line_id, line.description, plain_amount(line.amount_minor, currency), source=source)


def _fields(row: LineForm, line: LineItem | Problem, currency: str) -> dict[str, Any]:
    """The fields of a ``ChangeLine``; none if the row is unchanged."""
    fields: dict[str, Any] = {}
    before = line.amount_minor if isinstance(line, LineItem) else None
    if (row.amount or row.problem is None) and parse_amount(row.amount, currency) != before:
        fields["amount_minor"] = parse_amount(row.amount, currency)
    if row.description != _one_line(line.description):
        fields["description"] = row.description
    return fields


def _typed(row: LineForm, form: FormData) -> LineForm:
    description = _text(form, f"description:{row.line_id}", row.description)
    amount, remove = _text(form, f"amount:{row.line_id}", row.amount), f"remove:{row.line_id}" in form
    touched = remove or (description, amount) != (_one_line(row.description), row.amount)
    return row._replace(description=description, amount=amount, remove=remove, touched=touched)


def _checked(row: LineForm, currency: str) -> LineForm:
    if row.remove:
        return row
    amount_may_be_empty = row.problem is not None and row.description == _one_line(row.problem.description)
    errors = () if not row.amount and amount_may_be_empty else _amount_errors(row.amount, currency)
    return row._replace(errors=(*errors, *_description_errors(row.description)))


def _checked_new(added: AddedLine, currency: str) -> AddedLine:
    if added.blank:
        return added
    errors = (*_amount_errors(added.amount, currency), *_description_errors(added.description))
    return added._replace(errors=errors)


def _amount_errors(amount: str, currency: str) -> tuple[str, ...]:
    try:
        parse_amount(amount, currency)
    except InvalidInput as error:
        return (str(error),)
    return ()


def _description_errors(description: str) -> tuple[str, ...]:
    if not description:
        return ("enter a description",)
    return ("the description is too long",) if len(description) > DESCRIPTION_MAX else ()


def _text(form: FormData, name: str, default: str) -> str:
    return _one_line(form.get(name, default))


def _one_line(value: object) -> str:
    return " ".join(str(value).split())
