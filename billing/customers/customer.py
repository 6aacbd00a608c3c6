"""Customers, their terms, and changes to both."""

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from billing.customers.address import MAX_CHARACTERS, checked_email, email_key
from billing.customers.channels import Channel, Phone
from billing.customers.ladder import Ladder
from billing.customers.schedule import Instants, Schedule
from billing.errors import InvalidInput
from billing.model import Few, Kept, Minor, Model, Number
from billing.money import currency_code
from billing.payments.methods import CardOnFile, PaymentMethod
from billing.period import Period


class ReviewMode(StrEnum):
    """The review that a draft needs before its charge is announced."""

    MONITOR = "monitor"  # silence is consent
    APPROVE = "approve"  # no approval, no charge
    MANUAL = "manual"  # a person enters the amount, another approves it


def _check(parse: Callable[[str], str]) -> AfterValidator:
    def parsed(text: str) -> str:
        try:
            return parse(text)
        except InvalidInput as error:
            raise ValueError(str(error)) from None

    return AfterValidator(parsed)


def _valid_zone(name: str) -> str:
    if name in ("localtime", "posixrules", "Factory"):
        raise ValueError(f"{name!r} differs from machine to machine; use a name such as Europe/Paris")
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ValueError(f"{name!r} is not a time zone; use a name such as Europe/Paris") from None
    return name


CustomerId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", max_length=64)]
Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=MAX_CHARACTERS), _check(checked_email)]
Currency = Annotated[str, Field(max_length=10), _check(currency_code)]
Timezone = Annotated[str, Field(max_length=100), AfterValidator(_valid_zone)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Kept]
Trigger = Literal["first", "changed", "large", "edited"]
"""The draft flags (``billing.invoices.approval_policy.Flag``) that can require an approval."""
DunningDay = Annotated[int, Field(ge=1, le=180)]


class Terms(Model):
    """The billing terms of one customer.

    ``dunning_days`` after a failed charge, the card is retried or a reminder sent; after ``give_up_days`` a person
    decides. A ``ladder`` replaces those days. Reviewers accept promises to pay within ``promise_days``; customers on a
    ladder make them within ``own_promise_days`` (0: none). A draft is flagged if its own sales differ from the previous
    month's by more than ``unusual_change_percent``, or its total exceeds ``unusual_above_minor`` (None: never). Flags
    in ``approve_when`` require an approval even in review mode monitor. Who pays by bill gets it by each channel of
    ``bill_by`` for which there is an address.
    """

    review_mode: ReviewMode = ReviewMode.MONITOR
    schedule: Schedule = Schedule()
    min_window_hours: int = Field(48, ge=1, le=720)
    min_notice_hours: int = Field(72, ge=1, le=720)
    reminder_hours: int = Field(24, ge=1, le=720)
    nothing_due_email: bool = False
    dunning_days: Few[DunningDay] = (3, 5, 7, 14)
    give_up_days: int = Field(21, ge=1, le=180)
    ladder: Ladder = ()
    promise_days: int = Field(30, ge=1, le=90)
    own_promise_days: int = Field(5, ge=0, le=30)
    unusual_change_percent: int | None = Field(50, ge=1, le=100_000)
    unusual_above_minor: int | None = Field(None, ge=1, le=10**15)
    approve_when: Few[Trigger] = ()
    bill_by: tuple[Channel, ...] = Field((Channel.MAIL,), min_length=1, max_length=len(Channel))

    @model_validator(mode="after")
    def _gives_up_last(self) -> "Terms":
        if list(self.dunning_days) != sorted(set(self.dunning_days)) or len(self.dunning_days) > 7:
            raise ValueError("dunning_days: up to seven days, each later than the one before")
        if self.dunning_days and self.give_up_days < self.dunning_days[-1]:
            raise ValueError("give_up_days comes before the last of dunning_days")
        return self

    @property
    def min_window(self) -> timedelta:
        """The shortest time between a draft and its charge notice."""
        return timedelta(hours=self.min_window_hours)

    @property
    def min_notice(self) -> timedelta:
        """The shortest time between a charge notice and its charge."""
        return timedelta(hours=self.min_notice_hours)

    @property
    def reminder(self) -> timedelta:
        """The time between two reminders to the reviewers."""
        return timedelta(hours=self.reminder_hours)


class Party(Model):
    """A customer, whatever the payment method. ``customer_id`` is ours, never personal, and names the workflow."""

    customer_id: CustomerId
    email: Email | None = None
    name: Name
    currency: Currency
    timezone: Timezone
    phone: Phone | None = None

    @property
    def email_key(self) -> str | None:
        """The key for comparing addresses; None without one. Mail goes to ``email``."""
        return email_key(self.email) if self.email else None

    @property
    def mailbox(self) -> str:
        """The email of somebody who has one, as whoever is charged has."""
        assert self.email, f"{self.customer_id} has no email"
        return self.email


class Customer(Party):
    payment_method: PaymentMethod
    terms: Terms = Terms()

    @model_validator(mode="after")
    def _can_be_told(self) -> "Customer":
        if self.card and not self.email:
            raise ValueError("a card needs an email, to which its charges are announced")
        if not self.card and not self.told_by:
            channels = " or ".join("an email" if by is Channel.MAIL else "a phone" for by in self.terms.bill_by)
            raise ValueError(f"a bill by {'+'.join(self.terms.bill_by)} needs {channels}; add it, or change bill_by")
        return self

    @property
    def card(self) -> CardOnFile | None:
        """The card that is charged; None: the customer gets bills."""
        return self.payment_method if isinstance(self.payment_method, CardOnFile) else None

    @property
    def card_on_file(self) -> CardOnFile:
        """The card of a customer who is charged."""
        assert self.card, f"{self.customer_id} pays by bill"
        return self.card

    @property
    def payer_id(self) -> str | None:
        """The customer's id at the card's processor; None: there is no card."""
        return self.card.payer_id if self.card else None

    @property
    def last4(self) -> str:
        """The card's last digits; "" if they are not known, or there is no card."""
        return self.card.last4 if self.card else ""

    @property
    def told_by(self) -> tuple[Channel, ...]:
        """The channels by which bills go: those of ``terms.bill_by`` for which there is an address."""
        addresses = {Channel.MAIL: self.email, Channel.SMS: self.phone}
        return tuple(channel for channel in self.terms.bill_by if addresses[channel])

    def instants(self, period: Period) -> Instants:
        """The planned import, notice and charge of ``period``, in UTC, this customer's spread included."""
        schedule = self.terms.schedule
        return schedule.instants(period, self.timezone).later(schedule.share(self.customer_id))

    def spread_over(self, minutes: int) -> "Customer":
        """The customer with this spread, unless the schedule sets its own."""
        schedule = self.terms.schedule
        if "spread_minutes" in schedule.model_fields_set:
            return self
        return self.evolve(terms=self.terms.evolve(schedule=schedule.evolve(spread_minutes=minutes)))


class TermsChanges(Model, extra="forbid"):
    """Changes to the terms; None leaves a term as it is, and 0 removes a limit."""

    review_mode: ReviewMode | None = None
    schedule: Schedule | None = None
    min_window_hours: Number | None = None
    min_notice_hours: Number | None = None
    reminder_hours: Number | None = None
    nothing_due_email: bool | None = None
    dunning_days: Few[DunningDay] | None = None
    give_up_days: Number | None = None
    ladder: Ladder | None = None
    promise_days: Number | None = None
    own_promise_days: Number | None = None
    unusual_change_percent: Number | None = None
    unusual_above_minor: Minor | None = None
    approve_when: Few[Trigger] | None = None
    bill_by: tuple[Channel, ...] | None = Field(None, max_length=len(Channel))

    def made_to(self, terms: Terms) -> Terms:
        changes = {name: value for name, value in self if value is not None}
        removed = {name: None for name in ("unusual_change_percent", "unusual_above_minor") if changes.get(name) == 0}
        return terms.evolve(**changes | removed)


class CustomerChanges(Model, extra="forbid"):
    """Changes to a customer; None leaves a field as it is."""

    email: Email | None = None
    name: Name | None = None
    currency: Currency | None = None
    timezone: Timezone | None = None
    phone: Phone | None = None
    payment_method: PaymentMethod | None = None
    terms: TermsChanges | None = None

    def made_to(self, customer: Customer) -> Customer:
        """The changed customer. Raises ``pydantic.ValidationError`` if the terms contradict each other."""
        changes = {name: value for name, value in self if value is not None}
        if self.terms is not None:
            changes["terms"] = self.terms.made_to(customer.terms)
        return customer.evolve(**changes)
