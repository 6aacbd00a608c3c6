"""The values of a biller's exchange with a bank, whatever the dialect: contract, request, outcome, answer."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple

from billing.customers.account_numbers import AccountKey
from billing.receivables.journal import Balance

Address = IPv4Address | IPv6Address


class Dialect(StrEnum):
    """How a bank speaks; docs/rails.md has the answers of each."""

    KASPI = "kaspi"
    OSMP = "osmp"
    NEUTRAL = "neutral"


class BillerCode(StrEnum):
    """What became of a request. Each dialect has its own number or status for it."""

    OK = "ok"
    NOT_FOUND = "not_found"  # nobody's account
    BAD_ACCOUNT = "bad_account"  # mistyped: no number that we give, nor a personal number
    CLOSED = "closed"  # and nothing is owed for it
    BAD_SUM = "bad_sum"  # not an exact amount of the currency
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"  # the request itself: a mistake of the bank's
    AGAIN = "again"  # it is not sure whether anything was booked: the same request is to be repeated


WORDS: Mapping[BillerCode, str] = {
    BillerCode.OK: "OK",
    BillerCode.NOT_FOUND: "There is no such account",
    BillerCode.BAD_ACCOUNT: "The account number is mistyped",
    BillerCode.CLOSED: "The account is closed",
    BillerCode.BAD_SUM: "The sum is not an amount of this currency",
    BillerCode.TOO_SMALL: "The sum is too small",
    BillerCode.TOO_LARGE: "The sum is too large",
    BillerCode.MALFORMED: "The request cannot be read",
    BillerCode.AGAIN: "Please repeat the request",
}
"""What payers read, unless the contract has words of its own."""


@dataclass(frozen=True)
class Contract:
    """What was agreed with one bank: a rail. ``addresses`` are the bank's own; without any, a secret protects it.

    Limits are in minor units, and told by ``check``; money that was taken is booked all the same. ``bin`` and ``data1``
    are Kaspi's: the company's number in answers, and a constant that requests carry.
    """

    rail: str
    dialect: Dialect
    currency: str
    timezone: str
    least_minor: int
    most_minor: int
    addresses: tuple[IPv4Network | IPv6Network, ...] = ()
    secret: str = ""
    user: str = ""
    password: str = ""
    bin: str = ""
    data1: str = ""
    texts: Mapping[BillerCode, str] = field(default_factory=dict)

    def words(self, code: BillerCode) -> str:
        return self.texts.get(code) or WORDS[code]

    def allows(self, address: Address | None) -> bool:
        is_open = not self.addresses and self.dialect is Dialect.NEUTRAL
        return is_open or (address is not None and any(address in network for network in self.addresses))


class Asked(NamedTuple):
    """A request as it was typed; "" for what it lacks."""

    account: str
    sum: str = ""
    txn_id: str = ""
    date: str = ""


class Outcome(NamedTuple):
    """What a dialect renders. ``amount_minor``: what is due, by ``check``; what was paid, by ``pay``.

    ``number`` is ours of the payment. ``name`` is masked.
    """

    code: BillerCode
    txn_id: str = ""
    amount_minor: int | None = None
    number: int | None = None
    name: str = ""


class Answer(NamedTuple):
    """An answer as it goes to the bank."""

    code: BillerCode
    content: bytes
    content_type: str


Render = Callable[[Outcome], Answer]


class AccountDue(NamedTuple):
    """What ``check`` tells of an account; ``name`` is whole here."""

    customer_id: str
    name: str
    is_closed: bool
    due_minor: int


class BillerPayment(NamedTuple):
    """A payment that a bank has told, as it is to be booked. ``asked`` is the digest of account and sum.

    ``misdated``: the date that the bank has told, if it cannot be right; then the money counts by now.
    """

    rail: str
    txn_id: str
    key: AccountKey
    amount_minor: int
    currency: str
    paid_at: datetime
    asked: str
    misdated: datetime | None = None


class Answered(NamedTuple):
    """An answer on record; ``is_new``: it was made just now. ``differs``: the repeat had another account or sum."""

    number: int
    answer: Answer
    is_new: bool
    differs: bool = False


def due_minor(balance: Balance, currency: str, promised_minor: int = 0) -> int:
    """What is due in this currency, in minor units: what was announced, less the customer's credit; never below 0.

    Of the credit, ``promised_minor`` is about to go back, and pays nothing.
    """
    owed = sum(item.amount_minor for item in balance.owed if item.currency == currency and item.due_at)
    return max(0, owed + min(0, balance.carried_minor(currency) + promised_minor))


def asked_digest(account: str, amount: str, secret: str) -> str:
    """By what a repeat is compared with what was asked first; keyed, for the account may be a personal number."""
    return hmac.new(secret.encode(), f"asked {account} {amount}".encode(), hashlib.sha256).hexdigest()[:32]
