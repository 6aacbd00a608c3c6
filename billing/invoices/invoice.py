"""Invoices: lines with their source, the carried balance, a version and a digest that decisions are bound to."""

import hashlib
import json
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from billing.errors import InvalidInput
from billing.model import Code, Count, Few, Instant, Kept, Line, Many, Measured, Minor, Model, cut
from billing.money import LARGEST_AMOUNT_MINOR, format_amount, maximum_minor, step_minor
from billing.period import Period

DRAFT_MAX_BYTES = 600_000
"""Of an invoice when it is collected: 2,000 rows with descriptions of a hundred letters each."""
INVOICE_MAX_BYTES = 800_000
"""Of an invoice after edits. A month with it, and with all that is said to it, has to fit into a payload of 2 MB."""

Description = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Kept]
AmountMinor = Annotated[int, Field(ge=-LARGEST_AMOUNT_MINOR, le=LARGEST_AMOUNT_MINOR)]


class Source(Model):
    """Where a line comes from: worksheet, row as a person counts it, SHA-256 of the snapshot it was read from.

    ``former_address``: the row is under an address that the customer had before, so somebody has to approve it.
    """

    sheet: Code
    row: Count
    digest: Code
    former_address: bool = False

    def is_late(self, period: Period) -> bool:
        """Whether it is another month's worksheet than that of ``period``."""
        return self.sheet != period


class SheetRow(Model):
    """What the sheet says in one row: ``amount_minor`` None if ``raw`` cannot be read."""

    row: Count
    description: Line
    amount_minor: Minor | None = None
    raw: Code = ""


class LineItem(Model):
    """One line. ``row-7`` is row 7 of the sheet, ``late-2026-10-row-7`` one of the month before, changed since.

    ``added-1`` was added by a reviewer (and has no source), or by a refresh when its row's name was taken.
    ``in_sheet`` is what the sheet says, once a reviewer has changed the line.
    """

    line_id: Code
    description: Line
    amount_minor: Minor
    source: Source | None = None
    in_sheet: SheetRow | None = None


class Problem(Model):
    """A row of the customer that cannot be read as money. It stops the month until a person edits or removes it."""

    line_id: Code
    description: Line
    raw: Code
    reason: Line
    source: Source


class SalesSeen(Model):
    """The state of a worksheet that an invoice accounts for, and whose rows are on it: those under ``emails``."""

    sheet: Code
    digest: Code
    emails: Few[Line]


class AddLine(Model, extra="forbid"):
    """One more line. ``source`` here and below: the sheet says so by now, not a reviewer."""

    op: Literal["add"] = "add"
    description: Description
    amount_minor: AmountMinor
    source: Source | None = None


class ChangeLine(Model, extra="forbid"):
    """Sets amount or description of a line; given an unreadable row, makes a line of it."""

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

    ``sales`` is what of the sheet it accounts for (None: entered by hand); ``left_out`` are rows whose lines a reviewer
    has removed; ``lacks_late_sales``: the sheet of the month before could not be compared for so long that nothing of
    it is here.
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
    lacks_late_sales: bool = False

    @property
    def sales_minor(self) -> int:
        """What the month itself comes to, without the balance carried into it."""
        return sum(line.amount_minor for line in self.lines)

    @property
    def total_minor(self) -> int:
        return self.sales_minor + self.carried_minor

    @property
    def total(self) -> str:
        """The total for people, for example ``12.50 EUR``."""
        return format_amount(self.total_minor, self.currency)

    @property
    def digest(self) -> str:
        """A short fingerprint of what a customer would pay and for what; any edit changes it."""
        lines = [(line.line_id, line.amount_minor, line.description) for line in self.lines]
        seen = json.dumps([self.currency, self.carried_minor, self.version, str(self.imported_at), lines])
        return hashlib.sha256(seen.encode()).hexdigest()[:16]

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where its lines and problems come from, as far as they come from the sheet."""
        items: tuple[LineItem | Problem, ...] = (*self.lines, *self.problems)
        return tuple(item.source for item in items if item.source is not None)

    @property
    def former_rows(self) -> tuple[int, ...]:
        """The rows under an address that the customer had before."""
        return tuple(source.row for source in self.sources if source.former_address)

    def late_items(self, period: Period) -> tuple[tuple[LineItem, ...], tuple[Problem, ...]]:
        """What the invoice of ``period`` has of earlier months: if it is never charged, the next one has it."""
        lines = tuple(line for line in self.lines if line.source is not None and line.source.is_late(period))
        return lines, tuple(problem for problem in self.problems if problem.source.is_late(period))

    def edited(self, changes: tuple[Change, ...]) -> "Invoice":
        """The next version of the invoice. Raises ``InvalidInput`` if a line is not there, or nothing changes."""
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
            still_there = None if change.source else self.in_sheet(self._line(change.line_id))
            return self.evolve(
                lines=tuple(line for line in self.lines if line.line_id != change.line_id),
                problems=tuple(problem for problem in self.problems if problem.line_id != change.line_id),
                left_out=(*self.left_out, still_there) if still_there else self.left_out,
            )
        return self._changed(change)

    def _changed(self, change: ChangeLine) -> "Invoice":
        found = self._line(change.line_id)
        description = change.description or found.description
        if isinstance(found, LineItem):
            amount_minor = found.amount_minor if change.amount_minor is None else change.amount_minor
            line = found.evolve(
                description=description,
                amount_minor=amount_minor,
                source=change.source or found.source,
                in_sheet=None if change.source else self.in_sheet(found),
            )
            return self.evolve(lines=tuple(line if old is found else old for old in self.lines))
        if change.amount_minor is None:
            raise InvalidInput(f"{change.line_id} cannot be read ({found.reason}); give its amount")
        line = LineItem(
            line_id=found.line_id,
            description=description,
            amount_minor=change.amount_minor,
            source=change.source or found.source,
            in_sheet=None if change.source else self.in_sheet(found),
        )
        return self.evolve(
            lines=(*self.lines, line),
            problems=tuple(problem for problem in self.problems if problem is not found),
        )

    def in_sheet(self, line: LineItem | Problem) -> SheetRow | None:
        """What the month's own worksheet says about ``line``, as far as the invoice knows; None if nothing."""
        if self.sales is None or line.source is None or line.source.sheet != self.sales.sheet:
            return None
        if isinstance(line, Problem):
            return SheetRow(row=line.source.row, description=line.description, raw=line.raw)
        row = SheetRow(row=line.source.row, description=line.description, amount_minor=line.amount_minor)
        return line.in_sheet or row

    def _name_of_row(self, source: Source | None) -> str:
        """``row-7``, unless there is no row, or the line of another one has that name since rows have moved."""
        if source is None:
            return ""
        name = f"row-{source.row}"
        taken = {line.line_id for line in self.lines} | {problem.line_id for problem in self.problems}
        return "" if name in taken else name

    def _check_chargeable(self, amount_minor: int) -> None:
        step, maximum = step_minor(self.currency), maximum_minor(self.currency)
        amount = format_amount(amount_minor, self.currency)
        if abs(amount_minor) > maximum:
            raise InvalidInput(f"{amount} cannot be charged; the limit is {format_amount(maximum, self.currency)}")
        if amount_minor % step:
            raise InvalidInput(f"{amount} cannot be charged; give a multiple of {format_amount(step, self.currency)}")

    def _line(self, line_id: str) -> LineItem | Problem:
        found: tuple[LineItem | Problem, ...] = (*self.lines, *self.problems)
        for line in found:
            if line.line_id == line_id:
                return line
        known = ", ".join(line.line_id for line in found) or "none"
        raise InvalidInput(cut(f"there is no line {line_id!r}; the lines are: {known}"))
