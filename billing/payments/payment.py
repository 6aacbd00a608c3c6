"""Payments, their reversals, and the outcome of charges, independent of any processor."""

from datetime import datetime
from enum import StrEnum

from billing.errors import PaymentMismatch
from billing.model import Code, Id, Instant, Line, Minor, Model, Url, Words
from billing.payments.methods import CardOnFile
from billing.period import Period
from billing.receivables.incoming import IncomingPayment, PaymentKind
from billing.receivables.journal import PaymentName, Subject


class PaymentStatus(StrEnum):
    NEW = "new"  # created at the processor, never tried
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    AUTHENTICATION_REQUIRED = "authentication_required"
    CANCELED = "canceled"

    @property
    def is_triable(self) -> bool:
        """Whether the payment can still be tried."""
        return self in (PaymentStatus.NEW, PaymentStatus.DECLINED, PaymentStatus.AUTHENTICATION_REQUIRED)


class PaymentRequest(Model):
    """A charge as announced. ``key`` identifies the month's payment, so every retry has the same one."""

    key: Id
    customer_id: Id
    method: CardOnFile
    period: Period
    amount_minor: Minor
    currency: Code


class Payment(Model):
    """A payment at the processor of ``rail``. The codes are the processor's; ``payer_id`` is its id of the customer."""

    rail: Code
    payment_id: Id
    status: PaymentStatus
    amount_minor: Minor
    currency: Code
    payer_id: Id
    created_at: Instant
    code: Words = ""
    decline_code: Words = ""
    advice_code: Words = ""
    attempt_id: Id = ""  # the last try; "" before the first
    authenticate_url: Url = ""  # where the customer authenticates a waiting payment; leads back to return_url
    return_url: Url = ""
    reversed: bool = False  # partly or wholly refunded or disputed
    key: Line = ""  # this and the next three from the metadata that we wrote; "" in payments that we did not create
    customer_id: Line = ""
    period: Line = ""  # of an order's payment, the month in which it is reconciled
    order: Line = ""  # by the number, also if it pays a fee for it; "": it is for the month
    by_link: bool = False  # paid at the page of a payment link
    paid_at: Instant | None = None  # by the processor's clock; None: not paid, or not looked up

    def incoming(self, at: datetime) -> IncomingPayment:
        """The money that this payment, which has succeeded, brought; it was known ``at``."""
        return IncomingPayment(
            rail=self.rail,
            reference=self.payment_id,
            customer_id=self.customer_id or None,
            subject=Subject.order(self.order) if self.order else Subject.month(Period(self.period)),
            amount_minor=self.amount_minor,
            currency=self.currency,
            paid_at=self.paid_at or at,
        )


class ReversalKind(StrEnum):
    REFUND = "refund"
    DISPUTE = "dispute"


class ReversalStatus(StrEnum):
    ASKED = "asked"  # undecided; we still have the money
    PENDING = "pending"  # undecided; the money is withheld
    RETURNED = "returned"  # decided; the customer has the money
    KEPT = "kept"  # decided; we keep the money

    @property
    def is_decided(self) -> bool:
        return self in (ReversalStatus.RETURNED, ReversalStatus.KEPT)

    @property
    def has_moved(self) -> bool:
        return self in (ReversalStatus.PENDING, ReversalStatus.RETURNED)


class Reversal(Model):
    """A refund or a dispute of a payment. ``code`` is the processor's status of it."""

    reversal_id: Id
    payment_id: Id
    kind: ReversalKind
    amount_minor: Minor
    currency: Code
    status: ReversalStatus
    code: Code
    reason: Words = ""
    created_at: Instant

    def incoming(self, payment: Payment, reference: str, amount_minor: int, at: datetime) -> IncomingPayment:
        """The money that a step of this reversal moved: ``amount_minor`` is below 0 if it went back to the customer."""
        return payment.incoming(at).evolve(
            reference=reference,
            kind=PaymentKind.REFUND if self.kind is ReversalKind.REFUND else PaymentKind.CHARGEBACK,
            amount_minor=amount_minor,
            currency=self.currency,
            paid_at=at,
            original=PaymentName.of(payment.rail, payment.payment_id),
            reason=self.reason or None,
        )


class PaymentEvent(Model):
    """An event from a processor's webhook. Not trusted: its object is looked up before anything is done."""

    event_id: Line
    type: Id
    object_id: Id
    payment_id: Id = ""  # "": not about a payment
    created_at: Instant


class ChargeStatus(StrEnum):
    """The final outcomes of a charge. Everything else is an error: retried, or left to a person."""

    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    AUTHENTICATION_REQUIRED = "authentication_required"
    NEEDS_CARD = "needs_card"
    TOO_SMALL = "too_small"
    CANCELED = "canceled"  # nothing was charged, nor can be by this payment
    SETTLED = "settled"  # as CANCELED: money of another rail had paid before


class ChargeResult(Model):
    """The outcome of a charge; ``at`` is the instant at which it became known."""

    status: ChargeStatus
    at: Instant
    payment_id: Id = ""
    code: Words = ""
    decline_code: Words = ""
    advice_code: Words = ""
    attempt_id: Id = ""


class Charged(ChargeResult):
    """The answer of a month's charge. ``closed``: the month is closed on record, and its receipt is sent."""

    closed: bool

    @property
    def result(self) -> ChargeResult:
        """The outcome alone, as the month stores it."""
        return ChargeResult.model_validate(self.model_dump(exclude={"closed"}))


def keep_one(payments: list[Payment], request: PaymentRequest) -> Payment | None:
    """The payment to continue with: succeeded before processing before the oldest. None if there are no payments.

    Raises ``PaymentMismatch`` if it differs from the request, or if several moved money or all were cancelled.
    """
    usable = [payment for payment in payments if payment.status is not PaymentStatus.CANCELED]
    rank = {PaymentStatus.SUCCEEDED: 0, PaymentStatus.PROCESSING: 1}
    moving = [payment.payment_id for payment in usable if payment.status in rank]
    month = f"{request.customer_id}, {request.period}"
    if len(moving) > 1:
        raise PaymentMismatch(
            f"{month} has been charged more than once: {', '.join(moving)}; "
            "refund all but one, then skip the month: it closes as paid"
        )
    if not payments:
        return None
    if not usable:
        raise PaymentMismatch(
            f"{payments[0].payment_id} of {month} was cancelled at the processor; find out by whom, then skip the month"
        )
    chosen = min(usable, key=lambda payment: (rank.get(payment.status, 2), payment.created_at, payment.payment_id))
    check_announced(chosen, request)
    return chosen


def check_announced(payment: Payment, request: PaymentRequest) -> None:
    """Raises ``PaymentMismatch`` if amount, currency or payer differ from the request."""
    actual = (payment.amount_minor, payment.currency, payment.payer_id)
    announced = (request.amount_minor, request.currency, request.method.payer_id)
    if actual != announced:
        raise PaymentMismatch(
            f"{payment.payment_id} of {request.customer_id}, {request.period} is {actual}, "
            f"but {announced} was announced; compare both before anything else is charged"
        )
