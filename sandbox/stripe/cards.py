"""Test cards of the Stripe stand-in: how each behaves, how it is attached, and the 402 of its decline.

A behaviour is "succeed", "processing", "authentication_required" or "decline:<decline code>[:<advice code>]".
"""

import re
from datetime import UTC, datetime
from typing import Any

from sandbox.stripe.store import Object, Store, StripeError

BEHAVIOUR = r"^(succeed|processing|authentication_required|decline:[a-z_]+(:[a-z_]*)?)$"

# magic id: brand, last four digits, behaviour
MAGIC_CARDS = {
    "pm_card_visa": ("visa", "4242", "succeed"),
    "pm_card_mastercard": ("mastercard", "4444", "succeed"),
    "pm_card_amex": ("amex", "8431", "succeed"),
    "pm_card_chargeCustomerFail": ("visa", "0341", "decline:generic_decline"),
    "pm_card_chargeCustomerFailInsufficientFunds": ("visa", "9995", "decline:insufficient_funds"),
    "pm_card_chargeCustomerFailStolenCard": ("visa", "9979", "decline:stolen_card"),
    "pm_card_chargeCustomerFailExpiredCard": ("visa", "0069", "decline:expired_card"),
    "pm_card_authenticationRequired": ("visa", "3184", "authentication_required"),
    "pm_card_processing": ("visa", "0077", "processing"),  # ours: its outcome comes later, like a bank debit's
}
# Ours, not Stripe's: pm_card_chargeCustomerFailLostCard attaches, then declines with lost_card. So with any code.
_FAILS_WITH = re.compile(r"pm_card_chargeCustomerFail([A-Z]\w+)")
_CANNOT_ATTACH = re.compile(r"pm_card_(?:visa_)?chargeDeclined(\w*)")

_DECLINED = "Your card was declined."
_UNSUPPORTED = "Your card does not support this type of purchase."
_PROCESSING_ERROR = "An error occurred while processing your card. Try again in a little bit."
# decline code: message, advice code
_DECLINES = {
    "generic_decline": (_DECLINED, "try_again_later"),
    "do_not_honor": (_DECLINED, "try_again_later"),
    "insufficient_funds": ("Your card has insufficient funds.", "try_again_later"),
    "issuer_not_available": (_DECLINED, "try_again_later"),
    "processing_error": (_PROCESSING_ERROR, "try_again_later"),
    "expired_card": ("Your card has expired.", "confirm_card_data"),
    "incorrect_cvc": ("Your card's security code is incorrect.", "confirm_card_data"),
    "lost_card": (_DECLINED, "do_not_try_again"),
    "stolen_card": (_DECLINED, "do_not_try_again"),
    "fraudulent": (_DECLINED, "do_not_try_again"),
    "transaction_not_allowed": (_UNSUPPORTED, "do_not_try_again"),
    "authentication_required": (f"{_DECLINED} This transaction requires authentication.", ""),
}
# Stripe names these by the error code alone, without a decline code.
_CODES_WITHOUT_DECLINE_CODE = {"expired_card", "incorrect_cvc", "processing_error"}


def card_error(decline: str, **details: Any) -> StripeError:
    """The 402 of a decline, "insufficient_funds" or with its own advice "do_not_honor:do_not_try_again"."""
    decline_code, with_advice, advice = decline.partition(":")
    message, usual_advice = _DECLINES.get(decline_code, (_DECLINED, ""))
    own_code = decline_code in _CODES_WITHOUT_DECLINE_CODE
    return StripeError(
        402,
        message,
        kind="card_error",
        code=decline_code if own_code or decline_code == "authentication_required" else "card_declined",
        decline_code=None if own_code else decline_code,
        advice_code=advice if with_advice else usual_advice,
        **details,
    )


def attach_card(store: Store, magic_id: str, customer_id: str | None, prefix: str = "pm") -> Object | None:
    """Attach a new card of the magic id's kind; None when there is no such id. Raises the 402 of chargeDeclined."""
    if refused := _CANNOT_ATTACH.fullmatch(magic_id):
        raise card_error(_snake_case(refused[1]) or "generic_decline")
    if magic_id in MAGIC_CARDS:
        brand, last4, behaviour = MAGIC_CARDS[magic_id]
    elif fails := _FAILS_WITH.fullmatch(magic_id):
        brand, last4, behaviour = "visa", "0341", f"decline:{_snake_case(fails[1])}"
    else:
        return None
    today = datetime.fromtimestamp(store.now(), UTC)
    card = card_details(brand, last4, today.month, today.year + 3)
    method = store.put(store.new("payment_method", prefix, card=card, customer=customer_id))
    store.note("behaviour", card=method["id"], behaviour=behaviour)
    return method


def card_details(brand: str, last4: str, exp_month: int, exp_year: int) -> Object:
    details: Object = {"brand": brand, "last4": last4, "exp_month": exp_month, "exp_year": exp_year}
    return details | {"country": "US", "fingerprint": f"fingerprint{last4}", "funding": "credit"}


def _snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
