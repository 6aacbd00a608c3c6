"""Pydantic's errors, for people."""

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from billing.model import cut

_SHOWN = 10  # of many mistakes
_SMALL = "small letters, digits, - and _, beginning with a letter or digit"
_FORMS = {
    r"^[a-z0-9][a-z0-9_-]{0,63}$": f"write up to 64 {_SMALL}, such as acme-2",
    r"^cus_\w+$": "write Stripe's id of the customer, which begins with cus_",
    r"^(pm|card|src)_\w+$": "write Stripe's id of the card, which begins with pm_, card_ or src_",
    r"^(tok_\w+)?$": "write a card token, which begins with tok_",
    r"^[0-9]{5,20}$": "write 5 to 20 digits",
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$": "write up to 60 letters, digits, . - and _, such as 1042",
    r"^[0-9a-f]{64}$": "write the file's SHA-256: 64 of 0-9 and a-f",
    r"^[a-z][a-z0-9_-]{0,49}$": "write up to 50 small letters, digits, - and _, beginning with a letter",
    r"^[a-z0-9][a-z0-9_.-]{0,39}$": "write up to 40 small letters, digits, . - and _, such as internet-100",
    r"^[\w./:-]+$": "write letters, digits, . / : - and _, without spaces",
    r"^[\w.-]+$": "write letters, digits, . - and _, without spaces",
}
"""What the patterns of typed values mean, for people."""
_SHORT = 100  # characters of a name


def explain(error: ValidationError) -> str:
    """The mistakes in one line, the first ten of many, without the values."""
    parts = []
    for item in error.errors(include_url=False, include_input=False)[:_SHOWN]:
        where = cut(".".join(str(part) for part in item["loc"]), _SHORT)
        message = _words(item)
        parts.append(f"{where}: {message}" if where else message)
    more = [f"and {error.error_count() - _SHOWN} more"] if error.error_count() > _SHOWN else []
    return cut("; ".join(parts + more))


def _words(item: ErrorDetails) -> str:
    if item["type"] == "missing":
        return "it is missing"
    form = _FORMS.get(item.get("ctx", {}).get("pattern", ""))
    return form or item["msg"].removeprefix("Value error, ")


def plain(error: Exception) -> str:
    """The error in one line, without values that pydantic would quote."""
    return explain(error) if isinstance(error, ValidationError) else str(error)
