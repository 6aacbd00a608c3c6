"""Incoming payments: taken into the books, found, and rewritten by an erasure."""

import shlex
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, exists, func, or_, select, update

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import insert_new
from adapters.sql.orders.credit import moved_with, order_state, usable_credit
from adapters.sql.payments.checkouts import note_state
from adapters.sql.receivables.accounts import balance, lock_account
from adapters.sql.receivables.journal import ENTRIES, as_transactions, post, subject_values
from adapters.sql.reviewers.alerts import put_alerts
from adapters.sql.schema.journal import incoming_payments, instructions, transactions
from adapters.sql.schema.months import customers
from adapters.sql.service_orders.named import with_fee_named
from billing.customers.erasure import ERASED, Scrubber
from billing.errors import InvalidInput, NotFound
from billing.payments.checkouts import CheckoutState
from billing.payments.rails import CARDS
from billing.receivables.allocation import applied, booked, reversed_, used
from billing.receivables.doubts import AccountState, Doubt, doubts, leaves_doubts
from billing.receivables.incoming import IncomingPayment, PaymentRecord
from billing.receivables.journal import NOTHING_OWED, AccountKind, Cause, PaymentName, Subject, Transaction
from billing.receivables.ports import Recorded
from billing.reviewers.money_alerts import of_doubt

_I = incoming_payments.c
_BOOKED_AT = select(_I.booked_at).where(_I.rail == bindparam("rail"), _I.digest == bindparam("digest"))

_CUSTOMER = select(customers.c.currency, customers.c.closed_at).where(
    customers.c.customer_id == bindparam("customer_id")
)


class SqlIncoming(SqlDatabase):
    """The part of ``SqlLedger`` about money that has arrived."""

    @in_thread
    def book(self, payment: IncomingPayment, at: datetime, checkout_id: str | None = None) -> bool:
        """Books money that has arrived, or gone back; False if it was booked before.

        The payment link by which it came, if it is live still, is paid with it: a sweep sees both or neither.

        Raises ``NotFound`` for money that went back of a payment that is not booked: book that first.
        """
        with self._writing(f"book payment {payment.title}") as connection:
            is_new = book(connection, payment, at)
            if checkout_id is not None:
                note_state(connection, checkout_id, CheckoutState.PAID, at)
            return is_new

    @in_thread
    def booked_at(self, name: PaymentName) -> datetime | None:
        with self._reading("look an incoming payment up") as connection:
            at: datetime | None = connection.scalar(_BOOKED_AT, {"rail": name.rail, "digest": name.digest})
            return at

    @in_thread
    def incoming_payment(self, name: PaymentName) -> PaymentRecord | None:
        with self._looking("read an incoming payment") as connection:
            return payment_record(connection, name)

    @in_thread
    def record_payment(self, payment: IncomingPayment, at: datetime) -> Recorded:
        customer_id = payment.customer_id
        with self._writing("record a payment") as connection:
            if customer_id is not None and not lock_account(connection, customer_id):
                raise NotFound(
                    f"the ledger does not know {customer_id}; without a customer, the money is kept as unmatched"
                )
            is_new = book(connection, payment, at)
            record = known_payment(connection, payment.name)
            if not is_new:
                _check_is_same(record.payment, payment)
            found = _doubts(connection, record.payment, record.transactions[0], record.booked_at)
            return Recorded(record=record, is_new=is_new, doubts=tuple(found))


def book(
    connection: Connection,
    payment: IncomingPayment,
    at: datetime,
    is_told: bool = True,
    uses_credit: bool = False,
    is_locked: bool = False,
) -> bool:
    """As ``SqlIncoming.book``, within a transaction. Whoever tells people of the payment, has no doubts told here.

    ``uses_credit``: credit that was there before pays with it. ``is_locked``: the caller has locked the customer.
    """
    payment = with_fee_named(connection, payment)
    original = payment_record(connection, payment.original) if payment.original else None
    if payment.original and original is None:
        raise NotFound(f"the payment that {payment.title} reverses is not booked; book it first, then this one")
    customer_ids = [payment.customer_id] if is_locked and payment.customer_id else _lock(connection, payment, original)
    values = payment.model_dump(exclude={"subject", "original"}) | subject_values(payment.subject)
    values |= {"digest": payment.name.digest, "original": payment.original and payment.original.digest, "booked_at": at}
    values["unmatched_minor"] = 0
    if not insert_new(connection, incoming_payments, [values]):
        return False
    if payment.original:
        original = known_payment(connection, payment.original)  # as it is now that it is locked
    about = [payment.subject, *(original.subjects if original else ())]
    undoes_orders = payment.amount_minor < 0 and any(each and not each.kind.is_pressed for each in about)
    balances = {customer_id: balance(connection, customer_id, about, undoes_orders) for customer_id in customer_ids}
    if payment.original and original:
        is_same = payment.currency == original.payment.currency  # else what is unmatched is its own
        owner = payment.original if is_same else payment.name
        post_payment(connection, owner, reversed_(payment, original, balances, at))
        for customer_id in customer_ids:
            before_and_now = balances[customer_id], balance(connection, customer_id, ())
            post(connection, moved_with(connection, payment, before_and_now, customer_id, at))
    else:
        known = balances.get(payment.customer_id or "", NOTHING_OWED)
        posted = booked(payment, known, at)
        post_payment(connection, payment.name, posted)
        if payment.subject and known.credit_from(payment.subject, payment.currency):
            apply_credit(connection, payment, posted.key, at)
        if is_told:
            tell_doubts(connection, payment, posted, at)
        if uses_credit and known.carried_minor(payment.currency) < 0:
            _use_credit(connection, payment, at)
    return True


def apply_credit(connection: Connection, payment: IncomingPayment, key: str, at: datetime) -> None:
    """What came before for the month of ``payment``, and was too little, pays with it."""
    if payment.customer_id and payment.subject and payment.rail != CARDS:
        known = balance(connection, payment.customer_id, [payment.subject])
        key = f"{key} {Cause.ALLOCATION}"
        if paid := applied(payment.customer_id, payment.subject, payment.currency, known, key, at):
            post(connection, [paid])


def _use_credit(connection: Connection, payment: IncomingPayment, at: datetime) -> None:
    """What a bank's ``check`` has left out of the sum, for it is paid by credit, is paid by it.

    What is left of the payment itself pays nothing more: it has paid whatever it can.
    """
    if payment.customer_id is None:
        return
    known, currency = balance(connection, payment.customer_id, ()), payment.currency
    if any(item.due_at and item.currency == currency for item in known.owed):
        credit_minor = usable_credit(connection, payment.customer_id, currency, known)
        if posted := used(payment, credit_minor, known, at):
            post(connection, [posted])


def _lock(connection: Connection, payment: IncomingPayment, original: PaymentRecord | None) -> list[str]:
    """Lets nobody else move money of the payment's customers, or of its original; returns the customers.

    Customers are locked before payments. Whose the original is may change until it is locked, too; then once more.
    """
    while True:
        of_original = [account.customer_id for account in original.shares] if original else []
        customer_ids = sorted({customer_id for customer_id in (payment.customer_id, *of_original) if customer_id})
        for customer_id in customer_ids:
            lock_account(connection, customer_id)
        if original is None or payment.original is None:
            return customer_ids
        locked = known_payment(connection, payment.original, lock=True)
        if locked.shares.keys() <= original.shares.keys():
            return customer_ids
        original = locked


def _check_is_same(booked_before: IncomingPayment, payment: IncomingPayment) -> None:
    """Raises ``InvalidInput`` if what was booked under this reference is another payment, or nobody's yet."""
    if (booked_before.amount_minor, booked_before.currency) != (payment.amount_minor, payment.currency):
        raise InvalidInput(
            f"{payment.title} is another payment already, of {booked_before.amount}; "
            "give this one a reference of its own"
        )
    if payment.customer_id and booked_before.customer_id != payment.customer_id:
        whose = f"of {booked_before.customer_id}" if booked_before.customer_id else "without a customer"
        show = f"python starter.py payments show {payment.rail} {shlex.quote(payment.reference)}"
        raise InvalidInput(f"{payment.title} was recorded before, {whose}; see: {show}")


def post_payment(connection: Connection, name: PaymentName, posted: Transaction) -> None:
    """Posts a transaction about money of the payment ``name``, and keeps what of that is unmatched."""
    post(connection, [posted])
    kind, entries = AccountKind.UNMATCHED, posted.entries
    if minor := sum(entry.amount_minor for entry in entries if entry.account.kind is kind):
        changed = {"unmatched_minor": _I.unmatched_minor - minor}
        connection.execute(update(incoming_payments).where(*_named(name)).values(changed))


def tell_doubts(connection: Connection, payment: IncomingPayment, posted: Transaction, at: datetime) -> list[Doubt]:
    """Puts what people should know about the payment, as it was ``posted``, into the alerts' outbox."""
    found = _doubts(connection, payment, posted, at)
    if found:
        put_alerts(connection, [of_doubt(doubt, payment, posted.key, at) for doubt in found])
    return found


def _doubts(connection: Connection, payment: IncomingPayment, posted: Transaction, at: datetime) -> list[Doubt]:
    if not leaves_doubts(payment, posted):
        return []
    account = _account(connection, payment)
    if account and payment.by is None and payment.rail == CARDS:
        account = account._replace(is_charged=True)
    if account and payment.customer_id and payment.subject:
        known = balance(connection, payment.customer_id, [payment.subject])
        of = payment.subject, payment.currency
        account = account._replace(owed_minor=known.owed_for(*of), left_minor=known.credit_from(*of))
    return list(doubts(payment, posted, account, _equal(connection, payment, at)))


def _account(connection: Connection, payment: IncomingPayment) -> AccountState | None:
    """The state of the payment's customer, or buyer, to whom any currency is as good."""
    row = connection.execute(_CUSTOMER, {"customer_id": payment.customer_id}).one_or_none()
    order = order_state(connection, payment)
    if row is not None:
        return AccountState(row.currency, row.closed_at is not None, order=order)
    return AccountState(payment.currency, False, order=order) if order else None


def _equal(connection: Connection, payment: IncomingPayment, at: datetime) -> str:
    """The title of another payment with the same amount, day and rail of the same customer (or unknown payer)."""
    if payment.by is None or not (payment.customer_id or payment.payer):
        return ""
    day = datetime.combine(payment.paid_at.date(), time(), UTC)
    whose = _I.customer_id == payment.customer_id
    if payment.customer_id is None:
        whose = (_I.customer_id.is_(None)) & (_I.payer == payment.payer)
    same = _I.rail == payment.rail, _I.amount_minor == payment.amount_minor, _I.currency == payment.currency
    before = _I.digest != payment.name.digest, _I.booked_at <= at, _I.original.is_(None)
    query = select(_I.reference).where(whose, *same, *before, _I.paid_at >= day, _I.paid_at < day + timedelta(days=1))
    reference = connection.scalar(query.order_by(_I.paid_at, _I.booked_at).limit(1))
    return f"{reference} ({payment.rail})" if reference else ""


def known_payment(connection: Connection, name: PaymentName, lock: bool = False) -> PaymentRecord:
    """The payment; with ``lock``, one transaction at a time moves its money. Raises ``NotFound``."""
    if lock:
        connection.execute(select(_I.rail).where(*_named(name)).with_for_update())
    record = payment_record(connection, name)
    if record is None:
        raise NotFound(f"there is no such payment on {name.rail}; see: python starter.py payments list")
    return record


def scrub_payments(connection: Connection, customer_id: str, scrubber: Scrubber) -> int:
    """Rewrites what names the person in payments that were assigned to them; returns how many."""
    count = 0
    assigned_later = _I.customer_id.is_(None), is_moved_by(customer_id)
    for row in connection.execute(select(incoming_payments).where(*assigned_later)).mappings():
        texts = {name: row[name] for name in ("reference", "payer", "reason")}
        whole = {name: ERASED for name in ("payer", "reason") if texts[name]}
        fresh = scrubber.field("", texts) | whole
        if fresh != texts:
            name = PaymentName(row["rail"], row["digest"])
            connection.execute(update(incoming_payments).where(*_named(name)).values(fresh))
            of_payment = transactions.c.rail == name.rail, transactions.c.digest == name.digest
            connection.execute(update(transactions).where(*of_payment).values(reason=fresh["reason"]))
            n = instructions.c
            asked = update(instructions).where(n.rail == name.rail, n.digest == name.digest)
            connection.execute(asked.values(reference=fresh["reference"], reason=ERASED, result=""))
            connection.execute(asked.where(n.decided_why.is_not(None)).values(decided_why=ERASED))
            count += 1
    return count


def is_moved_by(customer_id: str) -> ColumnElement[bool]:
    """Whether any of the payment is or was the customer's."""
    t = transactions.c
    return exists().where(t.rail == _I.rail, t.digest == _I.digest, t.customer_id == customer_id)


def _named(name: PaymentName) -> tuple[ColumnElement[bool], ...]:
    return _I.rail == name.rail, _I.digest == name.digest


def payment_record(connection: Connection, name: PaymentName) -> PaymentRecord | None:
    row = connection.execute(select(incoming_payments).where(*_named(name))).mappings().one_or_none()
    if row is None:
        return None
    is_reversal = _I.rail == name.rail, _I.original == name.digest
    reversals = select(_I.digest).where(*is_reversal)
    is_own = or_(transactions.c.digest == name.digest, transactions.c.digest.in_(reversals.scalar_subquery()))
    moves = ENTRIES.where(transactions.c.rail == name.rail, is_own)
    returned = select(func.coalesce(func.sum(_I.amount_minor), 0)).where(*is_reversal)
    return PaymentRecord(
        payment=IncomingPayment(**payment_values(row)),
        booked_at=row["booked_at"],
        transactions=tuple(as_transactions(connection.execute(moves).mappings())),
        returned_minor=-int(connection.scalar(returned) or 0),
    )


def payment_values(row: Any) -> dict[str, Any]:
    subject = Subject(kind=row["subject_kind"], name=row["subject"]) if row["subject"] else None
    names = IncomingPayment.model_fields.keys() - {"subject", "original"}
    original = PaymentName(row["rail"], row["original"]) if row["original"] else None
    return {**{name: row[name] for name in names}, "subject": subject, "original": original}
