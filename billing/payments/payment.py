"""Payments in our own words: what is asked of a processor, and what became of it."""

from enum import StrEnum

from billing.errors import PaymentMismatch
from billing.model import Code, Id, Instant, Line, Minor, Model, Url, Words
from billing.payments.methods import PaymentMethod
from billing.period import Period


class PaymentStatus(StrEnum):
    NEW = "new"  # exists at the processor; no money has been asked for
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    AUTHENTICATION_REQUIRED = "authentication_required"
    CANCELED = "canceled"

    @property
    def is_triable(self) -> bool:
        """Whether the customer's payment method may still be tried for it."""
        return self in (PaymentStatus.NEW, PaymentStatus.DECLINED, PaymentStatus.AUTHENTICATION_REQUIRED)


class PaymentRequest(Model):
    """A charge as it was announced. ``key`` names the business attempt, never the technical one."""

    key: Id
    customer_id: Id
    method: PaymentMethod
    period: Period
    amount_minor: Minor
    currency: Code


class Payment(Model):
    """A payment as the processor knows it. Codes are the processor's own words; ``payer_id`` is its customer."""

    payment_id: Id
    status: PaymentStatus
    amount_minor: Minor
    currency: Code
    payer_id: Id
    created_at: Instant
    code: Words = ""
    decline_code: Words = ""
    advice_code: Words = ""
    attempt_id: Id = ""  # the last try to move the money; "" before the first
    authenticate_url: Url = ""  # where the customer authenticates it, if it waits for that; leads back to return_url
    return_url: Url = ""
    reversed: bool = False  # some of it was refunded or is disputed
    key: Line = ""  # whose it is, as we wrote it into the payment's metadata; "" if somebody else made it
    customer_id: Line = ""
    period: Line = ""


class ReversalKind(StrEnum):
    REFUND = "refund"
    DISPUTE = "dispute"


class ReversalStatus(StrEnum):
    """Whether it is decided, and whether the money is gone."""

    ASKED = "asked"  # for people to decide; the money is here
    PENDING = "pending"  # not decided, and gone meanwhile
    RETURNED = "returned"  # decided, and gone
    KEPT = "kept"  # decided, and here

    @property
    def is_decided(self) -> bool:
        return self in (ReversalStatus.RETURNED, ReversalStatus.KEPT)

    @property
    def has_moved(self) -> bool:
        return self in (ReversalStatus.PENDING, ReversalStatus.RETURNED)


class Reversal(Model):
    """Money that goes back, or may: a refund or a dispute of a payment. ``code`` is the processor's word for it."""

    reversal_id: Id
    payment_id: Id
    kind: ReversalKind
    amount_minor: Minor
    currency: Code
    status: ReversalStatus
    code: Code
    reason: Words = ""
    created_at: Instant


class PaymentEvent(Model):
    """What a processor's webhook says has happened. Never believed: its object is looked up before anything is done."""

    event_id: Line
    type: Id
    object_id: Id
    payment_id: Id = ""  # of the payment that it is about, if it is about one
    created_at: Instant


class ChargeStatus(StrEnum):
    """How a charge ended for this month. Everything else is an error: tried again, or a person's."""

    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    AUTHENTICATION_REQUIRED = "authentication_required"
    NEEDS_CARD = "needs_card"
    TOO_SMALL = "too_small"
    CANCELED = "canceled"  # nothing was charged, and by this payment nothing can be any more


class ChargeResult(Model):
    """The known outcome of a charge, and since when it is known."""

    status: ChargeStatus
    at: Instant
    payment_id: Id = ""
    code: Words = ""
    decline_code: Words = ""
    advice_code: Words = ""
    attempt_id: Id = ""


class Charged(ChargeResult):
    """The outcome as the month's charge answers it; ``closed``: it is on record with the month and the receipt left."""

    closed: bool

    @property
    def result(self) -> ChargeResult:
        """What the month keeps."""
        return ChargeResult.model_validate(self.model_dump(exclude={"closed"}))


def keep_one(payments: list[Payment], request: PaymentRequest) -> Payment | None:
    """Of all payments made for ``request``, the one to go on with: succeeded wins, then processing, then the oldest.

    Raises ``PaymentMismatch`` if it is not as announced, or if all were cancelled behind our back.
    """
    order = [PaymentStatus.SUCCEEDED, PaymentStatus.PROCESSING]
    usable = [payment for payment in payments if payment.status is not PaymentStatus.CANCELED]
    moving = [payment.payment_id for payment in usable if payment.status in order]
    if len(moving) > 1:
        raise PaymentMismatch(
            f"{request.customer_id}, {request.period} has been charged more than once: "
            f"{', '.join(moving)}; refund all but one, then skip the month: it closes as paid"
        )
    if payments and not usable:
        raise PaymentMismatch(
            f"{payments[0].payment_id} of {request.customer_id}, {request.period} was cancelled at the "
            "processor; find out by whom, then skip the month"
        )
    if not usable:
        return None
    kept = min(
        usable,
        key=lambda payment: (
            order.index(payment.status) if payment.status in order else len(order),
            payment.created_at,
            payment.payment_id,
        ),
    )
    check_announced(kept, request)
    return kept


def check_announced(payment: Payment, request: PaymentRequest) -> None:
    """Raises ``PaymentMismatch`` if the payment asks another amount, or another payer, than was announced."""
    asked = (payment.amount_minor, payment.currency, payment.payer_id)
    announced = (request.amount_minor, request.currency, request.method.payer_id)
    if asked != announced:
        raise PaymentMismatch(
            f"{payment.payment_id} of {request.customer_id}, {request.period} says {asked}, "
            f"announced was {announced}; compare both before anything else is charged"
        )
