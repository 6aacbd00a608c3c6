"""A year of subscribers, rehearsed as people do it: to the cent what the tariffs add up to by a sum of our own.

REHEARSED=200 rehearses so many; ``make rehearse-tariffs`` does.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.sql.ledger import SqlLedger
from billing.customers.account_numbers import check_digit
from billing.customers.customer import Customer, Terms
from billing.invoices.month import Month
from billing.payments.methods import BillPayer
from billing.period import Period
from billing.subscribers.service import Change, NewService, ServiceCause, ServiceState
from billing.tariffs.changes import AddDiscount, AddFee, Subscribe, TariffChange
from billing.tariffs.tariff import Prorated, Tariff, TariffVersion
from settings import Settings
from tests.empty_ledger import empty_ledger

ROOT = Path(__file__).resolve().parents[2]
COUNT, MONTHS = int(os.environ.get("REHEARSED") or 6), 12
ZONE = "Europe/Paris"
NOW = datetime.now(UTC)
FIRST = Period.at(NOW, ZONE)
FEES = {"net": 45_37, "fast": 60_11, "home": 31_03}
WHO = ("ann", "contract", NOW)
NEVER, LATE = 4, 5
"""The subscribers who never pay, and who pay after the warning, of every six."""

pytestmark = pytest.mark.limit(3600 if COUNT > 20 else 600)


def _number(place: int, account: int = 0) -> str:
    digits = f"{10000 + place}{account}"
    return digits + check_digit(digits)


def _changes(place: int) -> Iterator[TariffChange]:
    """What is agreed for a subscriber: six kinds take turns."""
    kind, number, first = place % 6, _number(place), FIRST.first_day
    tariff = "home" if kind == NEVER else "net"
    starts_on = first + timedelta(days=10) if kind == 1 else first
    yield Subscribe(account=number, tariff=tariff, starts_on=starts_on)
    if kind == 0:
        yield AddFee(key="r", account=number, day=FIRST.next().first_day, amount_minor=19_99, text="Router")
    if kind == 2:
        last = FIRST.next().next().last_day
        yield AddDiscount(key="w", account=number, starts_on=first, ends_on=last, percent=33, text="Welcome")
    if kind == 3:
        yield Subscribe(account=number, tariff="fast", starts_on=FIRST.next().first_day + timedelta(days=17))
    if kind == LATE:
        yield Subscribe(account=_number(place, 1), tariff="home", starts_on=first)


async def _company(folder: Path) -> None:
    """A real ledger with subscribers, none of whom was billed yet."""
    empty_ledger(folder)
    ledger = await SqlLedger.connect(Settings(_env_file=None, data_dir=folder).ledger)
    for code, fee_minor in FEES.items():
        rules = tuple(rule for rule in Prorated if code == "home" or rule is not Prorated.SUSPENSION)
        version = TariffVersion(starts_on=FIRST.first_day, fee_minor=fee_minor, prorated=rules)
        await ledger.add_tariff(Tariff(code=code, name=code, currency="eur", versions=(version,)), *WHO)
    for place in range(COUNT):
        customer = Customer(
            customer_id=f"s{place}",
            name=f"Subscriber {place}",
            currency="eur",
            timezone=ZONE,
            phone=f"+7701{place:07}",
            payment_method=BillPayer(),
            terms=Terms.model_validate({"bill_by": ["sms"]}),
        )
        await ledger.record(Month.open(customer, FIRST), NOW)
        for number in (_number(place), *([_number(place, 1)] if place % 6 == LATE else [])):
            new = NewService(customer_id=customer.customer_id, key=number, number=number, by="ann", reason="contract")
            await ledger.register_service(new, NOW)
            change = Change(ServiceState.ACTIVE, ServiceCause.CONNECTED, f"on {number}", NOW, "ann", "connected")
            await ledger.change_service(number, change)
        for agreed in _changes(place):
            await ledger.agree(agreed, *WHO)
    await ledger.close()


def _rehearse(folder: Path) -> dict[str, Any]:
    subscribers = [f"s{place}" for place in range(COUNT)]
    pays = [f"  {name}: never" for name in subscribers[NEVER::6]] + [f"  {name}: 6" for name in subscribers[LATE::6]]
    (folder / "script.yaml").write_text("\n".join(["pays:", *pays]) + "\n")
    environment = {
        "PATH": os.environ["PATH"],
        "BILLING_DATA_DIR": str(folder),
        "BILLING_SALES": "none",
        "BILLING_LADDER": "1 remind, 5 warn, 12 suspend, 22 disconnect",
        "BILLING_CONTACT_HOURS": "mon-sun 09:00-20:00",
        "BILLING_TEXTS": '{"price": "4.50 KZT"}',
    }
    command = [sys.executable, str(ROOT / "starter.py"), "rehearse", "--months", str(MONTHS), "--json"]
    command += ["--reviewers", str(folder / "script.yaml"), "--keep", str(folder / "kept")]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=3500)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("year")
    asyncio.run(_company(folder))
    return _rehearse(folder)


# -- a sum of our own: by days, without the product's code


def _shares(fee_minor: int, length: int) -> list[int]:
    """What each day of a month costs: what the days up to it cost, rounded down, less the same up to the day before."""
    sums = [fee_minor * day // length for day in range(length + 1)]
    return [after - before for before, after in pairwise(sums)]


def _billed(place: int, period: Period, away: set[date]) -> int:
    kind, days = place % 6, [period.first_day + timedelta(days=n) for n in range(period.last_day.day)]
    net, fast, home = (_shares(FEES[code], len(days)) for code in ("net", "fast", "home"))
    starts = FIRST.first_day + timedelta(days=10)
    changes = FIRST.next().first_day + timedelta(days=17)
    match kind:
        case 0:
            return sum(net) + (19_99 if period == FIRST.next() else 0)
        case 1:
            return sum(share for day, share in zip(days, net, strict=True) if day >= starts)
        case 2:
            is_cheaper = period <= FIRST.next().next()
            return sum(net) - (_rounded(sum(net) * 33) if is_cheaper else 0)
        case 3:
            return sum((fast if day >= changes else net)[n] for n, day in enumerate(days))
        case 4:
            return sum(share for day, share in zip(days, home, strict=True) if day not in away)
        case _:
            return sum(net) + sum(home)


def _rounded(hundredths: int) -> int:
    return hundredths // 100


def _away(found: dict[str, Any], number: str) -> set[date]:
    """The days on which an account was suspended from midnight to midnight."""
    away = set[date]()
    for each in found["restricted"]:
        if each["number"] == number and each["state"] == ServiceState.SUSPENDED:
            since = datetime.fromisoformat(each["at"]).astimezone(ZoneInfo(ZONE)).date()
            last = datetime.fromisoformat(each["until"]).date() if each["until"] else date(2100, 1, 1)
            away |= {since + timedelta(days=n) for n in range(1, min(800, (last - since).days))}
    return away


def test_every_month_of_every_subscriber_is_what_the_tariffs_add_up_to(year: dict[str, Any]) -> None:
    billed = {(row["customer_id"], row["period"]): row["total_minor"] for row in year["customers"]}
    periods = [month["period"] for month in year["months"]]
    assert len(periods) == MONTHS
    away = {place: _away(year, _number(place)) for place in range(COUNT)}
    assert billed == {
        (f"s{place}", period): _billed(place, Period(period), away[place])
        for place in range(COUNT)
        for period in periods
    }
    assert sum(month["charged_minor"]["eur"] for month in year["months"]) == sum(billed.values())


def test_it_says_whose_service_is_suspended_when_and_what_the_texts_cost(year: dict[str, Any]) -> None:
    suspended = [each["customer_id"] for each in year["restricted"]]
    never = [f"s{place}" for place in range(NEVER, COUNT, 6)]
    assert sorted(suspended) == sorted(never)
    assert all(each["until"] is None for each in year["restricted"])
    segments = year["texts"]["segments"]
    late = [f"s{place}" for place in range(LATE, COUNT, 6)]
    assert segments["suspended"] == len(never)
    assert segments["warning"] == len(never) + MONTHS * len(late)
    assert year["texts"]["cost_micros"] == sum(segments.values()) * 4_500_000
