"""Service accounts in CSV files. A row that is wrong is refused with its line; the others are taken."""

import csv
from typing import NamedTuple

from pydantic import ValidationError

from billing.csv_rows import reader_of, rows_of
from billing.customers.account_numbers import checked_number
from billing.errors import InvalidInput
from billing.model import Count, Model, Words
from billing.subscribers.service import NewService
from billing.validation import explain

REQUIRED = ("customer",)
OPTIONAL = ("number", "phone", "address")


class ServiceProblem(Model):
    """A row that is not taken, by its line in the file, and why."""

    line: Count
    customer_id: Words
    reason: Words


class ServiceFile(NamedTuple):
    """The accounts of a file by their lines, and what is wrong with the other rows."""

    services: dict[int, NewService]
    problems: list[ServiceProblem]


def parse_services(text: str, by: str, reason: str) -> ServiceFile:
    """The accounts of a CSV file with a header row; what a row says names it, so a repeat opens no other.

    Raises ``InvalidInput`` if the header is unreadable, lacks a column, or has one that is not known.
    """
    services: dict[int, NewService] = {}
    problems: list[ServiceProblem] = []
    seen: set[NewService] = set()
    for line, row, fault in rows_of(_reader(text)):
        if not any(row.values()) and not fault:
            continue
        try:
            service = _service(row, fault, by, reason)
            if service in seen:
                raise InvalidInput("the same as a row above; give each account a number, a phone or an address")
            seen.add(service)
            services[line] = service
        except InvalidInput as error:
            problems.append(ServiceProblem(line=line, customer_id=row.get("customer", ""), reason=str(error)))
    return ServiceFile(services, problems)


def _reader(text: str) -> "csv.DictReader[str]":
    reader = reader_of(text, REQUIRED)
    unknown = sorted({name or "without a name" for name in reader.fieldnames or ()} - {*REQUIRED, *OPTIONAL})
    if unknown:
        raise InvalidInput(f"not a column: {', '.join(unknown)}; there are {', '.join((*REQUIRED, *OPTIONAL))}")
    return reader


def _service(row: dict[str, str], fault: str, by: str, reason: str) -> NewService:
    if fault:
        raise InvalidInput(fault)
    given = {name: row.get(name) or None for name in OPTIONAL}
    return typed_service(row.get("customer", ""), given["number"], given["phone"], given["address"], by, reason)


def typed_service(
    customer_id: str, number: str | None, phone: str | None, address: str | None, by: str, reason: str, key: str = ""
) -> NewService:
    """The account that somebody has typed. Without a ``key``, what it says names it. Raises ``InvalidInput``."""
    if not customer_id:
        raise InvalidInput("the row has no customer; each account has one")
    number, phone = checked_number(number) if number else None, phone and phone.replace(" ", "")
    given = {"customer_id": customer_id, "number": number, "phone": phone, "address": address}
    try:
        return NewService.model_validate({**given, "key": key or None, "by": by, "reason": reason})
    except ValidationError as error:
        if any("phone" in item["loc"] for item in error.errors()):
            raise InvalidInput("the phone needs its country: write it as +77011234567") from None
        raise InvalidInput(explain(error)) from None
