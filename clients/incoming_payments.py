"""The payment desk: money that has arrived is booked first; then whoever collects what it pays is told.

The card's payment of a month is cancelled before money of another rail counts for it, so the collection has to know.
With Temporal down the money is in the books all the same; the next reconciliation tells the collection.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, Protocol

from billing.collections.commands import RecordPayment
from billing.collections.ports import Collections
from billing.errors import BillingError
from billing.keys import payment_command_id
from billing.model import cut
from billing.period import Period
from billing.receivables.incoming import IncomingPayment, PaymentRecord
from billing.receivables.journal import AccountKind, PaymentName, SubjectKind

_REASON_MAX = 1000
_REFERENCE_MAX = 200


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
        for customer_id, command in _commands(record):
            if self._collections is None:
                return "Temporal does not answer"
            try:
                await self._collections.paid(customer_id, command)
            except BillingError as error:
                return str(error)
        return ""


def _commands(record: PaymentRecord) -> Iterator[tuple[str, RecordPayment]]:
    """What collections have to know: each share of the payment that has paid a month, by customer."""
    payment = record.payment
    for number, transaction in enumerate(record.transactions, start=1):
        for entry in transaction.entries:
            subject, customer_id = entry.account.subject, entry.account.customer_id
            pays = entry.account.kind is AccountKind.RECEIVABLE and entry.amount_minor < 0
            if pays and customer_id and subject and subject.kind is SubjectKind.MONTH:
                yield (
                    customer_id,
                    RecordPayment(
                        by=transaction.by or payment.rail,
                        reason=cut(transaction.reason or f"arrived by {payment.rail}", _REASON_MAX),
                        period=Period(subject.name),
                        reference=cut(f"{payment.name}" if number == 1 else f"{payment.name} {number}", _REFERENCE_MAX),
                        amount_minor=-entry.amount_minor,
                        command_id=payment_command_id(payment.rail, payment.reference, f"{subject.name} {number}"),
                    ),
                )
