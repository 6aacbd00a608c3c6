"""Customers from a CSV file: every row becomes a customer or a problem with its line; none is dropped."""

import csv
import io
from collections.abc import Iterator

from pydantic import ValidationError

from billing.customer import Customer, ReviewMode, Terms
from billing.errors import InvalidInput
from billing.messages import explain
from billing.model import Model

REQUIRED = ("customer_id", "email", "name", "currency", "timezone", "stripe_customer_id", "payment_method_id")
OPTIONAL = ("card_last4", "review_mode")


class RowProblem(Model):
    """A row that cannot be taken: its line in the file (the header is line 1) and why."""

    line: int
    customer_id: str
    reason: str


def parse_roster(text: str) -> tuple[list[Customer], list[RowProblem]]:
    """The customers of a CSV file with a header row. Raises ``InvalidInput`` if the header lacks a column."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), skipinitialspace=True)
    columns = [(name or "").strip().lower() for name in reader.fieldnames or []]
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise InvalidInput(f"the first row lacks {', '.join(missing)}; it must name {', '.join(REQUIRED)}")
    reader.fieldnames = columns
    customers: dict[str, Customer] = {}
    problems: list[RowProblem] = []
    for line, row in _rows(reader):
        try:
            customer = _customer(row, columns)
            _check_new(customer, customers)
        except InvalidInput as error:
            problems.append(RowProblem(line=line, customer_id=row.get("customer_id", ""), reason=str(error)))
        else:
            customers[customer.customer_id] = customer
    return list(customers.values()), problems


def _rows(reader: "csv.DictReader[str]") -> Iterator[tuple[int, dict[str, str]]]:
    for row in reader:
        cells = {str(name): value.strip() for name, value in row.items() if isinstance(value, str)}
        yield reader.line_num, {**cells, **({"": "more cells than columns"} if None in row else {})}


def _customer(row: dict[str, str], columns: list[str]) -> Customer:
    if not any(row.values()):
        raise InvalidInput("the row is empty")
    if "" in row and "" not in columns:
        raise InvalidInput(row[""])
    fields = {name: row[name] for name in (*REQUIRED, *OPTIONAL) if row.get(name)}
    review_mode = fields.pop("review_mode", ReviewMode.MONITOR)
    try:
        return Customer.model_validate({**fields, "terms": Terms.model_validate({"review_mode": review_mode})})
    except ValidationError as error:
        raise InvalidInput(explain(error)) from None


def _check_new(customer: Customer, seen: dict[str, Customer]) -> None:
    if customer.customer_id in seen:
        raise InvalidInput(f"{customer.customer_id} stands in an earlier row already")
    for other in seen.values():
        if other.email == customer.email:
            raise InvalidInput(f"its email is the one of {other.customer_id}; sales rows could not be told apart")
        if other.payment_method_id == customer.payment_method_id:
            raise InvalidInput(f"its card is the one of {other.customer_id}")
