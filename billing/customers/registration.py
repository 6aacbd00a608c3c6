"""Registrations: from a form, or a row of an import, to a customer with a card whose months have begun.

::

    OPEN ──► SAVED ──► STARTED     the customer is recorded and billed from then on
                  └──► KNOWN       the email is a customer's already, or an import's: they get a link by mail

Each step is written down before the next, and may be repeated by whoever comes along: the customer's return from the
card page, the webhook, the sweep, an operator. Anybody may register any address, so each browser makes a registration
of its own, and none shows or changes another one of the same email: the first whose card is saved becomes the customer.
Of each email only one is SAVED at a time. A card that ends as KNOWN is taken off again, unless it came from a file.
"""

import hashlib
import re
import secrets
from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import StringConstraints

from billing.apart import Failed
from billing.customers.customer import Customer, Party, ReviewMode, Terms
from billing.model import Count, Id, Instant, Model
from billing.payments.methods import CardOnFile, ProcessorId

CONSENT_VERSION = "2026-11"
_CONSENT = (
    "I agree that {company} charges my card once a month for what I have bought in that month, until I end this. "
    "Amount and date of each charge are announced by mail at least three days before."
)

RegistrationId = Annotated[str, StringConstraints(pattern=r"^[RI]-[a-z0-9_-]{1,64}$", max_length=66)]
"""Never personal, and never the id of a customer, which has no capitals."""

_BROWSER_KEY = re.compile(r"[A-Za-z0-9_-]{22,64}")
_PAGE_ADDRESS = re.compile(r"://|\bwww\.|\w\.[a-z]{2,}", re.IGNORECASE)


def consent_text(company: str) -> str:
    """What a customer agrees to, word for word. Another text needs another ``CONSENT_VERSION``."""
    return _CONSENT.format(company=company)


class Consent(Model):
    """What a customer has agreed to, and when."""

    version: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    text: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    at: Instant


class RegistrationState(StrEnum):
    OPEN = "open"  # no card yet
    SAVED = "saved"  # the card is known; the customer is still to be recorded and started
    STARTED = "started"
    KNOWN = "known"  # the email is another customer's, or waits for a card in an import: nothing was started


ON_ITS_WAY = (RegistrationState.OPEN, RegistrationState.SAVED)


class Registration(Party):
    """One registration. ``revision`` grows with every change, so that of two at once only one takes effect.

    ``payer_id`` is its customer at the processor (None: there is none yet). ``session_id`` is the card page that counts
    (None: none is open). ``told_at`` is when the mail about the end was sent; of an import, nobody is to be told.
    ``consent`` is missing there, too: it was given elsewhere. ``terms`` are those of a file; without, only the
    ``review_mode`` is not as usual.
    """

    registration_id: RegistrationId
    review_mode: ReviewMode = ReviewMode.MONITOR
    terms: Terms | None = None
    consent: Consent | None = None
    payer_id: ProcessorId | None = None
    session_id: Id | None = None
    card: CardOnFile | None = None
    state: RegistrationState = RegistrationState.OPEN
    created_at: Instant
    updated_at: Instant
    told_at: Instant | None = None
    revision: Count = 0

    @property
    def is_import(self) -> bool:
        """It came from a file, whose business knows its currency and zone."""
        return self.registration_id == import_id(self.customer_id)

    def customer(self) -> Customer:
        """Whom it is for, with exactly these data. Only once the card is known."""
        assert self.card, f"{self.registration_id} has no card yet"
        terms = self.terms or Terms(review_mode=self.review_mode)
        return Customer.model_validate({**dict(self), "payment_method": self.card, "terms": terms})


def browser_key(kept: str) -> str:
    """``kept`` if it may be a key, else a new one: who sends a form again from the same browser goes on with theirs."""
    return kept if _BROWSER_KEY.fullmatch(kept) else secrets.token_urlsafe(16)


def registration_id_of(browser_key: str, email: str, currency: str, timezone: str) -> str:
    """The same for a form that a browser sends twice; nobody else comes to it, nor does who corrects the address."""
    said = "|".join((browser_key, email, currency, timezone))
    return f"R-{hashlib.sha256(said.encode()).hexdigest()[:24]}"


def names_a_page(name: str) -> bool:
    """Whether mail programs would make a link of a part of it; our mails lead to nobody else's page."""
    return bool(_PAGE_ADDRESS.search(name))


def new_customer_id() -> str:
    """Random, so that it says nothing of the customer."""
    return f"c-{secrets.token_hex(6)}"


def import_id(customer_id: str) -> str:
    """Of the import of this customer: the same for every repeat."""
    return f"I-{customer_id}"


class Registrations(Protocol):
    """Where registrations are kept: a part of the ledger. All may be called again after any failure."""

    async def open_registration(self, wanted: Registration) -> Registration:
        """Keeps ``wanted``, unless it is there, or another one of its customer: answers that one."""

    async def registrations_of(self, email: str) -> list[Registration]:
        """Those of this email that are on their way, oldest first."""

    async def registration(self, registration_id: str) -> Registration | None: ...

    async def registrations(self, unfinished: bool = False, failed: list[Failed] | None = None) -> list[Registration]:
        """Oldest first. Unfinished are those that can go on by themselves: a card page may be used, a card is known, a
        mail is to be sent."""

    async def save_registration(self, changed: Registration) -> bool:
        """Keeps the next revision; False, and nothing is kept, if somebody else has changed it meanwhile, or if it
        were the second of its email that is SAVED."""

    async def forget_registrations(self, before: Instant) -> int:
        """Deletes those without a card or card page that nobody has touched since; how many."""
