"""Customers: who they are, how they are charged, and on which terms."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from billing.customers.address import MAX_CHARACTERS, checked_email, email_key
from billing.customers.schedule import Instants, Schedule
from billing.errors import InvalidInput
from billing.model import Few, Kept, Minor, Model, Number
from billing.money import currency_code
from billing.payments.methods import PaymentMethod
from billing.period import Period


class ReviewMode(StrEnum):
    """What it takes before a customer is charged."""

    MONITOR = "monitor"  # silence is consent
    APPROVE = "approve"  # no approval, no charge
    MANUAL = "manual"  # a person enters the amount, another approves it


def _valid_email(text: str) -> str:
    try:
        return checked_email(text)
    except InvalidInput as error:
        raise ValueError(str(error)) from None


def _valid_currency(text: str) -> str:
    try:
        return currency_code(text)
    except InvalidInput as error:
        raise ValueError(str(error)) from None


def _valid_zone(name: str) -> str:
    if name in ("localtime", "posixrules", "Factory"):
        raise ValueError(f"{name!r} differs from machine to machine; use a name such as Europe/Paris")
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ValueError(f"{name!r} is not a time zone; use a name such as Europe/Paris") from None
    return name


CustomerId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", max_length=64)]
Email = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=MAX_CHARACTERS), AfterValidator(_valid_email)
]
Currency = Annotated[str, Field(max_length=10), AfterValidator(_valid_currency)]
Timezone = Annotated[str, Field(max_length=100), AfterValidator(_valid_zone)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Kept]
Trigger = Literal["first", "changed", "large", "edited"]
"""The flags of a draft (``billing.invoices.approval_policy.Flag``) that may demand an approval."""
DunningDay = Annotated[int, Field(ge=1, le=180)]


class Terms(Model):
    """What was agreed with a customer. Durations in hours, or as they say in days.

    A charge that failed is tried again, or its customer reminded, ``dunning_days`` after the charge; after
    ``give_up_days`` people decide. A draft is flagged as unusual if the month's own sales differ from the last ones by
    more than ``unusual_change_percent``, or its total is above ``unusual_above_minor`` (None: never); the flags in
    ``approve_when`` demand an approval also in review mode monitor.
    """

    review_mode: ReviewMode = ReviewMode.MONITOR
    schedule: Schedule = Schedule()
    min_window_hours: int = Field(48, ge=1, le=720)
    min_notice_hours: int = Field(72, ge=1, le=720)
    reminder_hours: int = Field(24, ge=1, le=720)
    nothing_due_email: bool = False
    dunning_days: Few[DunningDay] = (3, 5, 7, 14)
    give_up_days: int = Field(21, ge=1, le=180)
    unusual_change_percent: int | None = Field(50, ge=1, le=100_000)
    unusual_above_minor: int | None = Field(None, ge=1, le=10**15)
    approve_when: Few[Trigger] = ()

    @model_validator(mode="after")
    def _gives_up_last(self) -> "Terms":
        if list(self.dunning_days) != sorted(set(self.dunning_days)) or len(self.dunning_days) > 7:
            raise ValueError("dunning_days: up to seven days, each later than the one before")
        if self.dunning_days and self.give_up_days < self.dunning_days[-1]:
            raise ValueError("give_up_days comes before the last of dunning_days")
        return self

    @property
    def min_window(self) -> timedelta:
        """Reviewers have at least this long between a draft and its notice."""
        return timedelta(hours=self.min_window_hours)

    @property
    def min_notice(self) -> timedelta:
        """Customers are told at least this long before they are charged."""
        return timedelta(hours=self.min_notice_hours)

    @property
    def reminder(self) -> timedelta:
        """Reviewers are reminded this often of what waits for them."""
        return timedelta(hours=self.reminder_hours)


class Party(Model):
    """Who is billed, by whatever they pay. ``customer_id`` is ours, never personal, and names the workflow for ever."""

    customer_id: CustomerId
    email: Email
    name: Name
    currency: Currency
    timezone: Timezone


class Customer(Party):
    """One regular customer."""

    payment_method: PaymentMethod
    terms: Terms = Terms()

    @property
    def email_key(self) -> str:
        """What the address is compared by; it is written to as it stands in ``email``."""
        return email_key(self.email)

    def instants(self, period: Period) -> Instants:
        """When this customer's ``period`` is collected, announced and charged, if all goes well."""
        schedule = self.terms.schedule
        return schedule.instants(period, self.timezone).later(schedule.share(self.customer_id))

    def spread_over(self, minutes: int) -> "Customer":
        """With this spread, unless the schedule says one itself."""
        schedule = self.terms.schedule
        if "spread_minutes" in schedule.model_fields_set:
            return self
        return self.evolve(terms=self.terms.evolve(schedule=schedule.evolve(spread_minutes=minutes)))


class TermsChanges(Model, extra="forbid"):
    """The terms that an operator wants changed; those left out stay as they are. A limit of 0 is taken away."""

    review_mode: ReviewMode | None = None
    schedule: Schedule | None = None
    min_window_hours: Number | None = None
    min_notice_hours: Number | None = None
    reminder_hours: Number | None = None
    nothing_due_email: bool | None = None
    dunning_days: Few[DunningDay] | None = None
    give_up_days: Number | None = None
    unusual_change_percent: Number | None = None
    unusual_above_minor: Minor | None = None
    approve_when: Few[Trigger] | None = None

    def made_to(self, terms: Terms) -> Terms:
        given = {name: value for name, value in self if value is not None}
        removed = {name: None for name in ("unusual_change_percent", "unusual_above_minor") if given.get(name) == 0}
        return terms.evolve(**given | removed)


class CustomerChanges(Model, extra="forbid"):
    """The fields of a customer that an operator wants changed; those left out stay as they are."""

    email: Email | None = None
    name: Name | None = None
    currency: Currency | None = None
    timezone: Timezone | None = None
    payment_method: PaymentMethod | None = None
    terms: TermsChanges | None = None

    def made_to(self, customer: Customer) -> Customer:
        """The customer after the changes. Raises ``pydantic.ValidationError`` if the terms do not fit together."""
        given = {name: value for name, value in self if value is not None}
        if self.terms is not None:
            given["terms"] = self.terms.made_to(customer.terms)
        return customer.evolve(**given)
