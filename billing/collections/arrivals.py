"""What a collection is told of money that another rail has brought: one command for each share of a payment."""

from collections.abc import Iterator

from billing.collections.commands import RecordPayment
from billing.keys import payment_command_id
from billing.model import cut
from billing.payments.rails import CARDS
from billing.period import Period
from billing.receivables.incoming import PaymentRecord
from billing.receivables.journal import AccountKind, Cause, SubjectKind

_REASON_MAX = 1000
_REFERENCE_MAX = 200


def arrivals(record: PaymentRecord, customer_id: str) -> Iterator[tuple[Period, RecordPayment]]:
    """The months of one customer that a payment pays, each with its command; always the same, so each counts once.

    None follow from the card on file: the collection itself charges it.
    """
    payment = record.payment
    if payment.rail == CARDS:
        return
    for transaction in record.transactions:
        if transaction.cause not in (Cause.PAYMENT, Cause.ALLOCATION):
            continue
        number = transaction.key.rsplit(" ", 1)[-1] if transaction.cause is Cause.ALLOCATION else ""
        for entry in transaction.entries:
            account, subject = entry.account, entry.account.subject
            pays = account.kind is AccountKind.RECEIVABLE and entry.amount_minor < 0
            if pays and account.customer_id == customer_id and subject and subject.kind is SubjectKind.MONTH:
                period = Period(subject.name)
                yield (
                    period,
                    RecordPayment(
                        by=transaction.by or payment.rail,
                        reason=cut(transaction.reason or f"arrived by {payment.rail}", _REASON_MAX),
                        period=period,
                        reference=cut(f"{payment.reference} {number}".rstrip(), _REFERENCE_MAX),
                        amount_minor=-entry.amount_minor,
                        command_id=payment_command_id(transaction.key, period),
                    ),
                )
