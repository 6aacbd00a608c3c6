"""The one clock of the demo: months, collections, orders and everybody's wall clock skip together."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from temporalio.client import Client
from temporalio.service import RPCError

from billing.collections.collection import Collection
from billing.errors import BillingError
from billing.events.event import OutgoingEvent
from billing.invoices.ports import MonthStore
from billing.keys import collection_id, order_workflow_id, workflow_id
from billing.period import Period
from clients.collection_commands import collection_handle
from sandbox.demo.telecom.company import ZONE
from sandbox.stack.stack import Stack
from sandbox.timeline import SharedClock, Timeline, has_ended, until
from workflows.payment_collection import PaymentCollection

_TIMEOUT_SECONDS = 60
_SATURDAY = 5


class TimeLedger(MonthStore, Protocol):
    """The part of the ledger that is looked at here."""

    def outgoing_events(self, undelivered_only: bool = False) -> AsyncIterator[list[OutgoingEvent]]: ...


class StoryTime:
    """``customers`` and ``orders`` are those who live on it: add whoever is new. ``month`` is the one of the story."""

    def __init__(self, stack: Stack, client: Client, ledger: TimeLedger) -> None:
        settings = stack.settings
        self._clock = SharedClock(Timeline(client), settings.sandbox_stripe_port, settings.skipped_file)
        self._client = client
        self._ledger = ledger
        self._logs = stack.worker.log.parent
        self.before = Period.at(self._clock.now, ZONE)
        self.month = self.before.next()
        self.customers: list[str] = []
        self.orders: list[str] = []

    @property
    def now(self) -> datetime:
        return self._clock.now

    @property
    def today(self) -> str:
        """As people say it, where they live."""
        return f"{self.local:%A, %-d %B, %H:%M}"

    @property
    def local(self) -> datetime:
        return self.now.astimezone(ZoneInfo(ZONE))

    async def pass_to(self, at: datetime) -> None:
        """Months first: what they leave unpaid begins collections, which follow. Nothing is under way then."""
        whose = (map(workflow_id, self.customers), map(collection_id, self.customers))
        for workflow_ids in (*whose, map(order_workflow_id, self.orders)):
            await self._clock.pass_to(at, workflow_ids)
        await self.rest()

    async def rest(self) -> None:
        """Everything is told, and whatever is due is done. Raises ``BillingError`` if that does not come."""
        try:
            await until(self._is_quiet, _TIMEOUT_SECONDS)
        except TimeoutError:
            raise BillingError(f"the demo gave up waiting on {self.today}; logs: {self._logs}") from None

    async def next_rung(self, customer_id: str) -> datetime:
        """When the ladder of whoever does not pay goes on. Raises ``BillingError`` if it does not."""
        collection = await self._collection(customer_id)
        due = collection.due(self.now).at if collection else None
        if due is None:
            raise BillingError(f"{customer_id} is not on a ladder any more")
        return due

    async def _is_quiet(self) -> bool:
        async for page in self._ledger.outgoing_events(undelivered_only=True):
            if page:
                return False
        still = await asyncio.gather(*map(self._is_still, self.customers))
        return all(still)

    async def _is_still(self, customer_id: str) -> bool:
        for period in (self.before, self.month):
            month = await self._ledger.month(customer_id, period)
            if month is not None and month.outcome is None and month.due(self.now).step is not None:
                return False
        collection = await self._collection(customer_id)
        return collection is None or (bool(collection.open_debts) and collection.due(self.now).step is None)

    async def _collection(self, customer_id: str) -> Collection | None:
        """None: nothing of theirs is collected now."""
        handle = collection_handle(self._client, customer_id)
        try:
            if await self._clock.timeline.clock(handle) is None:
                return None
            return await handle.query(PaymentCollection.collection)
        except RPCError as error:
            if not has_ended(error):
                raise
            return None


def workday(at: datetime) -> datetime:
    """``at``, or the same time on the first workday after it."""
    local = at.astimezone(ZoneInfo(ZONE))
    while local.weekday() >= _SATURDAY:
        local += timedelta(days=1)
    return local
