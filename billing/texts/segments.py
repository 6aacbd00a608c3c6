"""How many segments a text is sent in; each costs money.

A text within the GSM alphabet has 160 characters in one segment, and 153 in each of several; any other character, such
as one Cyrillic letter, turns the whole text to UCS-2, with 70 and 67.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = "\f^{}\\[~]|€"
"""These take two places: an escape stands before them."""
_PLACES = dict.fromkeys(_BASIC, 1) | dict.fromkeys(_EXTENSION, 2)


class Alphabet(StrEnum):
    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


_ALONE = {Alphabet.GSM_7: 160, Alphabet.UCS_2: 70}
_JOINED = {Alphabet.GSM_7: 153, Alphabet.UCS_2: 67}


class Measure(NamedTuple):
    """``places`` are septets, or UTF-16 units."""

    alphabet: Alphabet
    places: int
    segments: int

    @property
    def room(self) -> int:
        """How many places these segments have."""
        return _ALONE[self.alphabet] if self.segments == 1 else _JOINED[self.alphabet] * self.segments


def measure(text: str) -> Measure:
    alphabet = Alphabet.GSM_7 if all(char in _PLACES for char in text) else Alphabet.UCS_2
    widths = [_PLACES[char] if alphabet is Alphabet.GSM_7 else 1 + (ord(char) > 0xFFFF) for char in text]
    places = sum(widths)
    return Measure(alphabet, places, 1 if places <= _ALONE[alphabet] else _joined(widths, _JOINED[alphabet]))


def foreign_characters(text: str) -> str:
    """The characters that turn the text to UCS-2, each once, in their order."""
    return "".join(dict.fromkeys(char for char in text if char not in _PLACES))


def _joined(widths: Iterable[int], room: int) -> int:
    """No segment ends within a character."""
    segments, used = 1, 0
    for width in widths:
        segments, used = (segments, used + width) if used + width <= room else (segments + 1, width)
    return segments
