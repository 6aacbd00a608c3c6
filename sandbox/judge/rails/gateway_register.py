"""Attempts to pay at the gateway, by its stand-in's journal, for the judge."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing.money import minor_digits
from billing.payments.checkouts import Checkout
from billing.receivables.journal import Subject
from sandbox.judge.account import name_of
from sandbox.stand_ins.journal_file import read_entries

GATEWAY = "wayforpay"
"""The rail of the gateway's shop."""
_PAID = ("Approved", "Refunded", "RefundInProcessing")


@dataclass
class Attempt:
    """An attempt to pay. ``returned`` is what had gone back in all, each time that some had, in minor units.

    ``customer_id`` "": the gateway does not say whose it is. ``is_open``: it can be paid still.
    """

    reference: str
    customer_id: str
    subject: str
    amount_minor: int
    currency: str
    is_paid: bool = False
    is_open: bool = False
    returned: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class GatewayRegister:
    """By reference."""

    attempts: dict[str, Attempt] = field(default_factory=dict)
    rail: str = GATEWAY

    @classmethod
    def read(cls, path: Path, links: Iterable[Checkout], owners: Mapping[str, str]) -> "GatewayRegister":
        """``owners`` are the buyers of orders, by their number: payers type it at the gateway's own page."""
        register, by_name = cls(), {link.checkout_id: link for link in links}
        for entry in read_entries(path) if path.exists() else ():
            if entry["kind"] == "order":
                register._take(entry["order"], by_name, owners)
        return register

    def paid(self) -> Iterator[Attempt]:
        return (attempt for attempt in self.attempts.values() if attempt.is_paid)

    def _take(self, order: dict[str, Any], links: Mapping[str, Checkout], owners: Mapping[str, str]) -> None:
        reference, currency = order["reference"], order["currency"].lower()
        attempt = self.attempts.get(reference)
        if attempt is None:
            customer_id, subject = _of(order, links.get(reference), owners)
            amount_minor = _minor(order["amount"], currency)
            attempt = self.attempts[reference] = Attempt(reference, customer_id, subject, amount_minor, currency)
        attempt.is_paid = attempt.is_paid or order["status"] in _PAID
        attempt.is_open = order["status"] == "Created" and not order["removed"]
        returned = _minor(order["refunded"], currency)
        if returned > (attempt.returned[-1] if attempt.returned else 0):
            attempt.returned.append(returned)


def _of(order: dict[str, Any], link: Checkout | None, owners: Mapping[str, str]) -> tuple[str, str]:
    """Whose it is, and what for."""
    if link is not None:
        return link.customer_id, name_of(link.subject)
    typed = order["typed"].get("order", "")
    return (owners[typed], name_of(Subject.order(typed))) if typed in owners else ("", "")


def _minor(text: str, currency: str) -> int:
    return int(Decimal(text).scaleb(minor_digits(currency)))
