"""What was agreed for a customer's accounts: subscriptions, one-off fees, discounts, and a limit of the whole."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, StringConstraints

from billing.customers.account_numbers import AccountNumber
from billing.customers.ladder import Rung
from billing.invoices.invoice import AmountMinor, Description
from billing.model import Id, Model
from billing.period import Period
from billing.tariffs.tariff import Day, FeeMinor, Tariff, TariffCode

ItemKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", max_length=64)]
"""Names an item among a customer's of its kind, so that the same one again is no other."""


class _Item(Model):
    """``ends_on`` is the last day; before ``starts_on``: it was withdrawn before it took effect."""

    customer_id: Id
    starts_on: Day
    ends_on: Day | None = None

    def is_on(self, day: date) -> bool:
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)

    def is_within(self, first: date, last: date) -> bool:
        """Whether it is in force on any of these days."""
        return self.is_real and self.starts_on <= last and (self.ends_on is None or first <= self.ends_on)

    @property
    def is_real(self) -> bool:
        return self.ends_on is None or self.starts_on <= self.ends_on


class Subscription(_Item):
    """An account's tariff; one at a time."""

    kind: Literal["subscription"] = "subscription"
    account: AccountNumber
    tariff: TariffCode

    @property
    def key(self) -> str:
        return f"{self.account}.{self.starts_on}.{self.tariff}"


class Fee(_Item):
    """A one-off fee, or a credit if it is negative, in the period of its day (both ends are that day)."""

    kind: Literal["fee"] = "fee"
    key: ItemKey
    account: AccountNumber
    amount_minor: AmountMinor
    text: Description


class Discount(_Item):
    """Takes a percentage, or an amount for a whole month, off an account's fee; by day, until its last day."""

    kind: Literal["discount"] = "discount"
    key: ItemKey
    account: AccountNumber
    percent: int | None = Field(None, ge=1, le=100)
    amount_minor: FeeMinor | None = None
    text: Description


class Limit(_Item):
    """The most that a customer's tariffs cost in a month, after discounts; one-off fees come on top."""

    kind: Literal["limit"] = "limit"
    amount_minor: FeeMinor

    @property
    def key(self) -> str:
        return f"{self.starts_on}"


TariffItem = Annotated[Subscription | Fee | Discount | Limit, Field(discriminator="kind")]


class Agreed(NamedTuple):
    """All items of one customer, and their tariffs by code; ``revision`` grows with every change."""

    items: tuple[TariffItem, ...] = ()
    tariffs: Mapping[str, Tariff] = {}
    revision: int = 0

    def subscriptions(self, account: str) -> list[Subscription]:
        """The account's, without withdrawn ones, by day."""
        own = (item for item in self.items if isinstance(item, Subscription) and item.account == account)
        return sorted((item for item in own if item.is_real), key=lambda item: item.starts_on)

    def ladder(self, period: Period) -> tuple[Rung, ...]:
        """The ladder of the tariff that the customer had last in the period; of several accounts, the first with one.

        (): their tariffs have none.
        """
        accounts = sorted({item.account for item in self.items if isinstance(item, Subscription)})
        for account in accounts:
            own = [item for item in self.subscriptions(account) if item.is_within(period.first_day, period.last_day)]
            if own and (ladder := self.tariffs[own[-1].tariff].ladder):
                return ladder
        return ()

    def discounts(self, account: str) -> list[Discount]:
        own = (item for item in self.items if isinstance(item, Discount) and item.account == account)
        return sorted(own, key=lambda item: (item.starts_on, item.key))
