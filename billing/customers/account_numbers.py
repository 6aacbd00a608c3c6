"""Account numbers and personal numbers: by what a payer names a customer in a bank's app, or in a payment's text.

An account number is ours, has a check digit, and names one customer. A personal number (IIN) is the customer's own: it
has twelve digits, is an alias only, and is kept as a keyed digest with its last four digits.
"""

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Annotated, NamedTuple, Protocol, Self

from pydantic import StringConstraints

from billing.errors import InvalidInput
from billing.model import Author, Code, Id, Instant, Model, Words

AccountNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{5,20}$", max_length=20)]
PERSONAL_DIGITS = 12
_GIVEN_DIGITS = 9  # and a check digit
_LONGEST = 20
_SHORTEST = 5
_FIRST_WEIGHTS, _SECOND_WEIGHTS = range(1, 12), (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)


class ServiceAccount(Model):
    """An account number and whose it is; ``closed_at`` None: it is open."""

    number: AccountNumber
    customer_id: Id
    opened_at: Instant
    opened_by: Author
    opened_why: Words
    closed_at: Instant | None = None
    closed_by: Author | None = None
    closed_why: Words | None = None


class PersonalKey(Model):
    """What is kept of a personal number."""

    digest: Code
    last_four: Annotated[str, StringConstraints(max_length=4)]

    @classmethod
    def of(cls, digits: str, secret: str) -> Self:
        """Raises ``InvalidInput``, which does not repeat them, for other digits, and if none are kept here."""
        if not secret:
            raise InvalidInput("personal_number: none are kept here; set BILLING_PERSONAL_SECRET first")
        if not is_personal_number(digits):
            raise InvalidInput("personal_number: it has 12 digits, and the last one fits the others")
        return cls(digest=personal_digest(digits, secret), last_four=digits[-4:])


class PersonalNumber(Model):
    """What is kept of a customer's personal number, besides its digest."""

    customer_id: Id
    last_four: Annotated[str, StringConstraints(max_length=4)]
    by: Author
    at: Instant


class AccountKey(NamedTuple):
    """By what an account is looked up: its number, or else the digest of a personal number."""

    number: str | None = None
    personal: str | None = None


class AccountNumbers(Protocol):
    """The account numbers and personal numbers of all customers; every method may be repeated after any failure."""

    async def open_number(
        self, customer_id: str, number: str | None, by: str, reason: str, at: datetime, another: bool = False
    ) -> ServiceAccount:
        """Gives the customer this number; None: the one that is open, or else a new one (``another``: in any case).

        Raises ``NotFound`` for an unknown customer, ``InvalidInput`` for a number that is another's, or was closed.
        """

    async def close_number(self, number: str, by: str, reason: str, at: datetime) -> ServiceAccount:
        """Closes the number for good; whoever pays by it all the same, pays its customer. A repeat changes nothing.

        Raises ``NotFound``.
        """

    async def numbers_of(self, customer_id: str) -> list[ServiceAccount]:
        """The customer's numbers, open ones first, then the oldest."""

    async def account_owner(self, key: AccountKey) -> str | None:
        """The customer whose number it is, open or closed; None: nobody's."""

    async def keep_personal(self, customer_id: str, digest: str, last_four: str, by: str, at: datetime) -> None:
        """Keeps the customer's personal number, in place of the one before.

        Raises ``NotFound``, and ``InvalidInput`` if it is another customer's.
        """

    async def personal_number(self, customer_id: str) -> PersonalNumber | None: ...

    async def drop_personal(self, customer_id: str) -> bool:
        """Forgets the customer's personal number; False: there was none."""


def new_number() -> str:
    """A number with its check digit, at random: nobody can guess the next customer's."""
    digits = str(secrets.randbelow(9 * 10 ** (_GIVEN_DIGITS - 1)) + 10 ** (_GIVEN_DIGITS - 1))
    return digits + check_digit(digits)


def check_digit(digits: str) -> str:
    """Luhn's: it notices any wrong digit, and two neighbours that have changed places (but 09 and 90)."""
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits)))
    return str(-sum(value // 10 + value % 10 for value in doubled) % 10)


def is_account_number(text: str) -> bool:
    """Whether these can be the digits of an account number."""
    is_number = text.isascii() and text.isdigit() and _SHORTEST <= len(text) <= _LONGEST
    return is_number and len(text) != PERSONAL_DIGITS and check_digit(text[:-1]) == text[-1]


def checked_number(text: str) -> str:
    """The account number that somebody has typed. Raises ``InvalidInput``."""
    number = text.replace(" ", "")
    if is_account_number(number):
        return number
    if len(number) == PERSONAL_DIGITS:
        raise InvalidInput("an account number does not have 12 digits: that is a personal number")
    if number.isascii() and number.isdigit() and _SHORTEST <= len(number) <= _LONGEST:
        raise InvalidInput(f"{number} is mistyped: its last digit does not fit the others; correct it")
    raise InvalidInput(f"{text[:40]!r} is not an account number: it has {_SHORTEST} to {_LONGEST} digits")


def is_personal_number(text: str) -> bool:
    """Whether these can be the digits of a personal number; what they say about a birth date is no rule."""
    if not (text.isascii() and text.isdigit() and len(text) == PERSONAL_DIGITS):
        return False
    digits = [int(digit) for digit in text]
    for weights in (_FIRST_WEIGHTS, _SECOND_WEIGHTS):
        rest = sum(digit * weight for digit, weight in zip(digits, weights, strict=False)) % 11
        if rest < 10:
            return rest == digits[-1]
    return False  # such a number is never issued


def personal_digest(number: str, secret: str) -> str:
    """What a personal number is looked up by: without the key, a hash of twelve digits is found by trying all."""
    assert secret, "without a key, anybody could try all personal numbers"
    return hmac.new(secret.encode(), f"personal {number}".encode(), hashlib.sha256).hexdigest()


def account_key(text: str, personal_secret: str) -> AccountKey | None:
    """What the digits that a payer has typed name; None: neither kind of number, or mistyped."""
    if is_account_number(text):
        return AccountKey(number=text)
    if is_personal_number(text) and personal_secret:
        return AccountKey(personal=personal_digest(text, personal_secret))
    return None


def masked_name(name: str) -> str:
    """``A*** S.`` for Ann Smith: enough for whoever pays their own account, too little for anybody else."""
    first, *others = name.split() or ["?"]
    return f"{first[0]}***" + (f" {others[-1][0]}." if others else "")
