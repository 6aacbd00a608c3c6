"""What the ledger keeps for gateways: positions in their lists, owners of orders, what went back, refunds asked for."""

from datetime import datetime

from sqlalchemy import Connection, false, func, or_, select, text, update

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import upsert
from adapters.sql.receivables.incoming import book, payment_record
from adapters.sql.receivables.instructions import locked_payment
from adapters.sql.schema.journal import (
    INSTRUCTION_IS_OPEN,
    IS_OF_ORDER,
    gateway_positions,
    incoming_payments,
    instructions,
    journal_entries,
)
from adapters.sql.service_orders.rows import S
from billing.receivables.incoming import IncomingPayment, PaymentKind, PaymentRecord
from billing.receivables.instructions import InstructionState
from billing.receivables.journal import AccountKind, Subject, SubjectKind

_I, _N, _E, _P = incoming_payments.c, instructions.c, journal_entries.c, gateway_positions.c
_LED = select(S.customer_id)  # whom a service order leads; its number is no other order's


class SqlGateways(SqlDatabase):
    """The part of ``SqlLedger`` about gateways."""

    @in_thread
    def read_until(self, rail: str) -> datetime | None:
        with self._reading(f"read how far the list of {rail} was read") as connection:
            return connection.scalar(select(_P.read_until).where(_P.rail == rail))

    @in_thread
    def note_read_until(self, rail: str, instant: datetime, latest: datetime | None = None) -> None:
        with self._writing(f"note how far the list of {rail} was read") as connection:
            values = {"rail": rail, "read_until": instant}
            is_behind = _P.read_until < instant
            is_wrong = _P.read_until > latest if latest else false()
            upsert(connection, gateway_positions, values, only_if=or_(is_behind, is_wrong))

    @in_thread
    def customer_of(self, subject: Subject) -> str | None:
        if subject.kind is not SubjectKind.ORDER:
            return None
        of_order = text(IS_OF_ORDER), _E.subject == subject.name, _E.kind == AccountKind.RECEIVABLE
        query = select(_E.customer_id).where(*of_order).distinct().limit(2)
        with self._reading(f"look up whose {subject} is") as connection:
            owners = connection.scalars(query).all() or connection.scalars(_LED.where(S.number == subject.name)).all()
        return owners[0] if len(owners) == 1 else None

    @in_thread
    def book_returned(self, payment: IncomingPayment, returned_minor: int, at: datetime) -> int:
        with self._writing(f"book what of {payment.title} went back") as connection:
            if payment_record(connection, payment.name) is None:  # else its owners are locked first, in their order
                book(connection, payment, at)  # it may overtake its payment
            record = locked_payment(connection, payment.name, None)
            news_minor = max(0, returned_minor - record.returned_minor)
            for customer_id, minor in _by_owner(connection, record, news_minor):
                book(connection, _returned(connection, record.payment, customer_id, minor, at), at)
            return news_minor

    @in_thread
    def begin_refund(
        self, instruction_id: str, returned_before_minor: int, before: datetime | None, at: datetime
    ) -> bool:
        is_it = _N.instruction_id == instruction_id, text(INSTRUCTION_IS_OPEN)
        is_as_known = _N.asked_at.is_(None) if before is None else _N.asked_at == before
        values = {"asked_at": at, "returned_before_minor": returned_before_minor}
        with self._writing(f"begin refund {instruction_id}") as connection:
            return connection.execute(update(instructions).where(*is_it, is_as_known).values(values)).rowcount == 1

    @in_thread
    def note_accepted(self, instruction_id: str, at: datetime) -> None:
        is_it = _N.instruction_id == instruction_id, _N.accepted_at.is_(None)
        with self._writing(f"note that refund {instruction_id} is accepted") as connection:
            connection.execute(update(instructions).where(*is_it).values(accepted_at=at))


def _by_owner(connection: Connection, record: PaymentRecord, minor: int) -> list[tuple[str | None, int]]:
    """Whose part of a payment went back: that of the refund under way (there is one at most), then anybody's."""
    payment = record.payment
    of_payment = _N.rail == payment.rail, _N.digest == payment.name.digest
    query = select(_N.customer_id, _N.amount_minor).where(*of_payment, _N.state == InstructionState.UNDER_WAY)
    row, own_minor = connection.execute(query).first(), 0
    if row is not None:
        own_minor = min(minor, row.amount_minor, record.parts.get(row.customer_id, 0))
    shares = (row and row.customer_id, own_minor), (payment.customer_id, minor - own_minor)
    return [(customer_id, share) for customer_id, share in shares if share]


def _returned(
    connection: Connection, original: IncomingPayment, customer_id: str | None, minor: int, at: datetime
) -> IncomingPayment:
    """What went back of the payment beyond what is booked; it has no name at the gateway."""
    of_original = _I.rail == original.rail, _I.original == original.name.digest
    number = 1 + (connection.scalar(select(func.count()).select_from(incoming_payments).where(*of_original)) or 0)
    return original.evolve(
        reference=f"{original.reference}#refund-{number}",
        kind=PaymentKind.REFUND,
        customer_id=customer_id,
        amount_minor=-minor,
        paid_at=at,
        original=original.name,
    )
