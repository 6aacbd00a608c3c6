"""From Stripe's objects to ours. Anything but the object that was asked for is no answer: ``TypeError``."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, TypeVar

from stripe import Charge, Dispute, ListObject, PaymentIntent, Refund, StripeObject

from billing.customers.card_vault import CardDetails
from billing.errors import CardMissing, PaymentMismatch
from billing.payments.payment import Payment, PaymentStatus, Reversal, ReversalKind, ReversalStatus
from billing.payments.rails import CARDS

RAIL = CARDS
PAGE_SIZE = 100  # Stripe's maximum

_UNTRIED = "requires_payment_method"  # or refused: the card is taken off again
_STATUSES = {
    _UNTRIED: PaymentStatus.NEW,
    "requires_confirmation": PaymentStatus.NEW,
    "requires_action": PaymentStatus.AUTHENTICATION_REQUIRED,
    "processing": PaymentStatus.PROCESSING,
    "succeeded": PaymentStatus.SUCCEEDED,
    "canceled": PaymentStatus.CANCELED,
}

_REVERSALS = {
    **dict.fromkeys(("requires_action", "warning_needs_response", "warning_under_review"), ReversalStatus.ASKED),
    **dict.fromkeys(("pending", "needs_response", "under_review"), ReversalStatus.PENDING),
    **dict.fromkeys(("succeeded", "lost"), ReversalStatus.RETURNED),
    **dict.fromkeys(("failed", "canceled", "won", "warning_closed", "prevented"), ReversalStatus.KEPT),
}

T = TypeVar("T", bound=StripeObject)


def expect(kind: type[T], answer: object) -> T:
    """The SDK hands over whatever JSON came."""
    if not isinstance(answer, kind):
        raise TypeError(f"{type(answer).__name__} is no {kind.__name__}")
    return answer


async def each(kind: type[T], answer: object) -> AsyncIterator[T]:
    """The objects of a list, page after page."""
    page = expect(ListObject, answer)
    if "data" not in page:
        raise TypeError("no list")  # which the SDK would go through as an empty one
    async for found in page.auto_paging_iter():
        yield expect(kind, found)


def payment_of(answer: object) -> Payment:
    """Any payment of the account. In a state that we do not know its money may be on its way: ``PROCESSING``.

    Whether it was ``reversed``, only one whose ``latest_charge`` is expanded can tell.
    """
    intent = expect(PaymentIntent, answer)
    ours = intent.metadata.to_dict()
    by_link = ours.keys() >= {"billing_key", "rail"}
    charge = intent.latest_charge
    page = (intent.to_dict().get("next_action") or {}).get("redirect_to_url") or {}  # the bank's
    payment = Payment(
        rail=ours["rail"] if by_link else RAIL,
        payment_id=intent.id,
        status=_STATUSES.get(intent.status, PaymentStatus.PROCESSING),
        amount_minor=intent.amount,
        currency=intent.currency,
        payer_id=_id(intent.customer),
        created_at=_instant(intent.created),
        attempt_id=_id(charge),
        authenticate_url=page.get("url") or "",
        return_url=page.get("return_url") or "",
        reversed=isinstance(charge, Charge) and (charge.disputed or charge.amount_refunded > 0),
        key=ours.get("billing_key", ""),
        customer_id=ours.get("customer_id", ""),
        period=ours.get("period", ""),
        order=ours.get("order", ""),
        by_link=by_link,
    )
    if by_link and isinstance(charge, Charge) and charge.paid:
        payment = payment.evolve(paid_at=_instant(charge.created))  # of a month's charge our own clock counts
    failure = intent.last_payment_error
    if intent.status == _UNTRIED and (failure or payment.attempt_id):
        return failed(payment, failure.to_dict() if failure else {})  # Stripe forgets the failure at any update
    return payment


def own_payment(answer: object, about: str) -> Payment:
    """A payment that we made. Raises ``PaymentMismatch`` if it is in a state that ours do not get into."""
    intent = expect(PaymentIntent, answer)
    if intent.status not in _STATUSES:
        raise PaymentMismatch(
            f"{about}: {intent.id} is not as we made it ({intent.status}); find out who changed it at Stripe"
        )
    return payment_of(intent)


def failed(payment: Payment, failure: dict[str, Any]) -> Payment:
    """The payment after a refusal, with the codes that Stripe gives for it."""
    codes = {name: failure.get(name) or "" for name in ("code", "decline_code", "advice_code")}
    authentication = "authentication_required" in codes.values()
    status = PaymentStatus.AUTHENTICATION_REQUIRED if authentication else PaymentStatus.DECLINED
    return payment.evolve(status=status, **codes)


def reversal_of(payment_id: str, found: Refund | Dispute) -> Reversal:
    """A refund in a state that we do not know has moved no money yet; a dispute has."""
    unknown = ReversalStatus.ASKED if isinstance(found, Refund) else ReversalStatus.PENDING
    return Reversal(
        reversal_id=found.id,
        payment_id=payment_id,
        kind=ReversalKind.REFUND if isinstance(found, Refund) else ReversalKind.DISPUTE,
        amount_minor=found.amount,
        currency=found.currency,
        status=_REVERSALS.get(found.status or "", unknown),
        code=found.status or "",
        reason=found.reason or "",
        created_at=_instant(found.created),
    )


def card_of(method: dict[str, Any]) -> CardDetails:
    """Raises ``CardMissing`` for a payment method that is no card, or nobody's."""
    if not method.get("customer") or not method.get("card"):
        raise CardMissing(f"{method['id']} is not a customer's card; register a card, then go on")
    return CardDetails(
        card_id=method["id"],
        payer_id=method["customer"],
        last4=method["card"]["last4"],
        created_at=datetime.fromtimestamp(method["created"], UTC),
    )


def _id(reference: str | StripeObject | None) -> str:
    """Stripe refers to an object by its id, or shows it whole."""
    return reference["id"] if isinstance(reference, StripeObject) else reference or ""


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
