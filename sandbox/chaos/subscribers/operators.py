"""Operators who register subscribers and their tariffs, while webhooks and processes may fail."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

from billing.errors import InvalidInput
from billing.period import Period
from billing.subscribers.service import Change, NewService, ServiceCause, ServiceState
from billing.tariffs.changes import AddDiscount, Subscribe
from billing.tariffs.tariff import Tariff, TariffVersion
from bootstrap import Adapters
from sandbox.chaos.bank.app_payers import AppPayers
from sandbox.chaos.payers import patiently
from sandbox.chaos.plan import Plan
from sandbox.chaos.subscribers.subscriber_plan import CURRENCY, TARIFFS, PlannedService, is_subscriber, planned_service

_WHO = "cleo", "chaos"


class Operators:
    def __init__(self, plan: Plan, adapters: Adapters, app_payers: AppPayers) -> None:
        self._plan = plan
        self._ledger = adapters.ledger
        self._app_payers = app_payers

    async def register(self, period: Period) -> None:
        """Each subscriber's account works from now on, and is billed from a day of ``period`` on."""
        for code, fee_minor in TARIFFS.items():
            version = TariffVersion(starts_on=period.first_day, fee_minor=fee_minor)
            tariff = Tariff(code=code, name=code.title(), currency=CURRENCY, versions=(version,))
            await patiently(partial(self._ledger.add_tariff, tariff, *_WHO, _now()))
        subscribers = [each.customer_id for each in self._plan.members() if is_subscriber(each.customer_id)]
        await asyncio.gather(*(self._connect(customer_id, period) for customer_id in subscribers))

    async def _connect(self, customer_id: str, period: Period) -> None:
        ledger, planned = self._ledger, planned_service(self._plan.draw("service", customer_id))
        await self._app_payers.numbers_of(customer_id)  # by which they pay, too
        wanted = NewService(customer_id=customer_id, key="chaos", by=_WHO[0], reason=_WHO[1])
        service = await patiently(lambda: ledger.register_service(wanted, _now()))
        change = Change(ServiceState.ACTIVE, ServiceCause.CONNECTED, "chaos connect", _now(), *_WHO)
        await patiently(lambda: ledger.change_service(service.number, change))
        for item in _agreed(service.number, planned, period):
            try:
                await patiently(partial(ledger.agree, item, *_WHO, _now()))
            except InvalidInput:  # on the last day of a month, its draft may be faster
                later = item.evolve(starts_on=max(item.starts_on, period.next().first_day))
                await patiently(partial(ledger.agree, later, *_WHO, _now()))


def _agreed(number: str, planned: PlannedService, period: Period) -> list[Subscribe | AddDiscount]:
    first = period.first_day + timedelta(days=planned.first - 1)
    items: list[Subscribe | AddDiscount] = [Subscribe(account=number, tariff=planned.tariff, starts_on=first)]
    if planned.change_on is not None:
        other = next(code for code in TARIFFS if code != planned.tariff)
        day = period.next().first_day + timedelta(days=planned.change_on - 1)
        items.append(Subscribe(account=number, tariff=other, starts_on=day))
    if planned.discount_percent is not None:
        until = first + timedelta(days=40)
        percent = planned.discount_percent
        items.append(
            AddDiscount(key="welcome", account=number, starts_on=first, ends_on=until, percent=percent, text="Welcome")
        )
    return items


def _now() -> datetime:
    return datetime.now(UTC)
