"""Service accounts in CSV files. A row that is wrong is refused with its line; the others are taken."""

import csv
from collections.abc import Callable
from typing import NamedTuple

from pydantic import ValidationError

from billing.csv_rows import reader_of, rows_of
from billing.customers.account_numbers import PersonalKey, checked_number
from billing.errors import InvalidInput
from billing.model import Count, Model, Words
from billing.subscribers.place import read_node, read_tags
from billing.subscribers.service import NewService
from billing.validation import explain

ReadPhone = Callable[[str], str]
"""A phone number as it was typed, in E.164. Raises ``InvalidInput``."""
REQUIRED = ("customer",)
OPTIONAL = ("number", "phone", "address", "node", "tags", "personal_number")


class ServiceProblem(Model):
    """A row that is not taken, by its line in the file, and why."""

    line: Count
    customer_id: Words
    reason: Words


class ServiceFile(NamedTuple):
    """The accounts of a file by their lines, and what is wrong with the other rows."""

    services: dict[int, NewService]
    problems: list[ServiceProblem]


class TypedService(NamedTuple):
    """A service account as it was typed; "" is nothing."""

    customer_id: str
    number: str
    phone: str
    address: str
    node: str = ""
    tags: str = ""
    personal_number: str = ""

    def new(self, read_phone: ReadPhone, personal_secret: str, by: str, reason: str, key: str = "") -> NewService:
        """Without a ``key``, what it says names it. Raises ``InvalidInput``."""
        if not self.customer_id:
            raise InvalidInput("there is no customer; each account has one")
        given = {
            "customer_id": self.customer_id,
            "number": checked_number(self.number) if self.number else None,
            "phone": read_phone(self.phone) if self.phone else None,
            "address": self.address or None,
            "node": read_node(self.node) if self.node else None,
            "tags": read_tags(self.tags),
            "personal": PersonalKey.of(self.personal_number, personal_secret) if self.personal_number else None,
        }
        try:
            return NewService.model_validate({**given, "key": key or None, "by": by, "reason": reason})
        except ValidationError as error:
            raise InvalidInput(explain(error)) from None


def parse_services(text: str, read_phone: ReadPhone, personal_secret: str, by: str, reason: str) -> ServiceFile:
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
            service = _service(row, fault, read_phone, personal_secret, by, reason)
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


def _service(
    row: dict[str, str], fault: str, read_phone: ReadPhone, personal_secret: str, by: str, reason: str
) -> NewService:
    if fault:
        raise InvalidInput(fault)
    typed = TypedService(*(row.get(name, "") for name in (*REQUIRED, *OPTIONAL)))
    return typed.new(read_phone, personal_secret, by, reason)
