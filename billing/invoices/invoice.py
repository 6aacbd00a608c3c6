"""Invoices: lines with their sources, the carried balance, and the version and digest that decisions are bound to."""

import hashlib
import json
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from billing.errors import InvalidInput
from billing.model import Code, Count, Few, Id, Instant, Kept, Line, Many, Measured, Minor, Model, cut
from billing.money import MAX_AMOUNT_MINOR, format_amount, step_minor
from billing.period import Period

DRAFT_MAX_BYTES = 600_000
"""Limit of an imported invoice: 2,000 rows with descriptions of a hundred letters each."""
INVOICE_MAX_BYTES = 800_000
"""Limit of an edited invoice. A month with it and with its decisions has to fit into a payload of 2 MB."""

Description = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Kept]
AmountMinor = Annotated[int, Field(ge=-MAX_AMOUNT_MINOR, le=MAX_AMOUNT_MINOR)]


class Source(Model):
    """Where a line comes from: worksheet, row counted from 1, SHA-256 of the snapshot it was read from.

    ``former_address``: the row is under a former address of the customer, so somebody has to approve it.
    """

    sheet: Code
    row: Count
    digest: Code
    former_address: bool = False

    def is_late(self, period: Period) -> bool:
        """Whether the row is on the worksheet of another month than ``period``."""
        return self.sheet != period


class SheetRow(Model):
    """One row of the sheet; ``amount_minor`` is None if ``raw`` cannot be read."""

    row: Count
    description: Line
    amount_minor: Minor | None = None
    raw: Code = ""


class TariffSource(Model):
    """Where a tariff's line comes from: an account, its tariff, and the days that the line bills.

    ``amount_minor`` is what the tariff says, whatever a reviewer has made of the line. ``account`` None: the limit of
    all the customer's; ``tariff`` None: a one-off fee.
    """

    account: Id | None = None
    tariff: Code | None = None
    starts_on: date
    ends_on: date
    amount_minor: Minor

    @property
    def name(self) -> str:
        """``tariff net, account 1000009``."""
        if self.account is None:
            return "limit of tariffs"
        return f"{f'tariff {self.tariff}' if self.tariff else 'one-off fee'}, account {self.account}"


class LineItem(Model):
    """One line. ``row-7`` is row 7 of the sheet, ``late-2026-10-row-7`` a late sale of the month before.

    ``added-1`` was added by a reviewer (and has no source), or by a refresh when its row's name was taken.
    ``in_sheet`` keeps the sheet's row once a reviewer has changed the line. A line with a ``tariff`` has no other
    source: ``fee-…``, ``discount-…``, ``limit``, ``one-off-…``.
    """

    line_id: Code
    description: Line
    amount_minor: Minor
    source: Source | None = None
    in_sheet: SheetRow | None = None
    tariff: TariffSource | None = None

    @property
    def is_by_hand(self) -> bool:
        """Whether somebody added it: it comes from neither the sheet nor a tariff."""
        return self.source is None and self.tariff is None


class Problem(Model):
    """A customer's row that cannot be read as money. It stops the month until a person edits or removes it."""

    line_id: Code
    description: Line
    raw: Code
    reason: Line
    source: Source


class SalesSeen(Model):
    """The state of a worksheet that an invoice accounts for, with the rows under ``emails``."""

    sheet: Code
    digest: Code
    emails: Few[Line]


class AddLine(Model, extra="forbid"):
    """One more line. With a ``source``, here and below, the change is the sheet's, not a reviewer's."""

    op: Literal["add"] = "add"
    description: Description
    amount_minor: AmountMinor
    source: Source | None = None


class ChangeLine(Model, extra="forbid"):
    """Sets amount or description of a line, or turns an unreadable row into a line."""

    op: Literal["change"] = "change"
    line_id: Code
    amount_minor: AmountMinor | None = None
    description: Description | None = None
    source: Source | None = None


class RemoveLine(Model, extra="forbid"):
    op: Literal["remove"] = "remove"
    line_id: Code
    source: Source | None = None


Change = Annotated[AddLine | ChangeLine | RemoveLine, Field(discriminator="op")]


class Invoice(Measured):
    """A month's invoice. Total = sum of lines + carried balance, to the minor unit; a negative balance is credit.

    ``sales`` is the state of the sheet that it accounts for (None: entered by hand); ``left_out`` are rows whose lines
    a reviewer has removed, ``waived`` the ids of tariffs' lines. ``tariffs_seen`` counts the changes to what was agreed
    for the customer's accounts that the draft accounts for.
    """

    currency: Code
    imported_at: Instant
    version: Count = 1
    lines: Many[LineItem] = ()
    problems: Many[Problem] = ()
    carried_minor: Minor = 0
    added_lines: Count = 0
    sales: SalesSeen | None = None
    left_out: Many[SheetRow] = ()
    waived: Many[Code] = ()
    tariffs_seen: Count = 0

    @property
    def sales_minor(self) -> int:
        """The sum of the lines, without the carried balance."""
        return sum(line.amount_minor for line in self.lines)

    @property
    def total_minor(self) -> int:
        return self.sales_minor + self.carried_minor

    @property
    def total(self) -> str:
        return format_amount(self.total_minor, self.currency)

    @property
    def digest(self) -> str:
        """A short fingerprint of amounts and descriptions; any edit changes it."""
        lines = [(line.line_id, line.amount_minor, line.description) for line in self.lines]
        content = json.dumps([self.currency, self.carried_minor, self.version, str(self.imported_at), lines])
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources of its lines and problems, without lines added by hand."""
        items: tuple[LineItem | Problem, ...] = (*self.lines, *self.problems)
        return tuple(item.source for item in items if item.source is not None)

    @property
    def former_rows(self) -> tuple[int, ...]:
        """The rows under a former address of the customer."""
        return tuple(source.row for source in self.sources if source.former_address)

    def late_items(self, period: Period) -> tuple[tuple[LineItem, ...], tuple[Problem, ...]]:
        """The lines and problems of months before ``period``; the next invoice takes them if this one is skipped."""
        lines = tuple(line for line in self.lines if line.source is not None and line.source.is_late(period))
        return lines, tuple(problem for problem in self.problems if problem.source.is_late(period))

    def edited(self, changes: tuple[Change, ...]) -> "Invoice":
        """The next version of the invoice. Raises ``InvalidInput`` for an unknown line, or if nothing changes."""
        edited = self
        for change in changes:
            edited = edited._with(change)
        if (edited.lines, edited.problems) == (self.lines, self.problems):
            raise InvalidInput("the edit changes nothing")
        edited = edited.evolve(version=self.version + 1)
        if edited.size_bytes > max(INVOICE_MAX_BYTES, self.size_bytes):
            raise InvalidInput(
                f"with this edit the invoice would take {edited.size_bytes // 1000:,} kB, more than the "
                f"{INVOICE_MAX_BYTES // 1000} kB that can be kept; sum lines up, or shorten their descriptions"
            )
        return edited

    def _with(self, change: Change) -> "Invoice":
        if not isinstance(change, RemoveLine):
            self._check_chargeable(change.amount_minor or 0)
        if isinstance(change, AddLine):
            name = self._name_of_row(change.source)
            number = self.added_lines + (0 if name else 1)
            line = LineItem(
                line_id=name or f"added-{number}",
                description=change.description,
                amount_minor=change.amount_minor,
                source=change.source,
            )
            return self.evolve(lines=(*self.lines, line), added_lines=number)
        if isinstance(change, RemoveLine):
            row = None if change.source else self.in_sheet(self._line(change.line_id))
            is_waived = any(line.tariff for line in self.lines if line.line_id == change.line_id)
            return self.evolve(
                lines=tuple(line for line in self.lines if line.line_id != change.line_id),
                problems=tuple(problem for problem in self.problems if problem.line_id != change.line_id),
                left_out=(*self.left_out, row) if row else self.left_out,
                waived=(*self.waived, change.line_id) if is_waived else self.waived,
            )
        return self._changed(change)

    def _changed(self, change: ChangeLine) -> "Invoice":
        item, amount_minor = self._line(change.line_id), change.amount_minor
        if amount_minor is None:
            if isinstance(item, Problem):
                raise InvalidInput(f"{change.line_id} cannot be read ({item.reason}); give its amount")
            amount_minor = item.amount_minor
        line = LineItem(
            line_id=item.line_id,
            description=change.description or item.description,
            amount_minor=amount_minor,
            source=change.source or item.source,
            in_sheet=None if change.source else self.in_sheet(item),
            tariff=item.tariff if isinstance(item, LineItem) else None,
        )
        if isinstance(item, LineItem):
            return self.evolve(lines=tuple(line if old is item else old for old in self.lines))
        return self.evolve(lines=(*self.lines, line), problems=tuple(row for row in self.problems if row is not item))

    def in_sheet(self, line: LineItem | Problem) -> SheetRow | None:
        """The row of ``line`` in the month's own worksheet, as last read; None if it has none."""
        if self.sales is None or line.source is None or line.source.sheet != self.sales.sheet:
            return None
        return line.in_sheet or sheet_row(line) if isinstance(line, LineItem) else sheet_row(line)

    def _name_of_row(self, source: Source | None) -> str:
        """``row-7``; "" without a row, or if another line has that name because rows have moved."""
        if source is None:
            return ""
        name = f"row-{source.row}"
        taken = {line.line_id for line in self.lines} | {problem.line_id for problem in self.problems}
        return "" if name in taken else name

    def _check_chargeable(self, amount_minor: int) -> None:
        step = step_minor(self.currency)
        if amount_minor % step:
            amount = format_amount(amount_minor, self.currency)
            raise InvalidInput(f"{amount} cannot be charged; give a multiple of {format_amount(step, self.currency)}")

    def _line(self, line_id: str) -> LineItem | Problem:
        items: tuple[LineItem | Problem, ...] = (*self.lines, *self.problems)
        for item in items:
            if item.line_id == line_id:
                return item
        names = ", ".join(item.line_id for item in items) or "none"
        raise InvalidInput(cut(f"there is no line {line_id!r}; the lines are: {names}"))


def sheet_row(line: LineItem | Problem) -> SheetRow:
    """``line`` as a row of the sheet; row 0 for a line without a source."""
    number = line.source.row if line.source else 0
    if isinstance(line, Problem):
        return SheetRow(row=number, description=line.description, raw=line.raw)
    return SheetRow(row=number, description=line.description, amount_minor=line.amount_minor)
