"""Sales: from the cells of a worksheet to the lines of one customer's invoice."""

import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property

from billing.address import email_key
from billing.customer import Customer
from billing.errors import InvalidInput, SalesUnavailable
from billing.invoice import LineItem, Problem, Source
from billing.model import Model
from billing.money import parse_amount
from billing.period import Period

type_of_cell = str | int | float | bool | None
MAX_ROWS = 2000
"""Rows of one customer and period: a month with its lines has to fit into a payload of 2 MB."""
COLUMNS = ("email", "amount", "description")


class SalesRow(Model):
    """One row as it stands in the sheet; ``number`` is the row a person sees, counted from 1."""

    number: int
    email: str
    amount: type_of_cell
    description: str


class SalesSnapshot(Model):
    """All rows of one worksheet as read at one moment; ``digest`` is the SHA-256 of the cells read."""

    sheet: str
    digest: str
    rows: tuple[SalesRow, ...]

    @cached_property
    def by_email(self) -> Mapping[str, Sequence[SalesRow]]:
        """The rows of each address, by its key, in the order of the sheet; sorted once, however many customers ask."""
        found: defaultdict[str, list[SalesRow]] = defaultdict(list)
        for row in self.rows:
            found[email_key(row.email)].append(row)
        return dict(found)

    @classmethod
    def of_cells(cls, sheet: str, cells: Sequence[Sequence[type_of_cell]]) -> "SalesSnapshot":
        """Reads a header row if there is one, else the columns in the order email, amount, description.

        Raises ``SalesUnavailable`` for a worksheet that is empty or lacks a column: nobody gets a bill of zero from it.
        """
        if not any(any(_text(cell) for cell in row) for row in cells):
            raise SalesUnavailable(
                f"worksheet {sheet!r} is empty; enter the month's sales, or only a header row if there were none"
            )
        header = [_text(cell).casefold() for cell in cells[0]]
        has_header = "email" in header
        for number, row in enumerate(cells[1:], start=2):
            if "email" in (_text(cell).casefold() for cell in row):
                raise SalesUnavailable(f"worksheet {sheet!r} has its header in row {number}; it must be the first row")
        repeated = [name for name in COLUMNS if header.count(name) > 1]
        if repeated:
            raise SalesUnavailable(f"worksheet {sheet!r} has two columns {repeated[0]!r}; rename one")
        missing = [name for name in COLUMNS[:2] if has_header and name not in header]
        if missing:
            raise SalesUnavailable(f"worksheet {sheet!r} has no column {missing[0]!r}; name it in the first row")
        place = {name: header.index(name) if name in header else None for name in COLUMNS} if has_header else {}

        def cell(row: Sequence[type_of_cell], column: int) -> type_of_cell:
            index = place[COLUMNS[column]] if has_header else column
            return row[index] if index is not None and index < len(row) else None

        rows = tuple(
            _row(number, _text(cell(row, 0)), cell(row, 1), _text(cell(row, 2)))
            for number, row in enumerate(cells, start=1)
            if not (has_header and number == 1) and any(_text(value) for value in row)
        )
        if rows and not any("@" in row.email for row in rows):
            raise SalesUnavailable(
                f"no row of worksheet {sheet!r} has an email address in its column; is each cell in a column of its "
                "own, and the header in the first row?"
            )
        return cls(sheet=sheet, digest=_digest(cells), rows=rows)


_ROW_FIELDS = set(SalesRow.model_fields)


def _row(number: int, email: str, amount: type_of_cell, description: str) -> SalesRow:
    """A row among hundreds of thousands: what is the same in many of them is in memory once."""
    texts = {"email": sys.intern(email), "description": sys.intern(description)}
    return SalesRow.model_construct(_ROW_FIELDS, number=number, amount=amount, **texts)


def _digest(cells: Sequence[Sequence[type_of_cell]]) -> str:
    """Of the cells as one JSON array, which is never whole in memory."""
    digest = hashlib.sha256(b"[")
    for number, row in enumerate(cells):
        digest.update(f"{', ' if number else ''}{json.dumps(list(row))}".encode())
    digest.update(b"]")
    return digest.hexdigest()


def lines_for(
    customer: Customer,
    period: Period,
    snapshot: SalesSnapshot,
    decimal_separator: str = ".",
    former_address: bool = False,
) -> tuple[tuple[LineItem, ...], tuple[Problem, ...]]:
    """The customer's rows as invoice lines, and those that cannot be read as money as problems.

    No row is dropped. ``former_address``: the customer had the address before. Raises ``InvalidInput`` for more than
    ``MAX_ROWS``.
    """
    lines: list[LineItem] = []
    problems: list[Problem] = []
    for row in snapshot.by_email.get(customer.email_key, ()):
        line_id = f"row-{row.number}"
        source = Source(sheet=snapshot.sheet, row=row.number, digest=snapshot.digest, former_address=former_address)
        description = row.description[:500] or f"Sale in {period}"
        try:
            amount_minor = parse_amount(row.amount, customer.currency, decimal_separator)
        except InvalidInput as error:
            raw = "" if row.amount is None else str(row.amount)[:100]
            problems.append(
                Problem(line_id=line_id, description=description, raw=raw, reason=str(error)[:300], source=source)
            )
        else:
            lines.append(LineItem(line_id=line_id, description=description, amount_minor=amount_minor, source=source))
    if len(lines) + len(problems) > MAX_ROWS:
        raise InvalidInput(
            f"{customer.customer_id} has more than {MAX_ROWS} rows in worksheet {snapshot.sheet}; sum them up there, "
            "then resume"
        )
    return tuple(lines), tuple(problems)


def rows_of(
    customer: Customer,
    emails: Sequence[str],
    period: Period,
    snapshot: SalesSnapshot,
    decimal_separator: str = ".",
    former: Collection[str] = (),
) -> tuple[LineItem | Problem, ...]:
    """The rows under any of ``emails``, read in the customer's currency, in the order of the sheet.

    ``former`` are the keys of those that the customer had before.

    Raises ``InvalidInput`` for more than ``MAX_ROWS`` under one of them.
    """
    found: list[LineItem | Problem] = []
    for key, email in {email_key(email): email for email in emails}.items():
        owner = customer.evolve(email=email)
        for part in lines_for(owner, period, snapshot, decimal_separator, former_address=key in former):
            found += part
    return tuple(sorted(found, key=lambda each: each.source.row if each.source else 0))


def _text(cell: type_of_cell) -> str:
    return "" if cell is None else str(cell).encode("utf-8", "replace").decode().strip()
