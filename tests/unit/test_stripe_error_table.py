"""Every error of the installed Stripe SDK becomes one of ours, and the right one."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import stripe

from adapters.stripe.errors import RULES, is_replayed_failure, looking_up, translate
from adapters.stripe.payments import API_VERSION
from billing import errors

KEY = "sk_live_51Secret"


def subclasses(base: type[Exception]) -> Iterator[type[Exception]]:
    for kind in base.__subclasses__():
        yield kind
        yield from subclasses(kind)


def answered(kind: type[Exception], status: int, **details: str) -> Exception:
    """The exception as the SDK builds it from a JSON body."""
    body = {"error": {"message": "Stripe's words", **details}}
    error: Any = kind.__new__(kind)
    stripe.StripeError.__init__(error, "Stripe's words", json.dumps(body), status, body, {"request-id": "req_1"})
    error.param = details.get("param")
    assert isinstance(error, Exception)
    return error


@pytest.mark.parametrize(
    "kind", list(subclasses(stripe.StripeError)), ids=lambda kind: f"{kind.__module__}.{kind.__name__}"
)
def test_every_exception_class_of_the_sdk_is_in_the_table(kind: type[Exception]) -> None:
    named = [rule for rule in RULES if rule.raised != (Exception,) and issubclass(kind, rule.raised)]
    assert named, f"{kind.__name__} is new in the SDK: add it to RULES"
    assert isinstance(translate(answered(kind, 418), "ann, 2026-11"), errors.PaymentError)


@pytest.mark.parametrize(
    ("kind", "status", "details", "expected"),
    [
        (stripe.APIConnectionError, 0, {}, errors.PaymentUnknown),
        (stripe.APIError, 500, {}, errors.PaymentUnknown),
        (stripe.APIError, 502, {}, errors.PaymentUnknown),
        (stripe.APIError, 200, {}, errors.PaymentUnknown),
        (stripe.APIError, 402, {}, errors.PaymentUnknown),  # a 402 that is not Stripe's JSON is no decline
        (stripe.APIError, 409, {"code": "idempotency_key_in_use"}, errors.PaymentBusy),
        (stripe.APIError, 409, {}, errors.PaymentBusy),
        (stripe.APIError, 429, {}, errors.PaymentBusy),
        (stripe.RateLimitError, 429, {"code": "lock_timeout"}, errors.PaymentBusy),
        (stripe.RateLimitError, 400, {"code": "rate_limit"}, errors.PaymentBusy),
        (stripe.IdempotencyError, 400, {"type": "idempotency_error"}, errors.PaymentRejected),
        (stripe.AuthenticationError, 401, {}, errors.PaymentForbidden),
        (stripe.PermissionError, 403, {}, errors.PaymentForbidden),
        (stripe.InvalidRequestError, 400, {"code": "amount_too_small"}, errors.AmountTooSmall),
        (stripe.InvalidRequestError, 400, {"code": "amount_too_large"}, errors.AmountTooLarge),
        (stripe.InvalidRequestError, 400, {"code": "resource_missing", "param": "customer"}, errors.CardMissing),
        (stripe.InvalidRequestError, 404, {"code": "resource_missing", "param": "intent"}, errors.PaymentMismatch),
        (stripe.InvalidRequestError, 400, {"code": "parameter_unknown"}, errors.PaymentRejected),
        (stripe.InvalidRequestError, 400, {"code": "payment_intent_unexpected_state"}, errors.PaymentRejected),
        (stripe.CardError, 402, {"code": "card_declined"}, errors.PaymentRejected),  # an answer to confirm only
    ],
)
def test_table(kind: type[Exception], status: int, details: dict[str, str], expected: type[Exception]) -> None:
    translated = translate(answered(kind, status, **details), "ann, 2026-11")
    assert type(translated) is expected
    assert "ann, 2026-11: " in str(translated)
    assert "req_1" in str(translated)
    assert details.get("code", "") in str(translated)


@pytest.mark.parametrize(
    "message",
    [
        "The customer does not have a payment method with the ID pm_1. The payment method must be attached to the "
        "customer.",
        "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with "
        "a connected account without Customer attachment, or was detached from a Customer. It may not be used again.",
    ],
)
def test_card_that_is_not_the_customers_is_missing_though_stripe_gives_no_code(message: str) -> None:
    error = stripe.InvalidRequestError(message, "payment_method", http_status=400)
    assert type(translate(error, "ann, 2026-11")) is errors.CardMissing


@pytest.mark.parametrize(
    "leaked",
    [
        httpx.ReadTimeout("late"),
        TimeoutError(),
        json.JSONDecodeError("no", "<html>", 0),
        AttributeError("id"),
        KeyError(1),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_else_the_sdk_lets_through_leaves_the_payment_unknown(leaked: Exception) -> None:
    assert type(translate(leaked, "ann, 2026-11")) is errors.PaymentUnknown


@pytest.mark.parametrize(("header", "wait"), [("7", timedelta(seconds=7)), ("soon", None), ("", None)])
def test_busy_says_when_to_come_back_if_stripe_does(header: str, wait: timedelta | None) -> None:
    headers: Any = httpx.Headers({"Retry-After": header})  # what HTTPXClient hands over, whatever the annotation says
    error = stripe.RateLimitError("slow down", http_status=429, headers=headers)
    assert translate(error, "ann, 2026-11").retry_after == wait


@pytest.mark.parametrize(
    ("kind", "status", "replayed", "expected"),
    [
        (stripe.APIError, 500, "true", True),
        (stripe.APIError, 409, "true", True),
        (stripe.RateLimitError, 429, "true", True),
        (stripe.APIError, 500, "", False),
        (stripe.InvalidRequestError, 400, "true", False),
        (stripe.CardError, 402, "true", False),
    ],
)
def test_remembered_failure_is_one_that_a_new_request_may_not_have(
    kind: type[Exception], status: int, replayed: str, expected: bool
) -> None:
    error: Any = answered(kind, status)
    error.headers = httpx.Headers({"Idempotent-Replayed": replayed})
    assert is_replayed_failure(error) == expected


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "resource_missing", errors.NotFound),
        (400, "resource_missing", errors.NotFound),
        (404, "", errors.NotFound),
        (400, "parameter_unknown", errors.PaymentRejected),
    ],
)
def test_id_from_outside_that_stripe_does_not_know_is_not_found(
    status: int, code: str, expected: type[Exception]
) -> None:
    with pytest.raises(expected, match="re_1"), looking_up("re_1"):
        raise answered(stripe.InvalidRequestError, status, code=code)


def test_neither_key_nor_body_is_told() -> None:
    for kind in (stripe.AuthenticationError, stripe.PermissionError, stripe.APIError, stripe.APIConnectionError):
        error = kind(f"Invalid API Key provided: {KEY}", http_body=f"<html>{KEY}</html>", http_status=401)
        assert KEY not in str(translate(error, "ann, 2026-11"))


def test_pinned_api_version_is_the_one_the_sdk_was_made_for() -> None:
    assert stripe.api_version == API_VERSION
