"""Form parameters of the Stripe stand-in, and what Stripe refuses in them before it executes a call."""

import re
from typing import Any
from urllib.parse import parse_qsl

from sandbox.stripe.store import Object, StripeError

Params = dict[str, Any]  # nested: metadata[a]=b is {"metadata": {"a": "b"}}, x[0]=y is {"x": {"0": "y"}}

# Amounts are in Stripe's minor units.
AMOUNT_MAX = 999_999_999_999
AMEX_MAX = 999_999_999
_MINIMUMS = (
    dict.fromkeys("ars aud brl cad chf cop eur idr ils inr jpy krw nzd php rub sgd usd zar".split(), 50)  # noqa: SIM905
    | {"aed": 200, "bgn": 100, "czk": 1500, "dkk": 250, "gbp": 30, "hkd": 400, "huf": 17500, "mxn": 1000}
    | {"myr": 200, "nok": 300, "pln": 200, "ron": 200, "sek": 300, "thb": 1000}
)
_STEPS = dict.fromkeys(("bhd", "jod", "kwd", "omr", "tnd"), 10) | {"isk": 100, "ugx": 100}
_CURRENCIES = """
usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf
clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils
inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk
mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp
sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw
"""


def nested(form: str) -> Params:
    root: Params = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        *parents, leaf = name.replace("]", "").split("[")
        node = root
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                break
        else:
            node[leaf or str(len(node))] = value
    return root


def invalid(message: str, param: str, code: str | None = None) -> StripeError:
    """A parameter refused before execution: no idempotency key remembers it."""
    return StripeError(400, message, param=param, code=code, stored=False)


# Parameters that hold others; the rest are single values.
_NESTED = {
    "adaptive_pricing",
    "allowed_payment_method_types",
    "automatic_payment_methods",
    "expand",
    "invoice_settings",
    "line_items",
    "metadata",
    "payment_intent_data",
    "setup_intent_data",
    "types",
}
_EMPTY_REMOVES = {"description", "email", "metadata", "name", "phone", "receipt_email"}
_EXPANDABLE = {
    "charge",
    "customer",
    "default_payment_method",
    "invoice_settings",
    "latest_charge",
    "payment_intent",
    "payment_method",
    "setup_intent",
}


def check(params: Params, accepted: frozenset[str]) -> None:
    for name, value in params.items():
        if name not in accepted:
            raise invalid(f"Received unknown parameter: {name}", name, "parameter_unknown")
        if value == "" and name not in _EMPTY_REMOVES:
            raise invalid(f"You passed an empty string for '{name}'.", name, "parameter_invalid_empty")
        if name in _NESTED:
            if value and not isinstance(value, dict):
                raise invalid(f"Invalid {name}: must be an array or a hash", name)
        elif isinstance(value, dict) and name != "created":
            raise invalid(f"Invalid string: {value}", name)
    for path in params.get("expand", {}).values():
        if not _EXPANDABLE.issuperset(path.removeprefix("data.").split(".")):
            raise invalid(f"This property cannot be expanded ({path}).", "expand")


def read_integer(params: Params, name: str, minimum: int, default: int | None = None) -> int:
    text = params.get(name, default)
    if text is None:
        raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    if not re.fullmatch("-?[0-9]{1,18}", str(text)):
        raise invalid(f"Invalid integer: {text}", name, "parameter_invalid_integer")
    value = int(text)
    if value < minimum:
        message = f"This value must be greater than or equal to {minimum}."
        raise invalid(message, name, "parameter_invalid_integer")
    return value


def read_metadata(params: Params, before: Object | None = None) -> Object:
    """The metadata before, changed as asked: an empty value removes its key, an empty string removes all."""
    given = params.get("metadata", {})
    if given == "":
        return {}
    for name, value in given.items():
        if len(name) > 40 or not isinstance(value, str) or len(value) > 500:
            raise invalid("Metadata keys have up to 40 characters, values up to 500.", f"metadata[{name}]")
    merged = {name: value for name, value in ((before or {}) | given).items() if value}
    if len(merged) > 50:
        raise invalid("Metadata can have up to 50 keys.", "metadata")
    return merged


def read_currency(params: Params) -> str:
    currency = str(params.get("currency", "")).lower()
    if not currency:
        raise invalid("Missing required param: currency.", "currency", "parameter_missing")
    if currency not in _CURRENCIES.split():
        raise invalid(f"Invalid currency: {currency}.", "currency")
    return currency


def require_at_most(maximum: int, amount: int) -> None:
    if amount > maximum:
        raise invalid(f"Amount must be no more than {maximum} minor units", "amount", "amount_too_large")


def read_amount(params: Params, currency: str) -> int:
    amount = read_integer(params, "amount", 1)
    minimum, step = _MINIMUMS.get(currency, 1), _STEPS.get(currency, 1)
    if amount < minimum:
        raise invalid(f"Amount must be at least {minimum} minor units", "amount", "amount_too_small")
    require_at_most(AMOUNT_MAX, amount)
    if amount % step:
        message = f"Invalid amount: {currency} amounts must be divisible by {step}"
        raise invalid(message, "amount", "parameter_invalid_integer")
    return amount
