"""Incoming payments for accounting: what has arrived on each rail, and gone back, by the day on which it was paid."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from billing.model import Code, Count, Few, Id, Instant, Line, Minor, MinorSum, Model
from billing.receivables.incoming import PaymentKind, Reference


class ExportedPayment(Model):
    """A payment, with what is known of whose it is: ``accounts`` are the customer's numbers, ``paid_for`` what of it
    has paid: ``2026-11``, ``order 1042``. Below 0 it went back: ``reverses`` is the reference of its payment.
    """

    rail: Code
    reference: Reference
    kind: PaymentKind
    paid_at: Instant
    booked_at: Instant
    customer_id: Id | None
    accounts: Few[Code] = ()
    paid_for: Few[Line] = ()
    amount_minor: Minor
    unmatched_minor: Minor
    currency: Code
    payer: Line | None
    reverses: Reference | None = None


class PaymentTotal(Model):
    """A rail in one currency: what was there before, what arrived, and what went back (both positive)."""

    rail: Code
    currency: Code
    opening_minor: MinorSum
    payments: Count = 0
    received_minor: MinorSum = 0
    went_back_minor: MinorSum = 0

    @property
    def closing_minor(self) -> int:
        return self.opening_minor + self.received_minor - self.went_back_minor

    def with_(self, payment: ExportedPayment) -> "PaymentTotal":
        """With one payment more."""
        return self.evolve(
            payments=self.payments + 1,
            received_minor=self.received_minor + max(0, payment.amount_minor),
            went_back_minor=self.went_back_minor + max(0, -payment.amount_minor),
        )


class PaymentExport(Protocol):
    """``since`` and ``until`` are instants, the second excluded."""

    async def paid_rails(self) -> list[str]:
        """All rails on which money has ever arrived, in the order of their names."""

    def payments_between(self, rail: str, since: datetime, until: datetime) -> AsyncIterator[list[ExportedPayment]]:
        """What was paid on the rail in that time, oldest first, in pages."""

    async def paid_before(self, rail: str, instant: datetime) -> dict[str, int]:
        """What had arrived on the rail by then, net of what had gone back, in minor units by currency."""
