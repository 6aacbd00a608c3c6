"""From Stripe's errors to ours: one table, whose completeness is tested; ``translated`` applies it to a block."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

import stripe
from stripe import CardError, InvalidRequestError
from stripe.oauth_error import OAuthError

from billing.errors import (
    AmountTooLarge,
    AmountTooSmall,
    BillingError,
    CardMissing,
    NotFound,
    PaymentBusy,
    PaymentError,
    PaymentForbidden,
    PaymentMismatch,
    PaymentRejected,
    PaymentUnknown,
)


class ErrorRule(NamedTuple):
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
            and (not self.codes or code_of(error) in self.codes)
            and (not self.params or getattr(error, "param", None) in self.params)
            and bool(re.search(self.message, str(error)))
        )


_MISSING = "resource_missing"
_BUSY = "Stripe is busy; the same request is sent again later"
_NO_ANSWER = "no answer from Stripe that can be trusted; it is asked again before anything else is done"
_NO_CARD = "Stripe does not know the customer or the card, or the card is not the customer's; register a card"

# Raised by API version 2, which the adapters do not use, and of webhooks, which are read without this table.
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
    ErrorRule((stripe.RateLimitError,), PaymentBusy, _BUSY),
    ErrorRule((stripe.APIError,), PaymentBusy, _BUSY, statuses=(409, 429)),
    # APIError: 5xx, and every body that is not Stripe's JSON, whatever its status. OAuthError: a body like a proxy's.
    ErrorRule((stripe.APIConnectionError, stripe.APIError, OAuthError), PaymentUnknown, _NO_ANSWER),
    ErrorRule(
        (stripe.AuthenticationError, stripe.PermissionError),
        PaymentForbidden,
        "Stripe refuses the API key; set one that may write payment intents, Checkout sessions and refunds, "
        "and read payment methods and disputes",
    ),
    ErrorRule(
        (stripe.IdempotencyError,),
        PaymentRejected,
        "our bug: one idempotency key, two different requests; charge nothing, tell the engineers",
    ),
    ErrorRule(
        (InvalidRequestError,),
        AmountTooSmall,
        "the amount is under Stripe's minimum; carry it forward",
        codes=("amount_too_small",),
    ),
    ErrorRule(
        (InvalidRequestError,),
        AmountTooLarge,
        "the amount is over Stripe's maximum; split the invoice, or charge by hand",
        codes=("amount_too_large",),
    ),
    ErrorRule(
        (InvalidRequestError,),
        PaymentMismatch,
        "the payment is not in this Stripe account; compare the API key with the one that created it",
        codes=(_MISSING,),
        params=("intent",),
    ),
    ErrorRule((InvalidRequestError,), CardMissing, _NO_CARD, codes=(_MISSING,)),
    ErrorRule(  # these have no code
        (InvalidRequestError,),
        CardMissing,
        _NO_CARD,
        message="must be attached to the customer|does not belong to|may not be used again",
    ),
    ErrorRule(
        (InvalidRequestError,),
        PaymentRejected,
        "all of the payment has gone back already; reconcile its month to take that in",
        codes=("charge_already_refunded",),
    ),
    ErrorRule(
        (InvalidRequestError,),
        PaymentRejected,
        "the customer disputes the payment at their bank, which decides; answer the dispute at Stripe",
        codes=("charge_disputed", "refund_disputed_payment"),
    ),
    ErrorRule(
        (InvalidRequestError,),
        PaymentRejected,
        "Stripe gives this payment back no more, perhaps because it is too old; give the money back by transfer",
        codes=("charge_not_refundable",),
    ),
    ErrorRule(
        (InvalidRequestError,),
        PaymentRejected,
        "the account at Stripe has not enough money; top it up, then ask for the refund again",
        codes=("balance_insufficient",),
    ),
    ErrorRule(
        (InvalidRequestError,),
        PaymentRejected,
        "Stripe has less left of the payment than that; reconcile its month, then look at the payment again",
        message="greater than unrefunded amount",
    ),
    ErrorRule(
        (InvalidRequestError, CardError, stripe.StripeErrorWithParamCode, *_OF_OTHER_APIS),
        PaymentRejected,
        "Stripe refuses the request; look its code up, then do it by hand, or skip the month",
    ),
    # httpx, json, asyncio, or an answer that lacks what we read from it
    ErrorRule((Exception,), PaymentUnknown, _NO_ANSWER),
)


@contextmanager
def translated(about: str) -> Iterator[None]:
    """Raises ours instead of whatever the SDK raises; ``about`` names customer and period."""
    try:
        yield
    except BillingError:
        raise
    except Exception as error:
        # from None: an SDK error quotes whole bodies and parts of keys, and a cause would reach Temporal's history
        raise translate(error, about) from None


@contextmanager
def looking_up(object_id: str) -> Iterator[None]:
    """As ``translated``, for an id that somebody else gave us. Raises ``NotFound`` if Stripe does not know it."""
    with translated(object_id):
        try:
            yield
        except InvalidRequestError as error:
            if error.http_status != 404 and code_of(error) != _MISSING:
                raise
            raise NotFound(f"{object_id} is not in this Stripe account; compare the id and the API key") from None


def translate(error: Exception, about: str) -> PaymentError:
    rule = next(rule for rule in RULES if rule.matches(error))
    translated = rule.becomes(f"{about}: {rule.advice} ({_evidence(error)})")
    seconds = _header(error, "retry-after")
    if rule.becomes is PaymentBusy and seconds.isdecimal():
        translated.retry_after = timedelta(seconds=int(seconds))
    return translated


def is_replayed_failure(error: Exception) -> bool:
    """Whether Stripe remembers, by the idempotency key, that this request has failed and not by what it asks."""
    return _header(error, "idempotent-replayed") == "true" and translate(error, "").retryable


def code_of(error: Exception) -> str:
    """The code in the body; the exception's own ``code`` lacks it for most classes."""
    body = getattr(error, "error", None)
    return getattr(body, "code", None) or getattr(error, "code", None) or ""


def _header(error: Exception, name: str) -> str:
    return str((getattr(error, "headers", None) or {}).get(name, ""))


def _evidence(error: Exception) -> str:
    """Enough to find the request in Stripe's dashboard, without a body, a key or card data."""
    found = [type(error).__name__, getattr(error, "http_status", None), code_of(error)]
    found += [getattr(error, "param", None), getattr(error, "request_id", None)]
    if isinstance(error, InvalidRequestError):  # speaks of what we sent: ids and amounts
        found.append(error.user_message)
    return ", ".join(str(each)[:200] for each in found if each)
