"""Numbers of service orders that come without one: short, and easy to say aloud."""

import hashlib
from typing import Final

_DIGITS: Final = "23456789"
_SIGNS: Final = _DIGITS + "ABCDEFGHJKMNPQRSTUVWXYZ"  # none that looks like another one
_LENGTH: Final = 8


def number_from(seed: str) -> str:
    """``4KQ2-M9XD``: the same for the same seed, another for any other one. It begins with a digit, so is no word."""
    value = int.from_bytes(hashlib.sha256(seed.encode()).digest(), "big")
    value, first = divmod(value, len(_DIGITS))
    signs = [_DIGITS[first]]
    while len(signs) < _LENGTH:
        value, place = divmod(value, len(_SIGNS))
        signs.append(_SIGNS[place])
    text = "".join(signs)
    return f"{text[:4]}-{text[4:]}"
