"""Customers from a CSV file: every row becomes a customer or a problem with its line; none is dropped."""

import csv
import io
from collections.abc import Iterator

from pydantic import ValidationError

from billing.customer import Customer, ReviewMode, Terms
from billing.errors import InvalidInput
from billing.messages import explain
from billing.model import Model
from billing.money import currency_code, parse_amount

REQUIRED = ("customer_id", "email", "name", "currency", "timezone", "stripe_customer_id", "payment_method_id")
OPTIONAL = ("review_mode",)
TERMS = ("approve_when", "unusual_change_percent", "unusual_above")
"""Also optional: such as ``first+changed``, ``30`` and ``500.00`` (in the row's currency)."""


class RowProblem(Model):
    """A row that cannot be taken: its line in the file (the header is line 1) and why."""

    line: int
    customer_id: str
    reason: str


def parse_roster(text: str) -> tuple[dict[int, Customer], list[RowProblem]]:
    """The customers of a CSV file with a header row, by line, and the rows that cannot be taken.

    Raises ``InvalidInput`` if the header cannot be read or lacks a column.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), skipinitialspace=True, strict=True)
    try:
        columns = [(name or "").strip().lower() for name in reader.fieldnames or []]
    except csv.Error as error:
        raise InvalidInput(f"the first row is not CSV ({error}); it must name {', '.join(REQUIRED)}") from None
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise InvalidInput(f"the first row lacks {', '.join(missing)}; it must name {', '.join(REQUIRED)}")
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        raise InvalidInput(f"the first row has more than one column {', '.join(repeated)}; rename the others")
    reader.fieldnames = columns
    customers: dict[int, Customer] = {}
    problems: list[RowProblem] = []
    for line, row, trouble in _rows(reader):
        try:
            customer = _customer(row, trouble)
            _check_new(customer, customers)
        except InvalidInput as error:
            problems.append(RowProblem(line=line, customer_id=row.get("customer_id", ""), reason=str(error)))
        else:
            customers[line] = customer
    return customers, problems


def _rows(reader: "csv.DictReader[str]") -> Iterator[tuple[int, dict[str, str], str]]:
    """Line, cells by column, and what is wrong with the row as such. A quotation mark left open takes rows with it."""
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reader.line_num = reader.reader.line_num
            yield line, {}, f"not CSV ({error}); nothing was read from here to line {reader.line_num}"
        else:
            cells = {str(name): value.strip() for name, value in row.items() if isinstance(value, str)}
            yield reader.line_num, cells, "more cells than columns" if None in row else ""


def _customer(row: dict[str, str], trouble: str) -> Customer:
    if trouble:
        raise InvalidInput(trouble)
    if not any(row.values()):
        raise InvalidInput("the row is empty")
    fields = {name: row[name] for name in (*REQUIRED, *OPTIONAL) if row.get(name)}
    terms: dict[str, object] = {"review_mode": fields.pop("review_mode", ReviewMode.MONITOR)}
    given = {name: row[name] for name in TERMS if row.get(name)}
    if "approve_when" in given:
        terms["approve_when"] = triggers(given["approve_when"])
    if "unusual_change_percent" in given:
        terms["unusual_change_percent"] = given["unusual_change_percent"]
    if "unusual_above" in given:
        terms["unusual_above_minor"] = parse_amount(given["unusual_above"], currency_code(row["currency"]))
    try:
        return Customer.model_validate({**fields, "terms": Terms.model_validate(terms)})
    except ValidationError as error:
        raise InvalidInput(explain(error)) from None


def triggers(text: str) -> tuple[str, ...]:
    """What demands an approval: ``first+changed``; ``none`` for nothing. Whether such flags exist is checked later."""
    names = (name.strip().lower() for name in text.split("+"))
    return () if text.strip().lower() in ("", "none") else tuple(names)


def _check_new(customer: Customer, seen: dict[int, Customer]) -> None:
    for line, other in seen.items():
        if other.customer_id == customer.customer_id:
            raise InvalidInput(f"{customer.customer_id} stands in line {line} already")
        if other.email == customer.email:
            raise InvalidInput(f"its email is the one of {other.customer_id}; sales rows could not be told apart")
        if other.payment_method_id == customer.payment_method_id:
            raise InvalidInput(f"its card is the one of {other.customer_id}")
