"""Email addresses: stored and used as typed, compared by a key.

::

    checked_email(" Kasse@Straße.example ")     # "Kasse@Straße.example"
    sendable("Kasse@Straße.example")            # "Kasse@xn--strae-oqa.example"
    email_key("Kasse@Straße.example")           # "kasse@xn--strae-oqa.example"

Domains follow UTS 46, non-transitional: ``straße.example`` is not ``strasse.example``. Sheet rows and duplicate
customers are matched by the key; no mail is ever sent to a key. docs/decisions/0020-addresses.md gives the reasons.
"""

import re
import unicodedata

import idna

from billing.errors import InvalidInput

MAX_CHARACTERS = 254

LOCAL_PART = r"[^@\s,:;|<>()\[\]\\\"\ufffd]+"
"""The letters before ``@``: none that separates addresses. U+FFFD replaces a character that could not be stored."""

_LOCAL = re.compile(LOCAL_PART)
_ASCII_DOMAIN = re.compile(r"(?!.{254})[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)+")
_FINAL_SIGMA, _SIGMA = "\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}"
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_INVISIBLE_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Fillers that Unicode calls letters or marks; variation selectors are in ``is_invisible``."""


def checked_email(text: str) -> str:
    """The address as typed, stripped, in Unicode normal form C. Raises ``InvalidInput``."""
    email = unicodedata.normalize("NFC", text.strip())
    if name := hidden_character(email):
        raise InvalidInput(f"{text!r} contains {name}, which is invisible; type it again")
    if len(email) > MAX_CHARACTERS or len(sendable(email)) > MAX_CHARACTERS:
        raise InvalidInput(f"{text[:50]!r}… is not an email address: it has more than {MAX_CHARACTERS} characters")
    return email


def sendable(email: str) -> str:
    """The address for the mail server: ASCII domain, local part as typed. Raises ``InvalidInput``."""
    local, _, domain = email.rpartition("@")
    if not _LOCAL.fullmatch(local):
        raise InvalidInput(f"{email!r} is not an email address")
    try:
        return f"{local}@{_ascii_domain(domain)}"
    except (idna.IDNAError, UnicodeError):
        raise InvalidInput(f"{email!r} is not an email address: {domain!r} is not an internet domain") from None


def email_key(text: str) -> str:
    """A comparison key, equal for all spellings that readers take for one address. Invalid addresses have one, too.

    Case, full-width letters, ligatures, the two small sigmas and invisible characters are ignored; ``ß`` is not ``ss``.
    """
    if text.isascii() and text.isprintable():
        return text.strip().lower()
    visible = "".join(character for character in text if not is_invisible(character))
    local, at, domain = unicodedata.normalize("NFKC", visible).strip().rpartition("@")
    try:
        domain = _ascii_domain(domain)
    except (idna.IDNAError, UnicodeError):
        domain = _folded(domain)
    return f"{_folded(local)}{at}{domain}"


def hidden_character(text: str) -> str:
    """The name of the first invisible character, such as ``ZERO WIDTH SPACE (U+200B)``; "" if there is none."""
    hidden = next(filter(is_invisible, text), "")
    return f"{unicodedata.name(hidden, 'a control character')} (U+{ord(hidden):04X})" if hidden else ""


def is_invisible(character: str) -> bool:
    """Whether the character shows nothing: formatting, control, filler or unassigned."""
    if character.isascii():
        return not " " <= character <= "~"
    is_selector = "\ufe00" <= character <= "\ufe0f" or "\u180b" <= character <= "\u180f" or character >= "\U000e0000"
    return is_selector or character in _INVISIBLE_LETTERS or unicodedata.category(character) in _INVISIBLE_CATEGORIES


def _ascii_domain(domain: str) -> str:
    """The domain in lower-case ASCII. Raises ``idna.IDNAError`` or ``UnicodeError`` if it is invalid."""
    name = domain.lower() if domain.isascii() else idna.encode(domain, uts46=True, transitional=False).decode()
    if not _ASCII_DOMAIN.fullmatch(name):
        raise idna.IDNAError(f"{name!r} is no domain")
    return name


def _folded(text: str) -> str:
    """Lower-case text. ``casefold`` would turn ß into ss, and those are two mailboxes."""

    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower().replace(_FINAL_SIGMA, _SIGMA))
