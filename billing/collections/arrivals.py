"""What collections are told of money that other rails have brought: one command for each share of a payment."""

from collections.abc import Iterable, Iterator, Mapping

from billing.collections.commands import RecordPayment
from billing.keys import payment_command_id
from billing.model import cut
from billing.period import Period
from billing.receivables.journal import AccountKind, Cause, PaymentName, SubjectKind, Transaction

_REASON_MAX = 1000
_REFERENCE_MAX = 200


def arrivals(
    transactions: Iterable[Transaction], references: Mapping[PaymentName, str]
) -> Iterator[tuple[str, RecordPayment]]:
    """The commands that follow from ``transactions``, each with its customer; always the same, so each counts once.

    Of payments that ``references`` does not name nothing is told.
    """
    for transaction in transactions:
        name = transaction.payment
        if name not in references or transaction.cause not in (Cause.PAYMENT, Cause.ALLOCATION):
            continue
        assert name is not None
        number = transaction.key.rsplit(" ", 1)[-1] if transaction.cause is Cause.ALLOCATION else ""
        for entry in transaction.entries:
            subject, customer_id = entry.account.subject, entry.account.customer_id
            pays = entry.account.kind is AccountKind.RECEIVABLE and entry.amount_minor < 0
            if pays and customer_id and subject and subject.kind is SubjectKind.MONTH:
                yield (
                    customer_id,
                    RecordPayment(
                        by=transaction.by or name.rail,
                        reason=cut(transaction.reason or f"arrived by {name.rail}", _REASON_MAX),
                        period=Period(subject.name),
                        reference=cut(f"{references[name]} {number}".rstrip(), _REFERENCE_MAX),
                        amount_minor=-entry.amount_minor,
                        command_id=payment_command_id(transaction.key, subject.name),
                    ),
                )
