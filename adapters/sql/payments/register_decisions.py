"""What people decide about a line of a register: it is booked as the payment that it is, or left out and told."""

from datetime import date, datetime

from sqlalchemy import Connection, delete, select, update

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import lock
from adapters.sql.customers.account_numbers import owner_of
from adapters.sql.payments.register_states import AMOUNTS, STATE, WITH_PAYMENT
from adapters.sql.receivables.accounts import lock_account
from adapters.sql.receivables.incoming import book, known_payment, payment_record
from adapters.sql.reviewers.alerts import put_alerts
from adapters.sql.schema.registers import register_files, register_lines
from billing.customers.account_numbers import AccountKey
from billing.errors import InvalidInput, NotFound
from billing.money import format_amount
from billing.receivables.incoming import IncomingPayment, PaymentKind
from billing.receivables.journal import PaymentName
from billing.registers.alerts import of_rejected, of_withdrawn
from billing.registers.register import LineDecision, LineState, RegisterRow

_L = register_lines.c


class SqlRegisterDecisions(SqlDatabase):
    """The part of ``SqlLedger`` by which lines of registers are booked, or left out."""

    @in_thread
    def confirm_register_line(
        self, rail: str, reference: str, by: str, reason: str, at: datetime, seen_minor: int | None = None
    ) -> RegisterRow:
        name = PaymentName.of(rail, reference)
        with self._writing(f"book {reference} ({rail}) by its register") as connection:
            _lock_customer(connection, name)
            row, personal = _locked(connection, name, reference)
            if row.state is LineState.CONFIRMED:
                return row
            if row.booked_minor is not None:
                raise InvalidInput(_different(row))
            assert row.amount_minor is not None
            if seen_minor not in (None, row.amount_minor):
                now_has = format_amount(row.amount_minor, row.currency)
                raise InvalidInput(f"{row.title} has changed since: the register has {now_has} now; look at it again")
            payment = _payment(connection, row, personal, by, reason)
            if not book(connection, payment, at, uses_credit=True):
                raise InvalidInput(f"{row.title} has arrived meanwhile; look at it again")
            if payment.original is not None:
                _check_was_left(connection, row, payment.original)
            return _decided(connection, name, LineDecision.BOOKED, by, reason, at)

    @in_thread
    def reject_register_line(self, rail: str, reference: str, by: str, reason: str, at: datetime) -> RegisterRow:
        name = PaymentName.of(rail, reference)
        with self._writing(f"leave {reference} ({rail}) out of the books") as connection:
            row, _ = _locked(connection, name, reference)
            if row.state is LineState.CONFIRMED:
                raise InvalidInput(f"{row.title} is in the books, with the same amount: there is nothing to reject")
            if (row.decision, row.decided_by, row.decided_why) == (LineDecision.REJECTED, by, reason):
                return row
            put_alerts(connection, [of_rejected(row, by, reason, at)])
            return _decided(connection, name, LineDecision.REJECTED, by, reason, at)

    @in_thread
    def withdraw_register(self, rail: str, day: date, by: str, reason: str, at: datetime) -> int:
        with self._writing(f"withdraw the register of {rail}, {day}") as connection:
            lock(connection, f"register {rail}")
            of_day = register_files.c.rail == rail, register_files.c.day == str(day)
            files = connection.execute(delete(register_files).where(*of_day)).rowcount
            if not files:
                raise NotFound(f"no register of {rail} for {day} was taken in; there is nothing to withdraw")
            undecided = _L.rail == rail, _L.day == str(day), _L.decision.is_(None)
            connection.execute(delete(register_lines).where(*undecided))
            put_alerts(connection, [of_withdrawn(rail, day, files, by, reason, at)])
            return files


def _lock_customer(connection: Connection, name: PaymentName) -> None:
    """Before the line: an erasure locks the customer, then lines. Whose it is by then, ``book`` looks once more."""
    line = select(_L.account, _L.personal).where(_L.rail == name.rail, _L.digest == name.digest)
    for account, personal in connection.execute(line):
        key = AccountKey(personal=personal) if personal else AccountKey(number=account)
        if customer_id := owner_of(connection, key):
            lock_account(connection, customer_id)


def _locked(connection: Connection, name: PaymentName, reference: str) -> tuple[RegisterRow, str | None]:
    """The line as it stands, and the digest of its personal number. Nobody else decides about it meanwhile."""
    is_it = _L.rail == name.rail, _L.digest == name.digest
    personal = connection.execute(select(_L.personal).where(*is_it).with_for_update()).one_or_none()
    if personal is None:
        raise NotFound(
            f"no register of {name.rail} has {reference}; see: python starter.py payments registers --rail {name.rail}"
        )
    return _row(connection, name), personal[0]


def _row(connection: Connection, name: PaymentName) -> RegisterRow:
    names = (name for name in RegisterRow.model_fields if name not in ("amount_minor", "booked_minor", "state"))
    columns = [_L[field] for field in names]
    query = select(*columns, *AMOUNTS, STATE.label("state")).select_from(WITH_PAYMENT)
    row = connection.execute(query.where(_L.rail == name.rail, _L.digest == name.digest)).mappings().one()
    return RegisterRow.model_validate({**row, "day": date.fromisoformat(row["day"])})


def _payment(connection: Connection, row: RegisterRow, personal: str | None, by: str, reason: str) -> IncomingPayment:
    """What is booked: the payment that the register has, or what was taken back of another one."""
    assert row.amount_minor is not None
    key = AccountKey(personal=personal) if personal else AccountKey(number=row.account)
    payment = IncomingPayment(
        rail=row.rail,
        reference=row.reference,
        customer_id=owner_of(connection, key),
        amount_minor=row.amount_minor,
        currency=row.currency,
        paid_at=row.paid_at,
        by=by,
        reason=reason,
    )
    if row.original is None:
        return payment
    original = payment_record(connection, PaymentName.of(row.rail, row.original))
    if original is None:
        raise NotFound(
            f"{row.title} takes {row.original} back, which is not booked: confirm that one first, or reject both"
        )
    return payment.evolve(
        kind=PaymentKind.CHARGEBACK, customer_id=original.payment.customer_id, original=original.payment.name
    )


def _check_was_left(connection: Connection, row: RegisterRow, original: PaymentName) -> None:
    """Looks once it is booked, for the original is locked by then, and nobody else takes it back meanwhile.

    Raises ``InvalidInput``, which undoes it.
    """
    record = known_payment(connection, original)
    over_minor = record.returned_minor - record.payment.amount_minor
    if over_minor > 0:
        left = format_amount(max(0, -(row.amount_minor or 0) - over_minor), row.currency)
        raise InvalidInput(
            f"{row.title} takes back more than the {left} that are left of {row.original}: reject it if it is a refund "
            "that was recorded by hand, else ask the bank"
        )


def _different(row: RegisterRow) -> str:
    register, booked = (format_amount(minor or 0, row.currency) for minor in (row.amount_minor, row.booked_minor))
    return (
        f"{row.title} is booked already, with {booked}; the register has {register}. Ask the bank which one is right, "
        "take in its corrected register, or reject the line and say why"
    )


def _decided(
    connection: Connection, name: PaymentName, decision: LineDecision, by: str, reason: str, at: datetime
) -> RegisterRow:
    values = {"decision": decision, "decided_by": by, "decided_why": reason, "decided_at": at}
    connection.execute(update(register_lines).where(_L.rail == name.rail, _L.digest == name.digest).values(values))
    return _row(connection, name)
