"""A person's data leave the ledger when they ask for it: gone from every text, while amounts and proofs stay.

Kept: ids (ours and the processor's), periods, amounts, instants, digests, stages, decisions and who made them.
"""

import json
import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from billing.model import Count, Id, Instant, Model
from billing.money import format_amount
from billing.period import Period
from billing.remedies import Remedy, RemedyAction

ERASED = "erased"
_DOMAIN = "@erased.invalid"  # reaches nobody: the domain is reserved for that (RFC 2606)
_PERSONAL = ("name", "description", "raw")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
_SHORTEST = 3  # of what is looked for in texts
_FIELDS = """
    key period stage outcome status state kind type code decline_code advice_code currency timezone sheet digest flags
    review_mode op action command via by refusal answered
"""
_KEPT = frozenset(_FIELDS.split())
"""Fields that are no text of people's, whatever the person is called."""

STAYS = (
    "at Stripe: the customer, cards and payments; delete the customer in Stripe's dashboard",
    "in Temporal: histories of the runs, until the namespace's retention has passed",
    "in the sheet: the rows of past months, with the address; a month that is looked at again is copied from there",
    "in mail servers, mailboxes and backups: until they are deleted there",
    "in the ledger: ids, amounts, instants, digests and decisions, as bookkeeping requires",
)


class Erased(Model):
    """What an erasure came to. ``rows`` counts what was rewritten; 0: nothing was left to erase."""

    customer_id: Id
    at: Instant
    rows: Count


class ErasureObstacles(NamedTuple):
    """What may be in the way. ``balance_minor``: what the last month carried forward, and nobody will bill."""

    is_open: bool
    open_months: tuple[str, ...]
    collected: tuple[str, ...]
    disputes: tuple[str, ...]
    balance_minor: int
    currency: str


def obstacle(customer_id: str, standing: ErasureObstacles, settled: str) -> tuple[str, Remedy | None] | None:
    """Why the data are still needed, and what to do first; None if they are not."""
    if standing.is_open:
        return "the account is open; close it first", RemedyAction.CLOSE_ACCOUNT.of(customer_id)
    if standing.open_months:
        show = RemedyAction.SHOW_MONTH.of(customer_id)
        return f"{standing.open_months[0]} is not closed; look at it", show
    if standing.collected:
        period = Period(standing.collected[0])
        show = RemedyAction.SHOW_COLLECTION.of(customer_id, period)
        return f"{period} is still being collected; record a payment or write it off first", show
    if standing.disputes:
        return f"dispute {standing.disputes[0]} is not decided; who answers it needs name and address", None
    if standing.balance_minor and not settled:
        amount = format_amount(abs(standing.balance_minor), standing.currency)
        owed = f"{amount} are owed to the customer" if standing.balance_minor < 0 else f"{amount} were never billed"
        return f"{owed} (carried forward); say how that was settled with --settled", None
    return None


class Scrubber:
    """Takes a person out of values, however deep. ``known`` are names and addresses to look for in texts."""

    def __init__(self, customer_id: str, known: Collection[str]) -> None:
        self._email = f"{customer_id}{_DOMAIN}"
        wanted = sorted({each for each in known if each and not is_erased(each)}, key=len, reverse=True)
        words = "|".join(map(re.escape, wanted))
        self._known = re.compile(rf"(?<!\w)({words})(?!\w)", re.IGNORECASE) if words else None

    def field(self, name: str, value: Any) -> Any:
        """The value of a field without the person."""
        if isinstance(value, dict):
            said = {inner: self.field(inner, each) for inner, each in value.items()}
            return said | {"reason": ERASED} if value.get("raw") else said  # it repeats what is in the cell
        if isinstance(value, list):
            return [self.field(name, each) for each in value]
        if not isinstance(value, str) or not value or name in _KEPT or name.endswith("_id"):
            return value
        if name in ("email", "email_key"):
            return self._email
        if name == "last4":
            return ""
        if name == "details":
            return self._details(value)
        if name == "recipient":
            return self.text(value)  # may be the reviewers'
        return ERASED if name in _PERSONAL else _ADDRESS.sub(ERASED, self.text(value))

    def _details(self, text: str) -> str:
        said = _parsed(text)
        if said is None:
            return str(self.field("reason", text))
        return json.dumps(self.field("", said), ensure_ascii=False, separators=(",", ":"))

    def text(self, text: str) -> str:
        """The text with each of the person's names and addresses replaced, however they are written."""
        return self._known.sub(ERASED, text) if self._known else text


def names_in(name: str, value: Any) -> Iterator[str]:
    """The names and addresses that are in a field, however deep."""
    if isinstance(value, dict):
        for inner, each in value.items():
            yield from names_in(inner, each)
    elif isinstance(value, list):
        for each in value:
            yield from names_in(name, each)
    elif isinstance(value, str):
        if name in ("email", "email_key", "emails", "name", "raw") and len(value) >= _SHORTEST and not is_erased(value):
            yield value
        elif name == "details":
            yield from names_in("", _parsed(value))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def is_erased(text: str) -> bool:
    """Whether a name or an address stands for a person who was erased."""
    return text == ERASED or text.endswith(_DOMAIN)
