"""Sample subscribers: three customers without a card, with accounts and tariffs, in files that commands read."""

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from billing.customers.account_numbers import check_digit
from billing.customers.ladder import parse_ladder
from billing.period import Period
from billing.tariffs.ports import TariffBook
from billing.tariffs.tariff import Tariff, TariffVersion
from sandbox.stand_ins.whole_file import write_csv

ROSTER, ACCOUNTS, TARIFFS = "subscribers.csv", "accounts.csv", "tariffs.csv"
_LADDER = parse_ladder("1 remind, 5 warn, 12 suspend, 30 disconnect")
_FEES = {"home-100": ("Internet 100", 29_90), "tv": ("Television", 9_90)}
_ROSTER = ("customer_id", "name", "currency", "timezone", "pay_by", "email", "phone", "bill_by")


class SampleSubscriber(NamedTuple):
    """``tariffs``: one for each account."""

    customer_id: str
    name: str
    email: str
    phone: str
    bill_by: str
    tariffs: tuple[str, ...]

    @property
    def numbers(self) -> list[str]:
        """Of the accounts; always the same."""
        digits = [f"{SUBSCRIBERS.index(self) + 1}{place:05}" for place, _ in enumerate(self.tariffs, start=1)]
        return [each + check_digit(each) for each in digits]


SUBSCRIBERS = (
    SampleSubscriber("aigul", "Aigul Bekova", "", "+77010000001", "sms", ("home-100",)),
    SampleSubscriber("bekov", "Bekov & Sons", "office@bekov.example", "+77010000002", "mail+sms", ("home-100", "tv")),
    SampleSubscriber("dana", "Dana Orlova", "dana@orlova.example", "", "mail", ("tv",)),
)


async def prepare_subscribers(folder: Path, ledger: TariffBook) -> Path:
    """Adds the tariffs and writes the files, once for a folder: customers, their accounts, and the accounts' tariffs.

    Returns the path of the customers' file, ready for ``starter.py start --from``.
    """
    roster = folder / ROSTER
    if roster.exists():
        return roster
    now = datetime.now(UTC)
    first = Period.at(now, "Europe/Paris").first_day
    for code, (name, fee_minor) in _FEES.items():
        version = TariffVersion(starts_on=first, fee_minor=fee_minor)
        tariff = Tariff(code=code, name=name, currency="eur", versions=(version,), ladder=_LADDER)
        await ledger.add_tariff(tariff, "carol", "the sample", now)
    owned = [(who, *pair) for who in SUBSCRIBERS for pair in zip(who.numbers, who.tariffs, strict=True)]
    write_csv(folder / ACCOUNTS, [("customer", "number"), *((who.customer_id, number) for who, number, _ in owned)])
    write_csv(folder / TARIFFS, [("number", "tariff", "from"), *((number, code, first) for _, number, code in owned)])
    people = [(s.customer_id, s.name, "eur", "Europe/Paris", "bill", s.email, s.phone, s.bill_by) for s in SUBSCRIBERS]
    write_csv(roster, [_ROSTER, *people])
    return roster
