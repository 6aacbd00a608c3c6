"""A town of subscribers on one clock: months, collections, the processor and everybody's wall clock skip together."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from temporalio.service import RPCError

from billing.customers.account_numbers import check_digit
from billing.customers.customer import Customer, Terms
from billing.customers.ladder import parse_ladder
from billing.customers.schedule import Instants, Schedule, instant
from billing.keys import collection_id, workflow_id
from billing.period import Period
from billing.subscribers.service import Change, NewService, ServiceCause, ServiceState
from billing.tariffs.changes import Subscribe, TariffChange
from billing.tariffs.tariff import Prorated, Tariff, TariffVersion
from bootstrap import connect_alerts, connect_digest_trigger
from bootstrap_texts import connect_text_reports
from sandbox.timeline import SharedClock, has_ended, until
from tests.bed import PATIENCE_SECONDS, Bed

ZONE = "Europe/Paris"
MONTHS = 6
LADDER = parse_ladder("1 remind, 5 warn, 8 limit, 12 suspend, 22 disconnect")
FEES = {"net": 45_00, "fast": 60_00, "home": 45_00}
"""Tariffs by code; ``home`` alone does not bill the days of a suspension."""
_AFTER = timedelta(hours=2)
MOMENTS = {
    "billed": timedelta(days=-4) + _AFTER,
    "before": timedelta(days=-1),
    "due": _AFTER,
    "reminded": timedelta(days=1) + _AFTER,
    "warned": timedelta(days=5) + _AFTER,
    "limited": timedelta(days=8) + _AFTER,
    "suspended": timedelta(days=12) + _AFTER,
    "later": timedelta(days=19),
    "asked": timedelta(days=22) + _AFTER,
}
"""When people act, counted from the day on which the month's bill is due. ``eve`` and ``morning`` are
just before and just after a calendar month begins.
"""
Act = Callable[["Town", str], Awaitable[None]]


@dataclass(frozen=True)
class Subscriber:
    """``acts`` by month (from 1 on) and moment; ``seen`` is everything that has to be seen, month by month."""

    name: str
    seen: str
    acts: dict[tuple[int, str], tuple[Act, ...]] = field(default_factory=dict)
    accounts: tuple[str, ...] = ("net",)  # their tariffs
    agreed: tuple[Callable[["Town", str], TariffChange], ...] = ()  # beside the tariffs; by account number
    by_card: bool = False
    mail: bool = False
    sms: bool = True

    @property
    def phone(self) -> str | None:
        number = int.from_bytes(self.name.encode()) % 10**7
        return f"+7701{number:07}" if self.sms else None


class Town:
    def __init__(self, bed: Bed, subscribers: Iterable[Subscriber]) -> None:
        self.bed = bed
        self.subscribers = {each.name: each for each in subscribers}
        self.clock = SharedClock(bed.timeline, bed.ports.stripe, bed.settings.skipped_file)
        self.periods = [Period.at(self.clock.now, ZONE)]
        while len(self.periods) <= MONTHS:
            self.periods.append(self.periods[-1].next())
        self.customers: dict[str, Customer] = {}
        self.numbers: dict[str, list[str]] = {}
        self.money = 0  # payments so far
        alerts = connect_alerts(bed.settings, bed.adapters, connect_digest_trigger(bed.settings, bed.client))
        self.reports = connect_text_reports(bed.settings, bed.adapters, alerts)

    @property
    def now(self) -> datetime:
        return self.clock.now

    # -- who is there

    async def settle(self) -> None:
        """Everybody is started, and has accounts that work, with their tariffs."""
        who = ("ann", "contract", self.now)
        for code, fee_minor in FEES.items():
            rules = tuple(rule for rule in Prorated if code == "home" or rule is not Prorated.SUSPENSION)
            version = TariffVersion(starts_on=self.periods[0].first_day, fee_minor=fee_minor, prorated=rules)
            tariff = Tariff(code=code, name=code.title(), currency="eur", versions=(version,), ladder=LADDER)
            await self.bed.ledger.add_tariff(tariff, *who)
        for place, subscriber in enumerate(self.subscribers.values()):
            await self._settle(subscriber, place)

    async def _settle(self, subscriber: Subscriber, place: int) -> None:
        name = subscriber.name
        by = {(True, True): "mail+sms", (True, False): "mail", (False, True): "sms"}[subscriber.mail, subscriber.sms]
        fields: dict[str, Any] = {"timezone": ZONE, "phone": subscriber.phone}
        fields["terms"] = Terms.model_validate({"bill_by": by.split("+")})
        if not subscriber.by_card:
            fields["payment_method"] = {"kind": "bill"}
        customer = await self.bed.customer(name, **fields)
        if not subscriber.mail:
            customer = Customer.model_validate({**customer.model_dump(), "email": None})
        await self.bed.start(customer, self.periods[0])
        self.customers[name] = customer
        self.numbers[name] = [_number(place, n) for n in range(len(subscriber.accounts))]
        for number, tariff in zip(self.numbers[name], subscriber.accounts, strict=True):
            await self._connect(name, number, tariff)
        for agreed in subscriber.agreed:
            await self.agree(agreed(self, name))

    async def _connect(self, name: str, number: str, tariff: str) -> None:
        wanted = NewService(customer_id=name, key=f"add {number}", number=number, by="ann", reason="contract")
        await self.bed.ledger.register_service(wanted, self.now)
        await self.change(number, ServiceState.ACTIVE, ServiceCause.CONNECTED)
        await self.agree(Subscribe(account=number, tariff=tariff, starts_on=self.periods[0].first_day))

    # -- what is done to accounts

    async def agree(self, change: TariffChange) -> None:
        await self.bed.ledger.agree(change, "ann", "as agreed", self.now)

    async def change(self, number: str, state: ServiceState, cause: ServiceCause) -> None:
        change = Change(state, cause, f"{state} {self.now}", self.now, "ann", "as agreed")
        await self.bed.ledger.change_service(number, change)

    # -- time

    def instants(self, month: int) -> Instants:
        """Of the month ``month``, from 1 on."""
        return Schedule().instants(self.periods[month - 1], ZONE)

    def month_of(self, at: datetime) -> int:
        """The month in which an instant lies: from the one's bill to the next one's; 0: before all bills."""
        return sum(at >= self.instants(month).notice_at - timedelta(hours=1) for month in range(1, MONTHS + 1))

    def moments(self, month: int) -> list[tuple[datetime, str]]:
        planned = self.instants(month)
        moments = [(planned.charge_at + after, name) for name, after in MOMENTS.items()]
        last_day = self.periods[month].last_day  # bills come in the month after
        moments.append((instant(last_day, time(23), ZoneInfo(ZONE)), "eve"))
        moments.append((instant(last_day + timedelta(days=1), time(0, 30), ZoneInfo(ZONE)), "morning"))
        return sorted(moments)

    async def live(self) -> None:
        """Six months pass."""
        for month in range(1, MONTHS + 1):
            for at, moment in self.moments(month):
                await self.pass_to(at)
                await self._act(month, moment)
        await self.pass_to(self.instants(MONTHS + 1).notice_at - timedelta(hours=2))

    async def _act(self, month: int, moment: str) -> None:
        for subscriber in self.subscribers.values():
            for act in subscriber.acts.get((month, moment), ()):
                await act(self, subscriber.name)
        await self.quiet()

    async def pass_to(self, at: datetime) -> None:
        """Months first: what they leave unpaid begins collections, which follow."""
        await self.clock.pass_to(at, map(workflow_id, self.subscribers))
        await self.clock.pass_to(at, map(collection_id, self.subscribers))
        await self.quiet()

    async def quiet(self) -> None:
        """Nothing is under way any more: everything is told, and all collections have counted what was paid."""
        await until(self._is_quiet, PATIENCE_SECONDS)

    async def _is_quiet(self) -> bool:
        async for page in self.bed.ledger.outgoing_events(undelivered_only=True):
            if page:
                return False
        still = await asyncio.gather(*map(self._is_still, self.subscribers))
        return all(still)

    async def _is_still(self, name: str) -> bool:
        if not await self._is_collected(name):
            return True
        collection = await self.bed.collection(name)
        return bool(collection.open_debts) and collection.due(self.now).step is None

    async def _is_collected(self, name: str) -> bool:
        try:
            return await self.bed.timeline.clock(self.bed.collection_handle(name)) is not None
        except RPCError as error:
            if not has_ended(error):
                raise
            return False


def _number(place: int, account: int) -> str:
    digits = f"{100 + place}{account:03}"
    return digits + check_digit(digits)
