"""Cards by Stripe: a payment intent is created, then confirmed; one table turns Stripe's errors into ours.

    gateway = StripePayments.connect("sk_live_...")     # inside of the event loop that will use it
    await gateway.ping()                                # does Stripe take the key?

Nothing is tried again here: whoever calls decides, by the error's class (see ``billing/errors.py``).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import stripe
from stripe import CardError, HTTPXClient, InvalidRequestError, ListObject, PaymentIntent, PaymentMethod
from stripe.oauth_error import OAuthError

from billing.errors import (
    AmountTooLarge,
    AmountTooSmall,
    BillingError,
    CardMissing,
    PaymentBusy,
    PaymentError,
    PaymentForbidden,
    PaymentMismatch,
    PaymentRejected,
    PaymentUnknown,
)
from billing.keys import create_key
from billing.payment import Payment, PaymentRequest, PaymentStatus, keep_one
from billing.ports import CardDetails

API_VERSION = "2026-10-28.endive"
TIMEOUT_SECONDS = 30.0
PAGE_SIZE = 100  # Stripe's maximum

_STATUSES = {
    "requires_confirmation": PaymentStatus.NEW,
    "requires_action": PaymentStatus.AUTHENTICATION_REQUIRED,
    "processing": PaymentStatus.PROCESSING,
    "succeeded": PaymentStatus.SUCCEEDED,
    "canceled": PaymentStatus.CANCELED,
}
_UNEXPECTED_STATE = "payment_intent_unexpected_state"


class StripePayments:
    """The card processor, as ``billing.ports.PaymentGateway``; every error it raises is a ``PaymentError``."""

    def __init__(self, client: stripe.StripeClient, http: HTTPXClient) -> None:
        self._http = http
        self._intents = client.v1.payment_intents
        self._methods = client.v1.payment_methods

    @classmethod
    def connect(cls, api_key: str, base_url: str | None = None) -> "StripePayments":
        """A gateway for the running event loop; ``base_url`` is a local stand-in. Sends nothing yet."""
        http = HTTPXClient(timeout=TIMEOUT_SECONDS)
        client = stripe.StripeClient(
            api_key,
            http_client=http,
            max_network_retries=0,
            stripe_version=API_VERSION,
            base_addresses={"api": base_url.rstrip("/")} if base_url else {},
        )
        return cls(client, http)

    async def close(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def ping(self) -> None:
        """Asks Stripe for any one payment. Raises ``PaymentForbidden`` if the key is wrong."""
        with _translated("the check of the connection"):
            _page(await self._intents.list_async({"limit": 1}))

    async def find(self, request: PaymentRequest) -> list[Payment]:
        """All payments of the customer that carry the request's key, however old: a rehearsal's clock runs ahead."""
        about, customer = _about(request), request.customer.stripe_customer_id
        with _translated(about):
            page = _page(await self._intents.list_async({"customer": customer, "limit": PAGE_SIZE}))
            intents = [_expect(PaymentIntent, intent) async for intent in page.auto_paging_iter()]
            return [
                _payment(intent, about)
                for intent in intents
                if intent.metadata.to_dict().get("billing_key") == request.key
            ]

    async def create(self, request: PaymentRequest) -> Payment:
        """A payment intent that waits for ``confirm``; the idempotency key makes a repeat answer the same one."""
        about = _about(request)
        with _translated(about):
            intent = await self._intents.create_async(
                {
                    "amount": request.amount_minor,
                    "currency": request.currency,
                    "customer": request.customer.stripe_customer_id,
                    "payment_method": request.customer.payment_method_id,
                    "allowed_payment_method_types": ["card"],
                    "description": f"Monthly billing {request.period}",
                    "metadata": {
                        "billing_key": request.key,
                        "customer_id": request.customer.customer_id,
                        "period": request.period,
                    },
                },
                {"idempotency_key": create_key(request.key)},
            )
            return _payment(intent, about)

    async def confirm(self, payment: Payment, request: PaymentRequest) -> Payment:
        """Charges the card if that was not tried before, and answers what became of the payment.

        Raises ``PaymentMismatch`` rather than charge another amount or customer than announced.
        """
        about = _about(request)
        with _translated(about):
            current = await self._current(payment.payment_id, about)
            if current.status is not PaymentStatus.NEW:
                return current
            keep_one([current], request)
            try:
                confirmed = await self._intents.confirm_async(
                    payment.payment_id,
                    {"payment_method": request.customer.payment_method_id, "off_session": True},
                )
            except CardError as refusal:
                return _refused(await self._current(payment.payment_id, about), refusal)
            except InvalidRequestError as error:
                if _code(error) != _UNEXPECTED_STATE:
                    raise
                return await self._current(payment.payment_id, about)  # somebody else was faster
            return _payment(confirmed, about)

    async def cancel(self, payment: Payment) -> None:
        """Cancels the payment intent. Raises ``PaymentMismatch`` for one that moved money, or may have."""
        about = f"{payment.payment_id} of {payment.stripe_customer_id}"
        with _translated(about):
            try:
                current = _payment(await self._intents.cancel_async(payment.payment_id), about)
            except InvalidRequestError as error:
                if _code(error) != _UNEXPECTED_STATE:
                    raise
                current = await self._current(payment.payment_id, about)
            if current.status is not PaymentStatus.CANCELED:
                raise PaymentMismatch(
                    f"{about} cannot be cancelled, it is {current.status}; refund it if the customer paid twice"
                )

    async def card(self, payment_method_id: str) -> CardDetails:
        with _translated(f"payment method {payment_method_id}"):
            method = _expect(PaymentMethod, await self._methods.retrieve_async(payment_method_id))
            details = method.to_dict()
            card = details.get("card")
            if not details.get("customer") or not card:
                raise CardMissing(f"{payment_method_id} is not a customer's card; register a card, then go on")
            return CardDetails(
                payment_method_id=method.id,
                stripe_customer_id=details["customer"],
                last4=card["last4"],
            )

    async def _current(self, payment_id: str, about: str) -> Payment:
        return _payment(await self._intents.retrieve_async(payment_id), about)


# -- from Stripe's objects to ours

T = TypeVar("T")


def _about(request: PaymentRequest) -> str:
    return f"{request.customer.customer_id}, {request.period}"


def _expect(kind: type[T], answer: object) -> T:
    """The SDK hands over whatever JSON came; anything but the object that was asked for is no answer."""
    if not isinstance(answer, kind):
        raise TypeError(f"{type(answer).__name__} is no {kind.__name__}")
    return answer


def _page(answer: ListObject[PaymentIntent]) -> ListObject[PaymentIntent]:
    if not isinstance(answer, ListObject) or "data" not in answer:
        raise TypeError("no list")  # which the SDK would go through as an empty one
    return answer


def _payment(answer: object, about: str) -> Payment:
    intent = _expect(PaymentIntent, answer)
    failure = intent.last_payment_error if intent.status == "requires_payment_method" else None
    payment = Payment(
        payment_id=intent.id,
        status=PaymentStatus.DECLINED if failure else _status(intent, about),
        amount_minor=intent.amount,
        currency=intent.currency,
        stripe_customer_id=str(intent.customer or ""),
        created_at=datetime.fromtimestamp(intent.created, UTC),
    )
    return _failed(payment, failure.to_dict()) if failure else payment


def _status(intent: PaymentIntent, about: str) -> PaymentStatus:
    if intent.status in _STATUSES:
        return _STATUSES[intent.status]
    if intent.status in ("requires_payment_method", "requires_capture"):
        raise PaymentMismatch(  # ours have a card from the start, and are captured at once
            f"{about}: {intent.id} is not as we made it ({intent.status}); find out who changed it at Stripe"
        )
    raise PaymentRejected(f"{about}: {intent.id} is {intent.status}, which we do not know; look it up at Stripe")


def _failed(payment: Payment, failure: dict[str, Any]) -> Payment:
    codes = {name: failure.get(name) or "" for name in ("code", "decline_code", "advice_code")}
    authentication = "authentication_required" in codes.values()
    status = PaymentStatus.AUTHENTICATION_REQUIRED if authentication else PaymentStatus.DECLINED
    return payment.evolve(status=status, **codes)


def _refused(current: Payment, refusal: CardError) -> Payment:
    """The payment after a 402. Stripe may refuse a card without recording an attempt on the intent."""
    if current.status is not PaymentStatus.NEW:
        return current
    if refusal.error is None or refusal.error.type != "card_error":
        raise refusal
    return _failed(current, refusal.error.to_dict())


# -- from Stripe's errors to ours


class Rule(NamedTuple):
    """A line of the table: which errors (empty: any status, code, parameter, message), what they become, what next."""

    raised: tuple[type[Exception], ...]
    becomes: type[PaymentError]
    advice: str
    statuses: tuple[int, ...] = ()
    codes: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    message: str = ""

    def matches(self, error: Exception) -> bool:
        return (
            isinstance(error, self.raised)
            and (not self.statuses or getattr(error, "http_status", None) in self.statuses)
            and (not self.codes or _code(error) in self.codes)
            and (not self.params or getattr(error, "param", None) in self.params)
            and bool(re.search(self.message, str(error)))
        )


_BUSY = "Stripe is busy; the same request is sent again later"
_NO_ANSWER = "no answer from Stripe that can be trusted; it is asked again before anything else is done"
_NO_CARD = "Stripe does not know the customer or the card, or the card is not the customer's; register a card"

# Raised by API version 2 and by webhooks, which this adapter does not use.
_OF_OTHER_APIS = (
    stripe.AlreadyCanceledError,
    stripe.BlockedByStripeError,
    stripe.CannotProceedError,
    stripe.CapabilityNotEnabledError,
    stripe.ControlledByAlternateResourceError,
    stripe.FeatureNotEnabledError,
    stripe.FinancialAccountNotOpenError,
    stripe.FxQuoteNeedsRefreshError,
    stripe.InsufficientFundsError,
    stripe.InvalidPaymentMethodError,
    stripe.InvalidPayoutMethodError,
    stripe.InvalidVaultedCredentialError,
    stripe.NotCancelableError,
    stripe.QuotaExceededError,
    stripe.RecipientNotNotifiableError,
    stripe.SignatureVerificationError,
    stripe.TemporarySessionExpiredError,
    stripe.VerificationAttemptFailedError,
    stripe.VerificationExpiredError,
    stripe.VerificationNotInitiatedError,
)

RULES = (  # the first that matches decides
    Rule((stripe.RateLimitError,), PaymentBusy, _BUSY),
    Rule((stripe.APIError,), PaymentBusy, _BUSY, statuses=(409, 429)),
    # APIError: 5xx, and every body that is not Stripe's JSON, whatever its status. OAuthError: a body like a proxy's.
    Rule((stripe.APIConnectionError, stripe.APIError, OAuthError), PaymentUnknown, _NO_ANSWER),
    Rule(
        (stripe.AuthenticationError, stripe.PermissionError),
        PaymentForbidden,
        "Stripe refuses the API key; set one that may write payment intents and read payment methods",
    ),
    Rule(
        (stripe.IdempotencyError,),
        PaymentRejected,
        "our bug: one idempotency key, two different requests; charge nothing, tell the engineers",
    ),
    Rule(
        (InvalidRequestError,),
        AmountTooSmall,
        "the amount is under Stripe's minimum; carry it forward",
        codes=("amount_too_small",),
    ),
    Rule(
        (InvalidRequestError,),
        AmountTooLarge,
        "the amount is over Stripe's maximum; split the invoice, or charge by hand",
        codes=("amount_too_large",),
    ),
    Rule(
        (InvalidRequestError,),
        PaymentMismatch,
        "the payment is not in this Stripe account; compare the API key with the one that created it",
        codes=("resource_missing",),
        params=("intent",),
    ),
    Rule((InvalidRequestError,), CardMissing, _NO_CARD, codes=("resource_missing",)),
    Rule(  # these have no code
        (InvalidRequestError,),
        CardMissing,
        _NO_CARD,
        message="must be attached to the customer|does not belong to|may not be used again",
    ),
    Rule(
        (InvalidRequestError, CardError, stripe.StripeErrorWithParamCode, *_OF_OTHER_APIS),
        PaymentRejected,
        "Stripe refuses the request; look its code up, then charge by hand or skip the month",
    ),
    # httpx, json, asyncio, or an answer that lacks what we read from it
    Rule((Exception,), PaymentUnknown, _NO_ANSWER),
)


def translate(error: Exception, about: str) -> PaymentError:
    """Our error for whatever the SDK raised; ``about`` names customer and period."""
    rule = next(rule for rule in RULES if rule.matches(error))
    translated = rule.becomes(f"{about}: {rule.advice} ({_evidence(error)})")
    seconds = str((getattr(error, "headers", None) or {}).get("retry-after", ""))
    if rule.becomes is PaymentBusy and seconds.isdecimal():
        translated.retry_after = timedelta(seconds=int(seconds))
    return translated


@contextmanager
def _translated(about: str) -> Iterator[None]:
    try:
        yield
    except BillingError:
        raise
    except Exception as error:
        # from None: an SDK error quotes whole bodies and parts of keys, and a cause would reach Temporal's history
        raise translate(error, about) from None


def _code(error: Exception) -> str:
    """The code in the body; the exception's own ``code`` lacks it for most classes."""
    body = getattr(error, "error", None)
    return getattr(body, "code", None) or getattr(error, "code", None) or ""


def _evidence(error: Exception) -> str:
    """Enough to find the request in Stripe's dashboard, without a body, a key or card data."""
    found = [type(error).__name__, getattr(error, "http_status", None), _code(error)]
    found += [getattr(error, "param", None), getattr(error, "request_id", None)]
    if isinstance(error, InvalidRequestError):  # speaks of what we sent: ids and amounts
        found.append(error.user_message)
    return ", ".join(str(each)[:200] for each in found if each)
