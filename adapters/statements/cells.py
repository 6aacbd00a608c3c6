"""Amounts and texts of statement files, read exactly or refused."""

import re
from collections.abc import Iterable

from billing.errors import InvalidInput
from billing.model import LINE_MAX
from billing.money import minor_digits

_NUMBER = re.compile(r"(?P<sign>[+-]?)(?P<whole>[0-9]{1,15})(?:[.,](?P<fraction>[0-9]{0,6}))?")
_LIMIT = 10**15


def minor_of(text: str, currency: str) -> int:
    """An amount with a dot or comma for its decimals and no thousands. Raises ``InvalidInput``."""
    match = _NUMBER.fullmatch(text.strip().replace("\u2212", "-"))
    digits = minor_digits(currency)
    if match is None or (match["fraction"] or "")[digits:].strip("0"):
        raise InvalidInput(f"{text.strip()[:40]!r} is no amount in {currency.upper()}")
    minor = int(match["whole"] + (match["fraction"] or "")[:digits].ljust(digits, "0"))
    if minor > _LIMIT:
        raise InvalidInput(f"{text.strip()[:40]} is more than any account has")
    return -minor if match["sign"] == "-" else minor


def line_of(text: str | None, most: int = LINE_MAX) -> str | None:
    """A text in one line, cut; None for nothing."""
    return " ".join((text or "").split())[:most] or None


def text_of(parts: Iterable[str | None]) -> str:
    """Several texts, each once, one below the other. A space keeps the words of two texts apart: none runs on."""
    return " \n".join(dict.fromkeys(part.strip() for part in parts if part and part.strip()))
