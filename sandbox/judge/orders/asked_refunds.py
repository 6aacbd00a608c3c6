"""Refunds that people have asked for. Until one is closed, its money is reserved, and pays no order."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from billing.receivables.instructions import InstructionKind
from billing.receivables.journal import PaymentName
from billing.receivables.ports import PaymentListing

_MOMENT = timedelta(seconds=30)
"""How much later than its instant a transaction may be written: what else happened meanwhile came before it or not."""


class AskedRefund(NamedTuple):
    """``until`` None: it is still open."""

    customer_id: str
    currency: str
    amount_minor: int
    since: datetime
    until: datetime | None

    def is_open(self, at: datetime) -> bool | None:
        """Whether its money was reserved by what was written at that instant; None: nobody can tell."""
        if at + _MOMENT < self.since or (self.until is not None and self.until + _MOMENT < at):
            return False
        was_open = self.since + _MOMENT < at and (self.until is None or at + _MOMENT < self.until)
        return True if was_open else None


async def asked_refunds(ledger: PaymentListing, payments: Iterable[PaymentName]) -> list[AskedRefund]:
    """All refunds of these payments that people have ever asked for."""
    return [
        AskedRefund(asked.customer_id, asked.currency, asked.amount_minor, asked.at, asked.closed_at)
        for name in payments
        for asked in await ledger.instructions(name)
        if asked.kind is InstructionKind.REFUND and asked.customer_id is not None
    ]


def reserved_minor(refunds: Iterable[AskedRefund], at: datetime) -> set[int]:
    """What may have been reserved in all at that instant: one amount, unless a refund began or ended just then."""
    sums = {0}
    for refund in refunds:
        is_open = refund.is_open(at)
        more = {each + refund.amount_minor for each in sums} if is_open is not False else set[int]()
        sums = more if is_open else sums | more
    return sums
