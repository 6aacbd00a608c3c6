"""What people change about a customer's accounts, and the items that it makes; carried out under the customer's lock.

Every change names its item, so that the same one again changes nothing. None reaches into a period whose draft exists.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from billing.customers.account_numbers import AccountNumber
from billing.errors import InvalidInput, NotFound
from billing.invoices.invoice import AmountMinor, Description
from billing.model import Id, Model
from billing.period import Period
from billing.tariffs.items import Agreed, Discount, Fee, ItemKey, Limit, Subscription, TariffItem
from billing.tariffs.tariff import Day, FeeMinor, Tariff, TariffCode, check_fee

_DAY = timedelta(days=1)
ITEMS_MAX = 5000
"""Of one customer, ended ones included."""


class Known(NamedTuple):
    """What a change is held against. ``drafted`` is the newest period with a draft; None: there is none yet."""

    customer_id: str
    currency: str
    agreed: Agreed
    drafted: Period | None = None
    tariff: Tariff | None = None  # the one that the change names

    def check_free(self, day: date) -> None:
        """Raises ``InvalidInput`` if what happens on ``day`` should be in a draft that exists."""
        if self.drafted is not None and day <= self.drafted.last_day:
            raise InvalidInput(
                f"{day} is in the past for invoices: {self.drafted} has its draft already. Let it begin on "
                f"{self.drafted.next().first_day} or later, and add a one-off fee or credit for the days before, or "
                f"edit the draft of {self.drafted}"
            )


class Subscribe(Model):
    """Gives an account a tariff from a day on; the one that it has by then ends on the day before."""

    kind: Literal["tariff"] = "tariff"
    account: AccountNumber
    tariff: TariffCode
    starts_on: Day
    ends_on: Day | None = None

    def items(self, known: Known) -> Sequence[TariffItem]:
        new = Subscription(**self.model_dump(exclude={"kind"}), customer_id=known.customer_id)
        own = known.agreed.subscriptions(self.account)
        if new in own:
            return ()
        _check_order(new)
        if known.tariff is None:
            raise NotFound(f"there is no tariff {self.tariff}; see: python starter.py tariffs list")
        known.tariff.check_offered(self.starts_on, known.currency)
        known.check_free(self.starts_on)
        replaced = [item for item in own if item.is_on(self.starts_on)]
        _check_alone(new, [item for item in own if item not in replaced])
        ended = [item.evolve(ends_on=self.starts_on - _DAY) for item in replaced if item.key != new.key]
        return (*ended, new)


class EndTariff(Model):
    """Ends an account's tariff with a day, its last; one that would begin later is withdrawn."""

    kind: Literal["end tariff"] = "end tariff"
    account: AccountNumber
    ends_on: Day

    def items(self, known: Known) -> Sequence[TariffItem]:
        own = known.agreed.subscriptions(self.account)
        after = [item for item in own if item.ends_on is None or item.ends_on > self.ends_on]
        if not own:
            raise InvalidInput(f"account {self.account} has no tariff that could end")
        if after:
            known.check_free(self.ends_on + _DAY)
        return [item.evolve(ends_on=max(self.ends_on, item.starts_on - _DAY)) for item in after]


class AddFee(Model):
    """A one-off fee, or a credit."""

    kind: Literal["fee"] = "fee"
    key: ItemKey
    account: AccountNumber
    day: Day
    amount_minor: AmountMinor
    text: Description

    def items(self, known: Known) -> Sequence[TariffItem]:
        values = self.model_dump(exclude={"kind", "day"}) | {"starts_on": self.day, "ends_on": self.day}
        fee = Fee(**values, customer_id=known.customer_id)
        if not self.amount_minor:
            raise InvalidInput("a fee of 0 bills nothing; give an amount, below 0 for a credit")
        check_fee(self.amount_minor, known.currency)
        return _once(fee, [item for item in known.agreed.items if isinstance(item, Fee)], known)


class AddDiscount(Model):
    """A discount on an account's fee until its last day; either a percentage or an amount for a whole month."""

    kind: Literal["discount"] = "discount"
    key: ItemKey
    account: AccountNumber
    starts_on: Day
    ends_on: Day
    percent: int | None = Field(None, ge=1, le=100)
    amount_minor: FeeMinor | None = None
    text: Description

    def items(self, known: Known) -> Sequence[TariffItem]:
        discount = Discount(**self.model_dump(exclude={"kind"}), customer_id=known.customer_id)
        if (self.percent is None) == (not self.amount_minor):
            raise InvalidInput("a discount is a percentage or an amount; give one of them")
        check_fee(self.amount_minor or 0, known.currency)
        _check_order(discount)
        return _once(discount, [item for item in known.agreed.items if isinstance(item, Discount)], known)


class EndDiscount(Model):
    """Ends a discount earlier, with a day, its last."""

    kind: Literal["end discount"] = "end discount"
    account: AccountNumber
    key: ItemKey
    ends_on: Day

    def items(self, known: Known) -> Sequence[TariffItem]:
        discount = next((item for item in known.agreed.discounts(self.account) if item.key == self.key), None)
        if discount is None:
            raise NotFound(f"account {self.account} has no discount {self.key}")
        if discount.ends_on is not None and discount.ends_on <= self.ends_on:
            return ()
        known.check_free(self.ends_on + _DAY)
        return [discount.evolve(ends_on=max(self.ends_on, discount.starts_on - _DAY))]


class SetLimit(Model):
    """The most that all the customer's tariffs cost in a month; None: the limit ends with the month before."""

    kind: Literal["limit"] = "limit"
    customer_id: Id
    amount_minor: FeeMinor | None
    starts_with: Period
    ends_with: Period | None = None

    def items(self, known: Known) -> Sequence[TariffItem]:
        first = self.starts_with.first_day
        limits = [item for item in known.agreed.items if isinstance(item, Limit) and item.is_real]
        replaced = [item for item in limits if item.ends_on is None or item.ends_on >= first]
        new = self._new(known)
        if new == replaced:
            return ()
        known.check_free(first)
        ended = [item.evolve(ends_on=max(first, item.starts_on) - _DAY) for item in replaced]
        return (*(item for item in ended if item.key not in {limit.key for limit in new}), *new)

    def _new(self, known: Known) -> list[Limit]:
        if self.amount_minor is None:
            return []
        check_fee(self.amount_minor, known.currency)
        first, last = self.starts_with.first_day, self.ends_with.last_day if self.ends_with else None
        limit = Limit(customer_id=known.customer_id, starts_on=first, ends_on=last, amount_minor=self.amount_minor)
        _check_order(limit)
        return [limit]


TariffChange = Annotated[
    Subscribe | EndTariff | AddFee | AddDiscount | EndDiscount | SetLimit, Field(discriminator="kind")
]


def _check_order(item: TariffItem) -> None:
    if not item.is_real:
        raise InvalidInput(f"it would end on {item.ends_on}, before it begins on {item.starts_on}; correct the days")


def _check_alone(new: Subscription, others: Iterable[Subscription]) -> None:
    for other in others:
        if other.starts_on > new.starts_on and (new.ends_on is None or new.ends_on >= other.starts_on):
            raise InvalidInput(
                f"account {new.account} has tariff {other.tariff} from {other.starts_on} on, and one tariff at a time; "
                f"let {new.tariff} end on {other.starts_on - _DAY} or earlier, or end the tariff first"
            )


def _once(new: Fee | Discount, others: Sequence[Fee | Discount], known: Known) -> Sequence[TariffItem]:
    """The item, unless it is known; another one of its key is refused."""
    same = next((item for item in others if item.key == new.key), None)
    if same == new:
        return ()
    if same is not None:
        raise InvalidInput(f"{new.key} is another {new.kind} of {new.customer_id} already; give a key of its own")
    known.check_free(new.starts_on)
    return (new,)
