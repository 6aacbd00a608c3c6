"""The provider of the demo: two tariffs, five subscribers who are there already, and the settings of a company without
a sheet.
"""

from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from billing.customers.account_numbers import check_digit
from billing.customers.ladder import parse_ladder
from billing.subscribers.ports import Services
from billing.subscribers.service import Change, NewService, ServiceCause, ServiceState
from billing.tariffs.changes import Subscribe
from billing.tariffs.ports import TariffBook
from billing.tariffs.tariff import Tariff, TariffVersion
from sandbox.stand_ins.subscribers import SUBSCRIBERS, Subscribers
from sandbox.stand_ins.whole_file import write_csv, write_whole

ZONE, CURRENCY = "Europe/Paris", "eur"
SLOW, FAST = "home-100", "home-300"
_TARIFFS = {SLOW: ("Internet 100", 29_90), FAST: ("Internet 300", 44_90)}
_LADDER = parse_ladder("1 remind, 4 warn, 8 suspend, 12 disconnect")
_WHO = "carol", "the company as it was"
_ROSTER = ("customer_id", "name", "currency", "timezone", "pay_by", "email", "phone", "bill_by")
SETTINGS = {"BILLING_SALES": "none", "BILLING_TEXTS": '{"pay": "In the bank app", "price": "0.06 EUR"}'}
"""Of a company without a sheet, whose texts cost something."""


class Resident(NamedTuple):
    """Somebody who is connected already."""

    customer_id: str
    name: str
    phone: str
    address: str
    node: str
    tariff: str = SLOW

    @property
    def number(self) -> str:
        digits = f"5000{RESIDENTS.index(self) + 1:02}"
        return digits + check_digit(digits)


class Newcomer(NamedTuple):
    """Somebody who wants to be connected."""

    customer_id: str
    name: str
    phone: str
    address: str


AIGUL = Resident("aigul", "Aigul Bekova", "+77010000001", "Abay Ave. 1", "north-3")
TIMUR = Resident("timur", "Timur Orlov", "+77010000002", "Abay Ave. 12", "north-3")
SAULE = Resident("saule", "Saule Kim", "+77010000003", "Abay Ave. 30", "north-3")
MARAT = Resident("marat", "Marat Ivanov", "+77010000004", "Lake St. 4", "south-1")
RUSLAN = Resident("ruslan", "Ruslan Weber", "+77010000005", "Lake St. 9", "south-1")
RESIDENTS = (AIGUL, TIMUR, SAULE, MARAT, RUSLAN)

DANA = Newcomer("dana", "Dana Moreau", "+77010000006", "Abay Ave. 5")
ERLAN = Newcomer("erlan", "Erlan Silva", "+77010000007", "Lake St. 2")
FARID = Newcomer("farid", "Farid Nowak", "+77010000008", "Abay Ave. 7")
GULNAR = Newcomer("gulnar", "Gulnar Haddad", "+77010000009", "Lake St. 11")
NEWCOMERS = (DANA, ERLAN, FARID, GULNAR)


class CompanyLedger(Services, TariffBook, Protocol):
    """The stores it fills."""


def write_settings(folder: Path) -> Path:
    """What worker, console and commands read in their folder."""
    write_whole(folder / ".env", "".join(f"{name}='{value}'\n" for name, value in SETTINGS.items()))
    return folder / ".env"


def write_roster(folder: Path) -> Path:
    """The residents, ready for ``starter.py start --from``."""
    people = [(each.customer_id, each.name, CURRENCY, ZONE, "bill", "", each.phone, "sms") for each in RESIDENTS]
    write_csv(folder / "residents.csv", [_ROSTER, *people])
    return folder / "residents.csv"


async def connect_residents(folder: Path, ledger: CompanyLedger, first_day: date, now: datetime) -> None:
    """Their accounts work, and have tariffs from ``first_day`` on; the customers are there already."""
    for code, (name, fee_minor) in _TARIFFS.items():
        version = TariffVersion(starts_on=first_day, fee_minor=fee_minor)
        await ledger.add_tariff(
            Tariff(code=code, name=name, currency=CURRENCY, versions=(version,), ladder=_LADDER), *_WHO, now
        )
    contracts = Subscribers(folder / SUBSCRIBERS)
    for resident in RESIDENTS:
        contracts.has(resident.number, resident.customer_id)
        await _connect(ledger, resident, first_day, now)


async def _connect(ledger: CompanyLedger, resident: Resident, first_day: date, now: datetime) -> None:
    by, reason = _WHO
    wanted = NewService(
        customer_id=resident.customer_id,
        number=resident.number,
        phone=resident.phone,
        address=resident.address,
        node=resident.node,
        by=by,
        reason=reason,
    )
    await ledger.register_service(wanted, now)
    connected = Change(ServiceState.ACTIVE, ServiceCause.CONNECTED, f"connect {resident.number}", now, by, reason)
    await ledger.change_service(resident.number, connected)
    subscription = Subscribe(account=resident.number, tariff=resident.tariff, starts_on=first_day)
    await ledger.agree(subscription, by, reason, now)
