"""Orders in CSV files: rows with the same number are the lines of one order. One bad row, and its order is not taken.

What concerns the whole order stands in its first row; the others repeat it, or leave it empty.
"""

import csv
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from billing.csv_rows import reader_of, rows_of
from billing.errors import InvalidInput
from billing.model import Count, Model, Words
from billing.money import currency_code
from orders.order import OrderLine, OrderRequest
from orders.typed import TypedOrder, line_of

REQUIRED = ("number", "customer", "name", "currency", "description", "amount")
OPTIONAL = ("email", "quantity", "file", "deposit", "tolerance", "expires")
_NO_NUMBER = "the row has no number; each row of an order has it"
_OF_ORDER = ("customer", "name", "email", "currency", "file", "deposit", "tolerance", "expires")


class OrderProblem(Model):
    """A row because of which an order is not taken: its line in the file, and why. ``number`` "": it has none."""

    line: Count
    number: Words
    reason: Words


class OrderFile(NamedTuple):
    """The orders of a file by the line of their first row, and what is wrong with the others."""

    orders: dict[int, OrderRequest]
    problems: list[OrderProblem]


class _Rows:
    """The rows of one order, as they come."""

    def __init__(self, line: int, cells: dict[str, str]) -> None:
        self.line = line
        self.cells = cells
        self.lines: list[OrderLine] = []
        self.problem: OrderProblem | None = None  # the first

    def refuse(self, line: int, number: str, reason: str) -> None:
        self.problem = self.problem or OrderProblem(line=line, number=number, reason=reason)

    def add(self, row: dict[str, str]) -> None:
        """Raises ``InvalidInput`` for a row that contradicts the first one, or is no line."""
        for name in _OF_ORDER:
            if row.get(name) and row[name] != self.cells.get(name, ""):
                raise InvalidInput(f"{name}: {row[name]!r}, but line {self.line} has {self.cells.get(name, '')!r}")
        currency = currency_code(self.cells.get("currency", ""))
        quantity = row.get("quantity") or "1"
        self.lines.append(line_of(row.get("description", ""), quantity, row.get("amount", ""), currency))


def parse_orders(text: str, now: datetime, digest_of: Callable[[str], str]) -> OrderFile:
    """The orders of a CSV file with a header row. ``digest_of`` is what a cell of the column ``file`` stands for.

    Raises ``InvalidInput`` if the header is unreadable, lacks a column, or has one that is not known.
    """
    found: dict[str, _Rows] = {}
    problems: list[OrderProblem] = []
    number = ""
    for line, row, fault in rows_of(_reader(text)):
        if not any(row.values()):
            if fault:
                raise InvalidInput(f"line {line}: {fault}")  # whose lines are lost, nobody knows
            continue
        above, number = number, row.get("number", "")
        if not number:
            problems.append(OrderProblem(line=line, number="", reason=_NO_NUMBER))
            if above:
                found[above].refuse(line, above, f"line {line} may belong to it, and has no number")
            number = above
            continue
        rows = found.setdefault(number, _Rows(line, row))
        try:
            if fault:
                raise InvalidInput(fault)
            rows.add(row)
        except InvalidInput as error:
            rows.refuse(line, number, str(error))
    orders = _orders(found, now, digest_of, problems)
    return OrderFile(orders, sorted(problems, key=lambda problem: problem.line))


def _orders(
    found: dict[str, _Rows], now: datetime, digest_of: Callable[[str], str], problems: list[OrderProblem]
) -> dict[int, OrderRequest]:
    """The orders of which every row is good; adds what is wrong with the others to ``problems``."""
    orders: dict[int, OrderRequest] = {}
    for number, rows in found.items():
        if rows.problem is None:
            try:
                orders[rows.line] = _request(number, rows, now, digest_of)
            except InvalidInput as error:
                rows.refuse(rows.line, number, str(error))
        if rows.problem is not None:
            problems.append(rows.problem)
    return orders


def _reader(text: str) -> "csv.DictReader[str]":
    reader = reader_of(text, REQUIRED)
    unknown = sorted({name or "without a name" for name in reader.fieldnames or ()} - {*REQUIRED, *OPTIONAL})
    if unknown:
        raise InvalidInput(f"not a column: {', '.join(unknown)}; there are {', '.join((*REQUIRED, *OPTIONAL))}")
    return reader


def _request(number: str, rows: _Rows, now: datetime, digest_of: Callable[[str], str]) -> OrderRequest:
    cells = {name: rows.cells.get(name, "") for name in _OF_ORDER}
    return TypedOrder(
        number,
        cells["customer"],
        cells["name"],
        cells["currency"],
        rows.lines,
        cells["email"],
        digest_of(cells["file"]) if cells["file"] else "",
        cells["deposit"],
        cells["tolerance"],
        cells["expires"],
    ).request(now, days=False)
