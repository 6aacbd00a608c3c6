"""The ledger's payments with their refunds and disputes, webhook events, and mails."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, exists, or_, select, text, update

from adapters.sql.core.database import SqlDatabase, as_models, in_thread
from adapters.sql.core.rows import charge_values, event_values, message_values, reversal_values, step_message_values
from adapters.sql.core.statements import insert_new, lock, rows_of_month, upsert, where_given
from adapters.sql.receivables.incoming import book
from adapters.sql.schema.journal import incoming_payments
from adapters.sql.schema.months import EVENT_IS_OPEN, charges, events, messages, reversals
from billing.apart import Failed
from billing.errors import PaymentMismatch
from billing.mails.mail import CustomerMail, MessageRow, MessageStatus, RenderedMail, StepMail, StepMessageRow
from billing.payments.payment import Payment, PaymentEvent, PaymentStatus, Reversal
from billing.payments.ports import ChargeRow, EventRow, ReversalRow
from billing.period import Period

_UNPAID = charges.c.status != PaymentStatus.SUCCEEDED
_UNFINISHED = charges.c.status.not_in((PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED))
_UNSENT = messages.c.status != MessageStatus.SENT
_IS_SENDING = messages.c.message_id == bindparam("message_id"), messages.c.status == MessageStatus.SENDING
_SENDING_SINCE = select(messages.c.at).where(*_IS_SENDING)  # for every mail, so composed once


class SqlPayments(SqlDatabase):
    """The part of ``SqlLedger`` about payments, events and mails."""

    # -- payments

    @in_thread
    def save_payment(self, payment: Payment, at: datetime) -> None:
        assert payment.key, f"{payment.payment_id} is not a payment of ours"
        assert payment.customer_id, f"{payment.payment_id} of {payment.key} names no customer"
        is_triable = payment.status.is_triable
        name = f"{payment.payment_id} of {payment.customer_id}, {payment.period}"
        with self._writing(f"save {name}") as connection:
            if is_triable:
                lock(connection, payment.key)
                if others := _others(connection, payment):
                    raise PaymentMismatch(
                        f"{name} must not be tried beside {others}, which would charge the customer twice; "
                        "cancel all but one at the processor, then try again"
                    )
            if payment.status is PaymentStatus.SUCCEEDED:
                book(connection, payment.incoming(at), at)  # first, for it locks the customer
            allowed = _UNFINISHED if is_triable else _UNPAID
            upsert(connection, charges, charge_values(payment, at), keep=("first_at",), only_if=allowed)

    @in_thread
    def payments(self, customer_id: str, period: Period) -> list[ChargeRow]:
        return self._read(ChargeRow, charges, *rows_of_month(charges, customer_id, period), by=("payment_id",))

    @in_thread
    def payments_of(self, period: Period, failed: list[Failed] | None = None) -> list[ChargeRow]:
        return self._read(ChargeRow, charges, charges.c.period == period, by=("payment_id",), failed=failed)

    @in_thread
    def save_reversals(self, payment: Payment, found: Sequence[Reversal], at: datetime) -> list[Reversal]:
        news = []
        with self._writing(f"save the refunds and disputes of {payment.payment_id}") as connection:
            has_moved = any(reversal.status.has_moved for reversal in found)
            if payment.status is PaymentStatus.SUCCEEDED or has_moved:  # it may overtake its payment: both are booked
                book(connection, payment.incoming(at), at)
            for reversal in found:
                changed = or_(reversals.c.code != reversal.code, reversals.c.amount_minor != reversal.amount_minor)
                if upsert(connection, reversals, reversal_values(reversal, payment, at), only_if=changed):
                    news.append(reversal)
                _book_reversal(connection, payment, reversal, at)
        return news

    @in_thread
    def reversals(
        self, period: Period | None = None, customer_id: str | None = None, failed: list[Failed] | None = None
    ) -> list[ReversalRow]:
        where = where_given(reversals, period=period, customer_id=customer_id)
        return self._read(ReversalRow, reversals, *where, by=("created_at", "reversal_id"), failed=failed)

    # -- events

    @in_thread
    def save_event(self, event: PaymentEvent, at: datetime) -> bool:
        with self._writing(f"save event {event.event_id}") as connection:
            return insert_new(connection, events, [event_values(event, at)])

    @in_thread
    def event_received_at(self, event_id: str) -> datetime | None:
        with self._reading(f"look event {event_id} up") as connection:
            return connection.scalar(select(events.c.received_at).where(events.c.event_id == event_id))

    @in_thread
    def has_open_event(self, beginning: str) -> bool:
        begins = events.c.event_id.startswith(beginning, autoescape=True)
        with self._reading("read its open events") as connection:
            return bool(connection.scalar(select(exists().where(text(EVENT_IS_OPEN), begins))))

    @in_thread
    def open_events(self, limit: int = 100, failed: list[Failed] | None = None) -> list[EventRow]:
        columns = (events.c[name] for name in EventRow.model_fields)
        oldest = select(*columns).where(text(EVENT_IS_OPEN)).order_by(events.c.received_at, events.c.event_id)
        with self._reading("read its open events") as connection:
            return as_models(EventRow, connection.execute(oldest.limit(limit)).mappings(), failed, "event_id")

    @in_thread
    def close_event(self, event_id: str, result: str) -> None:
        with self._writing(f"close event {event_id}") as connection:
            is_open = events.c.event_id == event_id, text(EVENT_IS_OPEN)
            connection.execute(update(events).where(*is_open).values(result=result))

    # -- messages

    @in_thread
    def save_message(
        self,
        mail: CustomerMail,
        number: int,
        status: MessageStatus,
        at: datetime,
        rendered: RenderedMail | None = None,
        idle_since: datetime | None = None,
    ) -> bool:
        allowed = _UNSENT if idle_since is None else and_(_UNSENT, messages.c.at < idle_since)
        values = message_values(mail, number, status, at, rendered)
        with self._writing(f"save the {mail.kind} of {mail.month.customer_id}, {mail.month.period}") as connection:
            return upsert(connection, messages, values, only_if=allowed)

    @in_thread
    def save_step_message(self, mail: StepMail, status: MessageStatus, at: datetime) -> bool:
        with self._writing(f"save the {mail.kind} mail of order {mail.number}") as connection:
            return upsert(connection, messages, step_message_values(mail, status, at), only_if=_UNSENT)

    @in_thread
    def sending_since(self, message_id: str) -> datetime | None:
        with self._reading("look a mail up") as connection:
            return connection.scalar(_SENDING_SINCE, {"message_id": message_id})

    @in_thread
    def messages(self, customer_id: str, period: Period) -> list[MessageRow]:
        return self._read(MessageRow, messages, *rows_of_month(messages, customer_id, period), by=("at", "message_id"))

    @in_thread
    def step_messages(self, customer_id: str, limit: int = 100) -> list[StepMessageRow]:
        of_steps = messages.c.customer_id == customer_id, messages.c.period.is_(None)
        newest = select(messages).where(*of_steps).order_by(messages.c.at.desc(), messages.c.message_id).limit(limit)
        with self._reading("read what was mailed of its orders") as connection:
            return as_models(StepMessageRow, connection.execute(newest).mappings())


def _others(connection: Connection, payment: Payment) -> str:
    """The payments with the same key that are not cancelled."""
    same_key = (charges.c.key == payment.key, charges.c.payment_id != payment.payment_id)
    query = select(charges.c.payment_id, charges.c.status).where(*same_key, charges.c.status != PaymentStatus.CANCELED)
    return ", ".join(f"{row.payment_id} ({row.status})" for row in connection.execute(query))


def _book_reversal(connection: Connection, payment: Payment, reversal: Reversal, at: datetime) -> None:
    """Books what of the reversal is not booked yet: money that went back, or that was kept after all."""
    i = incoming_payments.c
    original = payment.incoming(at).name
    of_payment = select(i.reference, i.amount_minor).where(i.rail == original.rail, i.original == original.digest)
    name = reversal.reversal_id
    booked = [minor for reference, minor in connection.execute(of_payment) if reference.partition("#")[0] == name]
    due_minor = (-reversal.amount_minor if reversal.status.has_moved else 0) - sum(booked)
    if due_minor:
        reference = f"{name}#{len(booked) + 1}" if booked else name
        book(connection, reversal.incoming(payment, reference, due_minor, at), at)
