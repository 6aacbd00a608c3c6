"""Changes to what was agreed: each once, none into a draft that exists, and a clear line for what does not fit."""

from datetime import date
from typing import Any

import pytest

from billing.errors import InvalidInput, NotFound
from billing.period import Period
from billing.tariffs.changes import (
    AddDiscount,
    AddFee,
    EndDiscount,
    EndTariff,
    Known,
    SetLimit,
    Subscribe,
    TariffChange,
)
from billing.tariffs.items import Agreed, Subscription
from billing.tariffs.tariff import Prorated, Tariff, TariffVersion

ACCOUNT = "1000009"
NET = Tariff(
    code="net",
    name="Net",
    currency="eur",
    versions=(TariffVersion(starts_on=date(2026, 1, 1), fee_minor=3000),),
)
FAST = NET.evolve(code="fast", name="Fast")


class Book:
    """What was agreed, as a ledger keeps it."""

    def __init__(self, drafted: str | None = None, currency: str = "eur") -> None:
        self.items: dict[tuple[str, str], Any] = {}
        self.drafted = Period(drafted) if drafted else None
        self.currency = currency

    def change(self, change: TariffChange, tariffs: tuple[Tariff, ...] = (NET, FAST)) -> int:
        named = {tariff.code: tariff for tariff in tariffs}
        agreed = Agreed(tuple(self.items.values()), named)
        tariff = named.get(change.tariff) if isinstance(change, Subscribe) else None
        new = change.items(Known("acme", self.currency, agreed, self.drafted, tariff))
        self.items |= {(item.kind, item.key): item for item in new}
        return len(new)

    @property
    def subscriptions(self) -> list[tuple[str, str, str | None]]:
        own = Agreed(tuple(self.items.values())).subscriptions(ACCOUNT)
        return [(item.tariff, str(item.starts_on), str(item.ends_on) if item.ends_on else None) for item in own]


def subscribe(code: str, day: str, until: str | None = None) -> Subscribe:
    ends_on = date.fromisoformat(until) if until else None
    return Subscribe(account=ACCOUNT, tariff=code, starts_on=date.fromisoformat(day), ends_on=ends_on)


def fee(**changes: Any) -> AddFee:
    values: dict[str, Any] = {"key": "f1", "account": ACCOUNT, "amount_minor": 500, "text": "Router"}
    return AddFee(**{"day": date(2026, 11, 5), **values, **changes})


def discount(**changes: Any) -> AddDiscount:
    days = {"starts_on": date(2026, 11, 5), "ends_on": date(2026, 12, 4)}
    return AddDiscount(**{"key": "d1", "account": ACCOUNT, "percent": 10, "text": "Autumn", **days, **changes})


def test_another_tariff_ends_the_one_before_and_the_same_again_changes_nothing() -> None:
    book = Book()
    assert book.change(subscribe("net", "2026-11-01")) == 1
    assert book.change(subscribe("fast", "2026-11-16")) == 2
    assert book.change(subscribe("fast", "2026-11-16")) == 0
    assert book.subscriptions == [("net", "2026-11-01", "2026-11-15"), ("fast", "2026-11-16", None)]


def test_a_mistaken_tariff_is_replaced_from_its_own_day_and_can_come_back() -> None:
    book = Book()
    book.change(subscribe("net", "2026-11-01"))
    book.change(subscribe("fast", "2026-11-01"))
    assert book.subscriptions == [("fast", "2026-11-01", None)]
    book.change(subscribe("net", "2026-11-01"))
    assert book.subscriptions == [("net", "2026-11-01", None)]


def test_an_account_has_one_tariff_at_a_time() -> None:
    book = Book()
    book.change(subscribe("fast", "2026-12-01"))
    with pytest.raises(InvalidInput, match="let net end on 2026-11-30 or earlier"):
        book.change(subscribe("net", "2026-11-01"))
    assert book.change(subscribe("net", "2026-11-01", "2026-11-30")) == 1
    with pytest.raises(InvalidInput, match="before it begins"):
        book.change(subscribe("net", "2026-11-10", "2026-11-09"))


def test_nothing_changes_a_period_that_has_its_draft() -> None:
    book = Book()
    book.change(subscribe("net", "2026-11-01"))
    book.change(discount())
    book.drafted = Period("2026-11")
    late: list[TariffChange] = [
        subscribe("fast", "2026-11-30"),
        EndTariff(account=ACCOUNT, ends_on=date(2026, 11, 29)),
        fee(),
        discount(key="d2"),
        EndDiscount(account=ACCOUNT, key="d1", ends_on=date(2026, 11, 29)),
        SetLimit(customer_id="acme", amount_minor=5, starts_with=Period("2026-11")),
    ]
    for change in late:
        with pytest.raises(InvalidInput, match=r"2026-11 has its draft already\. Let it begin on 2026-12-01 or later"):
            book.change(change)
    assert book.change(subscribe("net", "2026-11-01")) == 0
    assert book.change(EndTariff(account=ACCOUNT, ends_on=date(2026, 11, 30))) == 1
    assert book.change(fee(day=date(2026, 12, 1))) == 1


def test_an_end_withdraws_what_would_begin_later() -> None:
    book = Book()
    book.change(subscribe("net", "2026-11-01"))
    book.change(subscribe("fast", "2026-12-01"))
    end = EndTariff(account=ACCOUNT, ends_on=date(2026, 11, 20))
    assert book.change(end) == 2
    assert book.change(end) == 0
    assert book.subscriptions == [("net", "2026-11-01", "2026-11-20")]
    with pytest.raises(InvalidInput, match="has no tariff that could end"):
        Book().change(end)


def test_a_tariff_has_to_exist_and_to_be_offered_in_the_customers_currency() -> None:
    with pytest.raises(NotFound, match="there is no tariff slow"):
        Book().change(subscribe("slow", "2026-11-01"))
    with pytest.raises(InvalidInput, match="is in EUR, and the customer is billed in USD"):
        Book(currency="usd").change(subscribe("net", "2026-11-01"))
    with pytest.raises(InvalidInput, match="begins on 2026-01-01"):
        Book().change(subscribe("net", "2025-12-31"))
    ended = NET.evolve(ended_on=date(2026, 10, 31))
    with pytest.raises(InvalidInput, match="has not been offered since 2026-10-31"):
        Book().change(subscribe("net", "2026-11-01"), (ended,))


def test_a_fee_and_a_discount_are_added_once_by_their_key() -> None:
    book = Book()
    assert book.change(fee()) == book.change(discount()) == 1
    assert book.change(fee()) == book.change(discount()) == 0
    with pytest.raises(InvalidInput, match="f1 is another fee of acme already"):
        book.change(fee(amount_minor=600))
    with pytest.raises(InvalidInput, match="a fee of 0"):
        book.change(fee(key="f2", amount_minor=0))
    for wrong in ({"percent": None}, {"amount_minor": 5}, {"percent": None, "amount_minor": 0}):
        with pytest.raises(InvalidInput, match="a percentage or an amount"):
            book.change(discount(key="d2", **wrong))
    end = EndDiscount(account=ACCOUNT, key="d1", ends_on=date(2026, 11, 10))
    assert (book.change(end), book.change(end)) == (1, 0)
    with pytest.raises(NotFound):
        book.change(EndDiscount(account=ACCOUNT, key="d9", ends_on=date(2026, 11, 10)))


def test_a_limit_replaces_the_one_before_and_can_end() -> None:
    book = Book()
    first = SetLimit(customer_id="acme", amount_minor=500, starts_with=Period("2026-11"))
    assert (book.change(first), book.change(first)) == (1, 0)
    assert book.change(SetLimit(customer_id="acme", amount_minor=700, starts_with=Period("2027-01"))) == 2
    assert book.items["limit", "2026-11-01"].ends_on == date(2026, 12, 31)
    end = SetLimit(customer_id="acme", amount_minor=None, starts_with=Period("2027-01"))
    assert (book.change(end), book.change(end)) == (1, 0)
    assert not book.items["limit", "2027-01-01"].is_real


def test_a_tariff_changes_from_a_later_day_on() -> None:
    new = TariffVersion(starts_on=date(2026, 12, 1), fee_minor=3500, prorated=(Prorated.START,))
    changed = NET.with_version(new, date(2026, 11, 30))
    assert changed.versions == (*NET.versions, new)
    assert changed.with_version(new, date(2027, 6, 1)) == changed
    with pytest.raises(InvalidInput, match="2026-11-30 is not after 2026-11-30"):
        NET.with_version(new.evolve(starts_on=date(2026, 11, 30)), date(2026, 11, 30))
    yen = NET.evolve(currency="isk")
    with pytest.raises(InvalidInput, match="cannot be charged"):
        yen.with_version(new.evolve(fee_minor=3550), date(2026, 11, 30))


def test_a_key_names_a_subscription_on_one_day() -> None:
    own = Subscription(customer_id="acme", account=ACCOUNT, tariff="net", starts_on=date(2026, 11, 1))
    assert own.key == "1000009.2026-11-01.net"
