"""Sales: the rows of a worksheet, and the invoice lines that a customer's rows become."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from functools import cached_property

from pydantic import Field

from billing.customers.address import email_key
from billing.customers.customer import Customer
from billing.errors import InvalidInput
from billing.invoices.invoice import LineItem, Problem, Source
from billing.model import Code, Count, Line, Minor, Model, Rows, cut
from billing.money import parse_amount
from billing.period import Period
from billing.sales.worksheet_names import Column
from billing.typed_amount import is_mark

type_of_cell = str | int | float | bool | None
Cell = Line | Minor | float | bool | None
MAX_ROWS = 2000
"""Limit of one customer's rows in a period; that of their size is ``billing.invoices.invoice.DRAFT_MAX_BYTES``."""


class RowFault(StrEnum):
    """Why the amount of a row cannot be trusted, even if its cell can be read."""

    MORE_CELLS = "more cells than columns"
    FEWER_CELLS = "fewer cells than columns"
    SPLIT_AMOUNT = "amount in two cells"
    MISPLACED = "address in another column, or beside something else"


_IN_WORDS = {
    RowFault.MORE_CELLS: (
        "the row has more cells than the first row, so its amount may be in two of them; put an amount with a "
        "thousands separator in quotes, or name the last columns in the first row"
    ),
    RowFault.FEWER_CELLS: (
        "the row has fewer cells than the first row, so another column may be taken for the amount; give it all its "
        "cells, empty ones too"
    ),
    RowFault.SPLIT_AMOUNT: (
        "the number beside the amount may be the rest of it; in a CSV file, put an amount with a comma in quotes, and "
        "write the decimals of others (500.00); in a spreadsheet, let a column of words follow the amount"
    ),
    RowFault.MISPLACED: "the address is not alone in its column; give each value a cell of its own",
}


class SalesRow(Model):
    """One row of the sheet; ``number`` is counted from 1, as a person sees it.

    ``currency`` is the row's own ("": the customer's); a ``fault`` makes the row unreadable.
    """

    number: Count
    email: Line
    amount: Cell
    description: Line
    currency: Code = ""
    fault: RowFault | None = None

    @property
    def is_blank(self) -> bool:
        """Whether it has neither an address nor an amount, such as a title or a remark."""
        return not self.email and self.fault is None and (self.amount is None or not str(self.amount).strip())


Header = Code


class SalesSnapshot(Model):
    """All rows of one worksheet as read at one moment; ``digest`` is the SHA-256 of its cells.

    ``columns`` are the headers of the columns that are read (none: the first row is a sale), ``ignored_columns`` of the
    others; ``no_sale`` are the numbers of rows marked as no sale. See ``billing/sales/worksheet.py``.
    """

    sheet: Code
    digest: Code
    rows: Rows[SalesRow]
    columns: dict[Column, Header] = Field(default_factory=dict, max_length=len(Column))
    ignored_columns: Rows[Header] = ()
    no_sale: Rows[Count] = ()

    @cached_property
    def by_email(self) -> Mapping[str, Sequence[SalesRow]]:
        """The rows of each address, by its key, in the order of the sheet."""
        by_key: defaultdict[str, list[SalesRow]] = defaultdict(list)
        for row in self.rows:
            by_key[email_key(row.email)].append(row)
        return dict(by_key)


def amount_of(row: SalesRow, currency: str, decimal_separator: str = ".") -> int:
    """The amount of ``row`` in minor units of ``currency``. Raises ``InvalidInput`` unless it is certain."""
    if row.fault is not None:
        raise InvalidInput(_IN_WORDS[row.fault])
    if row.currency and not is_mark(row.currency, currency):
        raise InvalidInput(
            f"the row is in {row.currency}, the customer is billed in {currency.upper()}; give the amount in "
            f"{currency.upper()}"
        )
    try:
        return parse_amount(row.amount, currency, decimal_separator)
    except InvalidInput as error:
        if _is_amount(row.amount, currency, "," if decimal_separator == "." else "."):
            raise InvalidInput(f"{error}; or set BILLING_DECIMAL_SEPARATOR if all amounts are written so") from None
        raise


def _is_amount(cell: type_of_cell, currency: str, decimal_separator: str) -> bool:
    try:
        parse_amount(cell, currency, decimal_separator)
    except InvalidInput:
        return False
    return True


def lines_for(
    customer: Customer,
    period: Period,
    snapshot: SalesSnapshot,
    decimal_separator: str = ".",
    former_address: bool = False,
) -> tuple[tuple[LineItem, ...], tuple[Problem, ...]]:
    """The customer's rows as invoice lines, or as problems if they cannot be read as money; none is dropped.

    ``former_address``: the customer had the address before. Raises ``InvalidInput`` for more than ``MAX_ROWS``.
    """
    lines: list[LineItem] = []
    problems: list[Problem] = []
    for row in snapshot.by_email.get(customer.email_key, ()) if customer.email_key else ():
        line_id = f"row-{row.number}"
        source = Source(sheet=snapshot.sheet, row=row.number, digest=snapshot.digest, former_address=former_address)
        description = row.description or f"Sale in {period}"
        try:
            amount_minor = amount_of(row, customer.currency, decimal_separator)
        except InvalidInput as error:
            raw = cut(f"{'' if row.amount is None else row.amount} {row.currency}".strip(), 100)
            problems.append(
                Problem(line_id=line_id, description=description, raw=raw, reason=cut(str(error), 300), source=source)
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

    ``former`` are the keys of former addresses. Raises ``InvalidInput`` for more than ``MAX_ROWS`` under one of them.
    """
    items: list[LineItem | Problem] = []
    for key, email in {email_key(email): email for email in emails}.items():
        owner = customer.evolve(email=email)
        for part in lines_for(owner, period, snapshot, decimal_separator, former_address=key in former):
            items += part
    return tuple(sorted(items, key=lambda item: item.source.row if item.source else 0))
