"""What money is for that names an order: a service order is paid by its fee."""

from sqlalchemy import Connection, bindparam, select

from adapters.sql.service_orders.rows import S
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import Subject, SubjectKind

_KNOWN = select(S.number).where(S.number == bindparam("number"))


def with_fee_named(connection: Connection, payment: IncomingPayment) -> IncomingPayment:
    """The payment; if it names a service order, for the fee of that."""
    subject = payment.subject
    if subject is None or subject.kind is not SubjectKind.ORDER:
        return payment
    if connection.scalar(_KNOWN, {"number": subject.name}) is None:
        return payment
    return payment.evolve(subject=Subject.fee(subject.name))
