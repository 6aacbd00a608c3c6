"""Shared by the tests of commands to a month: a valid one of each kind, and one that cannot be read."""

from typing import Any

from billing.invoices.commands import Decision
from billing.invoices.month import Month
from billing.invoices.review import note_unreadable
from tests.unit.months import HOUR, drafted

NOW = drafted(1).import_at + HOUR
ADD: dict[str, Any] = {"version": 1, "changes": [{"op": "add", "description": "Extra", "amount_minor": 500}]}
FIELDS: dict[str, dict[str, Any]] = {
    "halt": {},
    "resume": {},
    "edit": ADD,
    "approve": {"digest": "x"},
    "skip": {},
    "close_account": {},
    "update_customer": {"changes": {"name": "Acme Ltd"}},
}
APPROVE = {"review_mode": "approve"}


def unreadable(month: Month, name: str, problem: str) -> tuple[Month, Decision]:
    after = note_unreadable(month, name, problem, NOW, "signal").value
    return after, after.decisions[-1]
