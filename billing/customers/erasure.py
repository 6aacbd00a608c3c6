"""Erasure of a person's data from the ledger, on request.

Kept: ids (ours and the processor's), periods, amounts, instants, digests, stages, decisions and their authors.
"""

import json
import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from billing.model import Count, Id, Instant, Model
from billing.money import format_amount
from billing.period import Period
from billing.receivables.journal import Balance
from billing.remedies import Remedy, RemedyAction

ERASED = "erased"
_DOMAIN = "@erased.invalid"  # reserved by RFC 2606: no mail arrives there
ERASED_PHONE = "+9990000000"  # no country has the code 999: no text arrives there
_NAMES = ("email", "email_key", "emails", "name", "phone", "raw", "payer")
_PERSONAL = ("name", "description", "raw", "payer")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
_SHORTEST = 3  # characters of a name or address that is searched for in texts
_FIELDS = """
    key period stage outcome status state kind type code decline_code advice_code currency timezone sheet digest flags
    review_mode op action command via by refusal answered cause rail subject subject_kind original account destination
fault number order_number lane file_digest opened_by closed_by
"""
_KEPT = frozenset(_FIELDS.split())
"""Fields that never hold personal data, even if a value matches the person's name."""

STAYS = (
    "at Stripe: the customer, cards and payments; delete the customer in Stripe's dashboard",
    "in Temporal: workflow histories, until the namespace's retention period ends",
    "in the sheet: the rows of past months, with the address; a month that is read again is copied from there",
    "in mail servers, mailboxes and backups: everything, until you delete it there",
    "in the ledger: ids, amounts, instants, digests and decisions, as bookkeeping requires",
)


class Erased(Model):
    """The result of an erasure. ``rows`` counts the rewritten rows; 0: there was nothing to erase."""

    customer_id: Id
    at: Instant
    rows: Count


class ErasureObstacles(NamedTuple):
    """Reasons that may rule out an erasure. ``balance`` is what nobody will bill or pay any more."""

    is_open: bool
    open_months: tuple[str, ...]
    collected: tuple[str, ...]
    disputes: tuple[str, ...]
    balance: Balance
    open_orders: tuple[str, ...] = ()  # neither ended nor released, or production has not answered


def obstacle(customer_id: str, obstacles: ErasureObstacles) -> tuple[str, Remedy | None] | None:
    """The first reason to keep the data, and its remedy; None: erase."""
    if obstacles.is_open:
        return "the account is open; close it first", RemedyAction.CLOSE_ACCOUNT.of(customer_id)
    if obstacles.open_months:
        return f"{obstacles.open_months[0]} is not closed; look at it", RemedyAction.SHOW_MONTH.of(customer_id)
    if obstacles.collected:
        period = Period(obstacles.collected[0])
        show = RemedyAction.SHOW_COLLECTION.of(customer_id, period)
        return f"{period} is still being collected; record a payment or write it off first", show
    if obstacles.disputes:
        return f"dispute {obstacles.disputes[0]} is not decided; answering it takes name and address", None
    if obstacles.open_orders:
        number = obstacles.open_orders[0]
        return f"order {number} is open; cancel it first, or wait until it is fulfilled", _show_order(number)
    if not obstacles.balance.is_even:
        return f"{_unsettled(obstacles.balance)}; settle it first", RemedyAction.SETTLE.of(customer_id)
    return None


def _show_order(number: str) -> Remedy:
    return RemedyAction.SHOW_ORDER.of().evolve(order_number=number)


def _unsettled(balance: Balance) -> str:
    parts = []
    for currency, amount_minor in balance.credits.items():
        amount = format_amount(abs(amount_minor), currency)
        parts.append(f"{amount} is owed to the customer" if amount_minor < 0 else f"{amount} was never billed")
    for item in balance.owed:
        parts.append(f"{format_amount(item.amount_minor, item.currency)} is still owed for {item.subject.title}")
    return ", ".join(parts)


class Scrubber:
    """Removes a person from values, however nested. ``names`` are the names and addresses to replace in texts."""

    def __init__(self, customer_id: str, names: Collection[str]) -> None:
        self._email = f"{customer_id}{_DOMAIN}"
        longest_first = sorted({name for name in names if name and not is_erased(name)}, key=len, reverse=True)
        words = "|".join(map(re.escape, longest_first))
        self._names = re.compile(rf"(?<!\w)({words})(?!\w)", re.IGNORECASE) if words else None

    def field(self, name: str, value: Any) -> Any:
        """The field's value without personal data."""
        if isinstance(value, dict):
            scrubbed = {key: self.field(key, item) for key, item in value.items()}
            return scrubbed | {"reason": ERASED} if value.get("raw") else scrubbed  # the reason quotes the raw cell
        if isinstance(value, list):
            return [self.field(name, item) for item in value]
        if not isinstance(value, str) or not value or name in _KEPT or name.endswith("_id"):
            return value
        if name in ("email", "email_key"):
            return self._email
        if name == "phone":
            return ERASED_PHONE
        if name == "last4":
            return ""
        if name == "details":
            details = _parsed(value)
            if details is None:
                return self.field("reason", value)
            return json.dumps(self.field("", details), ensure_ascii=False, separators=(",", ":"))
        if name == "recipient":
            return self.text(value)  # may be a reviewer's address
        return ERASED if name in _PERSONAL else _ADDRESS.sub(ERASED, self.text(value))

    def text(self, text: str) -> str:
        """The text with the person's names and addresses replaced, in any case."""
        return self._names.sub(ERASED, text) if self._names else text


def names_in(name: str, value: Any) -> Iterator[str]:
    """The names and addresses in a field, however nested."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from names_in(key, item)
    elif isinstance(value, list):
        for item in value:
            yield from names_in(name, item)
    elif isinstance(value, str):
        if name in _NAMES and len(value) >= _SHORTEST and not is_erased(value):
            yield value
        elif name == "details":
            yield from names_in("", _parsed(value))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def is_erased(text: str) -> bool:
    """Whether the name or address replaces an erased one."""

    return text in (ERASED, ERASED_PHONE) or text.endswith(_DOMAIN)
