"""From WayForPay's errors to ours: one table of its reason codes, whose completeness is tested, and what httpx raises.

Codes that are not in the table say nothing certain: the outcome is looked up.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import IntEnum
from typing import NamedTuple

import httpx

from billing.errors import (
    AmountTooLarge,
    BillingError,
    NotFound,
    PaymentBusy,
    PaymentForbidden,
    PaymentRejected,
    PaymentUnknown,
    RequestSpent,
    RequestTaken,
)


class Reason(IntEnum):
    """The reason codes that WayForPay documents."""

    OK = 1100
    DECLINED_BY_BANK = 1101
    BAD_CVV2 = 1102
    EXPIRED_CARD = 1103
    INSUFFICIENT_FUNDS = 1104
    INVALID_CARD = 1105
    LIMIT_EXCEEDED = 1106
    THREE_DS_FAILED = 1108
    FORMAT = 1109
    WRONG_DATE = 1115
    DUPLICATE = 1112
    SIGNATURE = 1113
    REFUND_NOT_ALLOWED = 1123
    SESSION_EXPIRED = 1124
    CANCELLED_BY_PAYER = 1125
    ORDER_NOT_FOUND = 1127
    REFUND_LIMIT = 1128
    WRONG_AMOUNT = 1130
    IN_PROCESSING = 1131
    PENDING = 1134
    BALANCE_TOO_SMALL = 1136
    REFUND_IN_PROCESSING = 1138
    NO_PARTIAL_VOID = 1141
    REGULAR_OK = 4100
    THREE_DS_AWAITED = 5100


class ErrorRule(NamedTuple):
    """A line of the table: what an answer with the code becomes, and what to do next. None: it is no error."""

    becomes: type[BillingError] | None
    advice: str


_OF_A_CARD = ErrorRule(PaymentRejected, "the payer's bank or card refuses; the payer tries another card")
_UNDER_WAY = ErrorRule(RequestTaken, "WayForPay is still at it; ask again later")
_NO_ANSWER = "no answer from WayForPay that can be trusted; it is asked again before anything else is done"

RULES: dict[Reason, ErrorRule] = {
    Reason.OK: ErrorRule(None, ""),
    Reason.REGULAR_OK: ErrorRule(None, ""),
    Reason.DECLINED_BY_BANK: _OF_A_CARD,
    Reason.BAD_CVV2: _OF_A_CARD,
    Reason.EXPIRED_CARD: _OF_A_CARD,
    Reason.INSUFFICIENT_FUNDS: _OF_A_CARD,
    Reason.INVALID_CARD: _OF_A_CARD,
    Reason.LIMIT_EXCEEDED: _OF_A_CARD,
    Reason.THREE_DS_FAILED: _OF_A_CARD,
    Reason.SESSION_EXPIRED: _OF_A_CARD,
    Reason.CANCELLED_BY_PAYER: _OF_A_CARD,
    Reason.FORMAT: ErrorRule(PaymentRejected, "our bug: a field is not of WayForPay's form; tell the engineers"),
    Reason.WRONG_DATE: ErrorRule(PaymentRejected, "our bug: a date is not of WayForPay's form; tell the engineers"),
    Reason.DUPLICATE: ErrorRule(RequestSpent, "the order reference was used before; the next link gets another one"),
    Reason.SIGNATURE: ErrorRule(
        PaymentForbidden,
        "WayForPay refuses the signature; compare merchant account and secret key in BILLING_WAYFORPAY with the shop's",
    ),
    Reason.ORDER_NOT_FOUND: ErrorRule(NotFound, "this shop has no such order; compare reference and merchant account"),
    Reason.REFUND_NOT_ALLOWED: ErrorRule(
        PaymentRejected,
        "WayForPay gives this payment back no more, or refunds are not activated for the shop: ask its support, or "
        "give the money back by transfer",
    ),
    Reason.REFUND_LIMIT: ErrorRule(
        AmountTooLarge, "WayForPay has less left of the payment than that; look at the payment again, then ask for less"
    ),
    Reason.WRONG_AMOUNT: ErrorRule(PaymentRejected, "WayForPay does not take this amount; ask for another one"),
    Reason.IN_PROCESSING: _UNDER_WAY,
    Reason.PENDING: _UNDER_WAY,
    Reason.REFUND_IN_PROCESSING: _UNDER_WAY,
    Reason.THREE_DS_AWAITED: _UNDER_WAY,
    Reason.BALANCE_TOO_SMALL: ErrorRule(
        PaymentRejected, "the shop's balance at WayForPay is too small; top it up, then ask for the refund again"
    ),
    Reason.NO_PARTIAL_VOID: ErrorRule(
        PaymentRejected,
        "the payment is not settled yet, and can only be given back whole until then; ask for all of it, or tomorrow",
    ),
}


def refusal(code: str, about: str) -> BillingError | None:
    """The error that an answer with this reason code is; None if it is no error."""
    evidence = f"reason code {code[:20] or 'missing'}"
    try:
        rule = RULES[Reason(int(code))]
    except ValueError:
        return PaymentUnknown(f"{about}: {_NO_ANSWER} ({evidence})")
    return rule.becomes(f"{about}: {rule.advice} ({evidence})") if rule.becomes else None


class TooMuch(PaymentUnknown):
    """The answer does not fit in one, or takes too long: ask for less."""


class TooLong(ValueError):
    """An answer without end."""


def unanswered(about: str, why: str) -> PaymentUnknown:
    """The error for an answer that says nothing certain."""
    return PaymentUnknown(f"{about}: {_NO_ANSWER} ({why})")


def of_status(answer: httpx.Response, about: str) -> BillingError | None:
    """The error that an answer is by its HTTP status; None for a 200, whose body tells."""
    if answer.status_code == 200:
        return None
    if answer.status_code == 504:
        return TooMuch(f"{about}: {_NO_ANSWER} (HTTP {answer.status_code})")
    if answer.status_code != 429:
        return unanswered(about, f"HTTP {answer.status_code}")
    busy = PaymentBusy(f"{about}: WayForPay is busy; the same request is sent again later (HTTP 429)")
    seconds = answer.headers.get("retry-after", "")
    if seconds.isdecimal() and len(seconds) < 6:
        busy.retry_after = timedelta(seconds=int(seconds))
    return busy


@contextmanager
def translated(about: str) -> Iterator[None]:
    """Raises ours instead of whatever else is raised: httpx, a broken answer, one that lacks what we read from it."""
    try:
        yield
    except BillingError:
        raise
    except (TimeoutError, TooLong) as error:
        raise TooMuch(f"{about}: {_NO_ANSWER} ({type(error).__name__})") from None
    except Exception as error:
        raise unanswered(about, type(error).__name__) from None  # from None: a cause may quote bodies
