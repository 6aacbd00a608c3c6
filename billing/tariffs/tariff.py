"""Tariffs: a recurring fee by effective dates, and the rules by which a part of a month is billed."""

from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from billing.customers.customer import Currency, Name
from billing.customers.ladder import Ladder
from billing.errors import InvalidInput
from billing.model import Few, Model
from billing.money import MAX_AMOUNT_MINOR, format_amount, step_minor

TariffCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,39}$", max_length=40)]
FeeMinor = Annotated[int, Field(ge=0, le=MAX_AMOUNT_MINOR)]


def _in_this_century(day: date) -> date:
    if day.year not in range(2000, 2100):
        raise ValueError(f"{day} is not a day from 2000 to 2099")
    return day


Day = Annotated[date, AfterValidator(_in_this_century)]
"""A day on the customer's calendar; periods are of the same years."""


class Prorated(StrEnum):
    """Where a fee is divided by days; where it is not, a month is billed whole."""

    START = "start"
    END = "end"
    CHANGE = "change"  # of the tariff, or of its fee; else the month is billed by what it ends with
    SUSPENSION = "suspension"  # days that are suspended from midnight to midnight cost nothing


class TariffVersion(Model):
    """The fee for a whole month, and its rules, from ``starts_on`` until the next version."""

    starts_on: Day
    fee_minor: FeeMinor
    prorated: Few[Prorated] = tuple(Prorated)


class Tariff(Model):
    """What an account can subscribe to. From the day after ``ended_on`` nobody new can; who has it keeps it.

    ``ladder`` follows when its subscribers do not pay, unless their own terms have one; (): that of all customers.
    """

    code: TariffCode
    name: Name
    currency: Currency
    versions: Few[TariffVersion] = Field(min_length=1)
    ended_on: Day | None = None
    ladder: Ladder = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if any(after.starts_on <= before.starts_on for before, after in pairwise(self.versions)):
            raise ValueError("the versions of a tariff are in the order of their days")
        return self

    @property
    def starts_on(self) -> date:
        return self.versions[0].starts_on

    def check_offered(self, day: date, currency: str) -> None:
        """Raises ``InvalidInput`` unless a customer who is billed in ``currency`` can subscribe to it from ``day``."""
        if self.currency != currency:
            raise InvalidInput(
                f"tariff {self.code} is in {self.currency.upper()}, and the customer is billed in {currency.upper()}; "
                "choose a tariff in that currency, or add one"
            )
        if day < self.starts_on:
            raise InvalidInput(f"tariff {self.code} begins on {self.starts_on}; choose that day or a later one")
        if self.ended_on is not None and day > self.ended_on:
            raise InvalidInput(f"tariff {self.code} has not been offered since {self.ended_on}; choose another one")

    def with_version(self, version: TariffVersion, today: date) -> "Tariff":
        """The tariff with another fee or other rules from a later day on; the same again changes nothing.

        Raises ``InvalidInput`` unless that day is after ``today``: no draft has it yet, whoever is billed.
        """
        check_fee(version.fee_minor, self.currency)
        if version in self.versions:
            return self
        if version.starts_on <= today:
            raise InvalidInput(
                f"{version.starts_on} is not after {today}, and may be in drafts already; change the tariff from a "
                "later day on, and give one-off fees or credits for the days before"
            )
        others = [known for known in self.versions if known.starts_on != version.starts_on]
        return self.evolve(versions=tuple(sorted([*others, version], key=lambda known: known.starts_on)))


def check_fee(amount_minor: int, currency: str) -> None:
    """Raises ``InvalidInput`` for an amount that cannot be charged in ``currency``."""
    step = step_minor(currency)
    if amount_minor % step:
        amount = format_amount(amount_minor, currency)
        raise InvalidInput(f"{amount} cannot be charged; give a multiple of {format_amount(step, currency)}")
