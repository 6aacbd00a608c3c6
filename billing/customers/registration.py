"""Registrations: from a form or an imported row to a customer with a card, billed every month.

::

    OPEN ──► SAVED ──► STARTED     the customer is on record and billed from then on
                  └──► KNOWN       a customer or an import already has the email; it gets a link by mail

Each step is recorded before the next, and can be repeated: by the customer's return from the card page, the webhook,
the sweep or an operator. Anybody can enter any address, so each browser gets a registration of its own and never sees
or changes another one with that email: the first to save a card becomes the customer. At most one registration per
email is SAVED. The card of a KNOWN registration is detached, unless it came from a file.
"""

import hashlib
import re
import secrets
import unicodedata
from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import StringConstraints

from billing.apart import Failed
from billing.customers.address import is_invisible
from billing.customers.customer import Customer, Email, Party, ReviewMode, Terms
from billing.model import Count, Id, Instant, Model
from billing.payments.methods import BillPayer, CardOnFile, ProcessorId

CONSENT_VERSION = "2026-11"
RegistrationId = Annotated[str, StringConstraints(pattern=r"^[RI]-[a-z0-9_-]{1,64}$", max_length=66)]
"""Never personal, and never a customer's id: those have no capitals."""

_BROWSER_KEY = re.compile(r"[A-Za-z0-9_-]{22,64}")
_PAGE_ADDRESS = re.compile(r"://|\bwww\.|\w[.\N{IDEOGRAPHIC FULL STOP}][^\W\d_]{2,}", re.IGNORECASE)


def consent_text(company: str) -> str:
    """The exact text that a customer agrees to. Change ``CONSENT_VERSION`` with it."""
    return (
        f"I agree that {company} charges my card once a month for what I have bought in that month, until I end this. "
        "Amount and date of each charge are announced by mail at least three days before."
    )


class Consent(Model):
    version: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    text: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    at: Instant


class RegistrationState(StrEnum):
    OPEN = "open"  # no card yet
    SAVED = "saved"  # has a card; the customer is not recorded and started yet
    STARTED = "started"
    KNOWN = "known"  # the email belongs to another customer or to an import that lacks a card: nothing was started


ON_ITS_WAY = (RegistrationState.OPEN, RegistrationState.SAVED)


class Registration(Party):
    """One registration. ``revision`` grows with every change: of two concurrent changes, one is rejected.

    ``payer_id`` is the customer at the processor (None: not created yet), ``session_id`` the current card page (None:
    none is open), ``told_at`` the instant at which the final mail was sent. An import has no final mail and no
    ``consent``, which was given elsewhere. Without ``terms`` from a file, the default terms apply with ``review_mode``.
    """

    email: Email
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
        """Whether it came from a file, which sets currency and time zone."""
        return self.registration_id == import_id(self.customer_id)

    def customer(self) -> Customer:
        """The customer that the registration makes. It must have a card."""
        assert self.card, f"{self.registration_id} has no card yet"
        terms = self.terms or Terms(review_mode=self.review_mode)
        return Customer.model_validate({**dict(self), "payment_method": self.card, "terms": terms})

    def without_card(self) -> Customer:
        """The customer as a mail needs one that invites to register a card."""
        party = {name: getattr(self, name) for name in Party.model_fields}
        return Customer.model_validate({**party, "payment_method": BillPayer()})


def browser_key(cookie: str) -> str:
    """The browser's key from its cookie, or a new one, so that a form sent again continues the same registration."""
    return cookie if _BROWSER_KEY.fullmatch(cookie) else secrets.token_urlsafe(16)


def registration_id_of(browser_key: str, email: str, currency: str, timezone: str) -> str:
    """The id of a form's registration: equal for a repeat from the same browser, new for a corrected address."""
    text = "|".join((browser_key, email, currency, timezone))
    return f"R-{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def names_a_page(name: str) -> bool:
    """Whether a mail program would turn part of the name into a link: our mails must not carry a stranger's.

    Domains are in any script, and have other full stops than ours; vowel signs are no letters to Python.
    """
    shown = (char for char in unicodedata.normalize("NFKD", name) if not is_invisible(char))
    letters = "".join(char for char in shown if not unicodedata.category(char).startswith("M"))
    return bool(_PAGE_ADDRESS.search(letters))


def new_customer_id() -> str:
    """A random id, which reveals nothing about the customer."""
    return f"c-{secrets.token_hex(6)}"


def import_id(customer_id: str) -> str:
    """The id of the customer's import, equal for every repeat."""
    return f"I-{customer_id}"


class Registrations(Protocol):
    """Registrations in the ledger. Every method can be retried after any failure."""

    async def open_registration(self, registration: Registration) -> Registration:
        """Saves a new registration. If it exists, or another one of its customer, returns that one unchanged."""

    async def registrations_of(self, email: str) -> list[Registration]:
        """The email's registrations in progress, oldest first."""

    async def registration(self, registration_id: str) -> Registration | None: ...

    async def registrations(self, unfinished: bool = False, failed: list[Failed] | None = None) -> list[Registration]:
        """Registrations, oldest first. ``unfinished``: only with an open card page, a new card, or a mail to send."""

    async def save_registration(self, registration: Registration) -> bool:
        """Saves the next revision. False, saving nothing, after a concurrent change or if the email has a SAVED one."""

    async def forget_registrations(self, before: Instant) -> int:
        """Deletes registrations without card or card page that last changed ``before``; returns their number."""
