"""The payment desk: money that has arrived is booked first; then whoever collects what it pays is told.

The card's payment of a month is cancelled before money of another rail counts for it, so the collection has to know.
With Temporal down the money is in the books all the same; the next reconciliation tells the collection.
"""

from datetime import datetime
from typing import NamedTuple, Protocol

from billing.collections.arrivals import arrivals
from billing.collections.ports import Collections
from billing.errors import BillingError
from billing.receivables.incoming import IncomingPayment, PaymentRecord
from billing.receivables.journal import PaymentName


class Books(Protocol):
    """Incoming payments in the ledger."""

    async def book(self, payment: IncomingPayment, at: datetime) -> bool:
        """Books money that has arrived, or gone back; False if it was booked before."""

    async def assign(self, name: PaymentName, to: IncomingPayment, by: str, reason: str, at: datetime) -> PaymentRecord:
        """Makes unmatched money of a payment that of a customer; raises ``NotFound`` and ``InvalidInput``."""

    async def incoming_payment(self, name: PaymentName) -> PaymentRecord | None: ...


class Booked(NamedTuple):
    """A payment as it is in the books. ``untold``: why a collection does not know of it yet; "": all do that have to.

    ``is_new``: it was not booked before.
    """

    record: PaymentRecord
    is_new: bool
    untold: str


class PaymentDesk:
    """``collections`` None: Temporal does not answer."""

    def __init__(self, ledger: Books, collections: Collections | None) -> None:
        self._ledger = ledger
        self._collections = collections

    async def record(self, payment: IncomingPayment, at: datetime) -> Booked:
        """Books the payment, and tells the collections of what it pays; a repeat has no second effect."""
        is_new = await self._ledger.book(payment, at)
        record = await self._ledger.incoming_payment(payment.name)
        assert record is not None
        return Booked(record, is_new, await self._tell(record))

    async def assign(self, name: PaymentName, to: IncomingPayment, by: str, reason: str, at: datetime) -> Booked:
        """Assigns unmatched money, and tells the collections of what it pays; raises as ``Books.assign``."""
        record = await self._ledger.assign(name, to, by, reason, at)
        return Booked(record, True, await self._tell(record))

    async def _tell(self, record: PaymentRecord) -> str:
        payment = record.payment
        for customer_id, command in arrivals(record.transactions, {payment.name: payment.reference}):
            if self._collections is None:
                return "Temporal does not answer"
            try:
                await self._collections.paid(customer_id, command)
            except BillingError as error:
                return str(error)
        return ""
