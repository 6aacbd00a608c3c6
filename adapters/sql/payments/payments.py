"""The ledger's payments with their refunds and disputes, the webhook events about them, and the mails."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, exists, or_, select, text, update

from adapters.sql.core.database import SqlDatabase, as_models, in_thread
from adapters.sql.core.rows import charge_values, event_values, message_values, reversal_values
from adapters.sql.core.schema import EVENT_IS_OPEN, charges, events, messages, reversals
from adapters.sql.core.statements import insert_new, lock, rows_of_month, upsert, where_given
from billing.apart import Failed
from billing.errors import PaymentMismatch
from billing.mails.mail import CustomerMail, MessageRow, MessageStatus, RenderedMail
from billing.payments.payment import Payment, PaymentEvent, PaymentStatus, Reversal
from billing.payments.ports import ChargeRow, EventRow, ReversalRow
from billing.period import Period

_UNPAID = charges.c.status != PaymentStatus.SUCCEEDED
_UNFINISHED = charges.c.status.not_in((PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED))
_UNSENT = messages.c.status != MessageStatus.SENT


class SqlPayments(SqlDatabase):
    """The part of ``SqlLedger`` about money that moves, and mails."""

    # -- payments

    @in_thread
    def save_payment(self, payment: Payment, at: datetime) -> None:
        """Keeps the payment as it is at ``at``. One that has succeeded stays so; a cancelled one is not triable again.

        Raises ``PaymentMismatch`` if it could still be confirmed, and another one of its key has not been cancelled.
        """
        assert payment.key, f"{payment.payment_id} is not a payment of ours"
        assert payment.customer_id, f"{payment.payment_id} of {payment.key} names no customer"
        is_triable = payment.status.is_triable
        whose = f"{payment.payment_id} of {payment.customer_id}, {payment.period}"
        with self._writing(f"save {whose}") as connection:
            if is_triable:
                lock(connection, payment.key)
                if others := _others(connection, payment):
                    raise PaymentMismatch(
                        f"{whose} must not be tried beside {others}, which would charge the customer twice; "
                        "cancel all but one at the processor, then try again"
                    )
            allowed = _UNFINISHED if is_triable else _UNPAID
            upsert(connection, charges, charge_values(payment, at), keep=("first_at",), only_if=allowed)

    @in_thread
    def payments(self, customer_id: str, period: Period) -> list[ChargeRow]:
        """The payments of a month, in the order of their ids."""
        return self._payments(period=period, customer_id=customer_id)

    @in_thread
    def payments_of(self, period: Period, failed: list[Failed] | None = None) -> list[ChargeRow]:
        """The payments of all customers of a month, in the order of their ids."""
        return self._payments(failed, period=period)

    def _payments(self, failed: list[Failed] | None = None, **wanted: str) -> list[ChargeRow]:
        found = self._read(ChargeRow, charges, *where_given(charges, **wanted), failed=failed)
        return sorted(found, key=lambda row: row.payment_id)

    @in_thread
    def save_reversals(self, payment: Payment, found: Sequence[Reversal], at: datetime) -> list[Reversal]:
        """Keeps refunds and disputes; answers those that are new or have another code or amount than before."""
        news = []
        with self._writing(f"save the refunds and disputes of {payment.payment_id}") as connection:
            for each in found:
                changed = or_(reversals.c.code != each.code, reversals.c.amount_minor != each.amount_minor)
                if upsert(connection, reversals, reversal_values(each, payment, at), only_if=changed):
                    news.append(each)
        return news

    @in_thread
    def reversals(
        self, period: Period | None = None, customer_id: str | None = None, failed: list[Failed] | None = None
    ) -> list[ReversalRow]:
        """The refunds and disputes that match everything given, oldest first."""
        wanted = where_given(reversals, period=period, customer_id=customer_id)
        found = self._read(ReversalRow, reversals, *wanted, failed=failed)
        return sorted(found, key=lambda row: (row.created_at, row.reversal_id))

    # -- events

    @in_thread
    def save_event(self, event: PaymentEvent, at: datetime) -> bool:
        """Keeps the event; True in one process only, however many save it at once."""
        with self._writing(f"save event {event.event_id}") as connection:
            return insert_new(connection, events, [event_values(event, at)])

    @in_thread
    def has_open_event(self, beginning: str) -> bool:
        this = events.c.event_id.startswith(beginning, autoescape=True)
        with self._reading("read its open events") as connection:
            return bool(connection.scalar(select(exists().where(text(EVENT_IS_OPEN), this))))

    @in_thread
    def open_events(self, limit: int = 100, failed: list[Failed] | None = None) -> list[EventRow]:
        """Events that nothing was done about yet, in the order in which they were received."""
        columns = (events.c[name] for name in EventRow.model_fields)
        oldest = select(*columns).where(text(EVENT_IS_OPEN)).order_by(events.c.received_at, events.c.event_id)
        with self._reading("read its open events") as connection:
            found = connection.execute(oldest.limit(limit)).mappings()
            return list(as_models(EventRow, map(dict, found), failed, "event_id"))

    @in_thread
    def close_event(self, event_id: str, result: str) -> None:
        """Keeps what was done about the event; the first result stays."""
        assert result, f"event {event_id} would stay open without a result"
        this = events.c.event_id == event_id
        with self._writing(f"close event {event_id}") as connection:
            connection.execute(update(events).where(this, text(EVENT_IS_OPEN)).values(result=result))

    # -- messages

    @in_thread
    def save_message(
        self,
        letter: CustomerMail,
        number: int,
        status: MessageStatus,
        at: datetime,
        composed: RenderedMail | None = None,
        idle_since: datetime | None = None,
    ) -> bool:
        """Keeps what became of the mail and what it says; False if it was sent before, and stays as it is."""
        allowed = _UNSENT if idle_since is None else and_(_UNSENT, messages.c.at < idle_since)
        values = message_values(letter, number, status, at, composed)
        whose = f"{letter.month.customer.customer_id}, {letter.month.period}"
        with self._writing(f"save the {letter.kind} of {whose}") as connection:
            return upsert(connection, messages, values, only_if=allowed)

    @in_thread
    def messages(self, customer_id: str, period: Period) -> list[MessageRow]:
        """The mails of a month, in the order in which they were last handed over."""
        found = self._read(MessageRow, messages, *rows_of_month(messages, customer_id, period))
        return sorted(found, key=lambda row: (row.at, row.message_id))


def _others(connection: Connection, payment: Payment) -> str:
    """The payments with the same key that are not cancelled."""
    same_key = (charges.c.key == payment.key, charges.c.payment_id != payment.payment_id)
    wanted = select(charges.c.payment_id, charges.c.status).where(*same_key, charges.c.status != PaymentStatus.CANCELED)
    return ", ".join(f"{row.payment_id} ({row.status})" for row in connection.execute(wanted))
