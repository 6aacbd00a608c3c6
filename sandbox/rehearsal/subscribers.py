"""A subscriber of a rehearsal: months and what was not paid pass together, and bills are paid as the script says."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from billing.collections.collection import Collection
from billing.invoices.month import Month
from billing.period import Period
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import Outstanding, Subject
from clients.collection_commands import CollectionSignals, collection_handle
from sandbox.rehearsal.script import Script
from sandbox.rehearsal.stage import World
from sandbox.timeline import Timeline, until

RAIL = "transfer"
_PATIENCE_SECONDS = 300.0
_SOON = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
Step = tuple[datetime, Callable[[datetime], Awaitable[None]]]
"""What people do, and when."""


async def nothing(_: datetime) -> None:
    """Time passes."""


@dataclass
class Subscriber:
    """One customer's two clocks: their months never overtake what they have not paid, nor the other way round."""

    month: Month
    world: World
    timeline: Timeline
    script: Script
    reach_month: Callable[[datetime], Awaitable[datetime | None]]
    paid: set[Period] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._customer = self.month.customer
        self._handle = collection_handle(self.world.client, self._customer.customer_id)
        self._signals = CollectionSignals(self.world.client)

    def moments(self, periods: list[Period]) -> list[Step]:
        """Just after each bill, and just before the draft that follows it."""
        steps: list[Step] = []
        for period in periods:
            notice_at = self._customer.instants(period).notice_at
            steps += [(notice_at + _HOUR, nothing), (self._customer.instants(period.next()).import_at - _SOON, nothing)]
        return steps

    async def live(self, steps: list[Step]) -> None:
        """Goes from one step to the next, and pays in between what falls due for them."""
        for at, act in sorted(steps, key=lambda step: step[0]):
            while (due := await self._next_payment()) is not None and due[0] <= at:
                await self._reach(due[0])
                await self._pay(*due)
            await self._reach(at)
            await act(at)

    async def _reach(self, at: datetime) -> None:
        """The collection after the month, which begins it; it runs before the ledger knows of it."""
        await self.reach_month(at)
        await self.timeline.reach(self._handle, at)

    async def _next_payment(self) -> tuple[datetime, Outstanding] | None:
        days = self.script.days_to_pay(self._customer)
        if days is None:
            return None
        owed = (await self.world.ledger.balance(self._customer.customer_id)).owed
        due = [
            (item.due_at + timedelta(days=days), item)
            for item in owed
            if item.due_at and item.amount_minor > 0 and item.subject.name not in self.paid
        ]
        return min(due, key=lambda payment: payment[0], default=None)

    async def _pay(self, at: datetime, item: Outstanding) -> None:
        name, customer_id = item.subject.name, self._customer.customer_id
        self.paid.add(Period(name))
        payment = IncomingPayment(
            rail=RAIL,
            reference=f"{customer_id}-{name}",
            customer_id=customer_id,
            subject=Subject.month(Period(name)),
            amount_minor=item.amount_minor,
            currency=item.currency,
            paid_at=at,
        )
        await self.world.ledger.book(payment, at)
        if await self._signals.count_again(customer_id, f"money for {name}"):
            await until(partial(self._is_settled, Period(name)), _PATIENCE_SECONDS)

    async def _is_settled(self, period: Period) -> bool:
        """By the ledger: to query each workflow would take what all the others need."""
        return not await self.world.ledger.debts(period, self._customer.customer_id, open_only=True)


def end_of(collection: Collection) -> datetime:
    """When all that a ladder says has been done, and people decide."""
    last = collection.planned_at(collection.rungs[-1]) if collection.rungs else collection.since
    return max(collection.give_up_at, collection.in_hours(last)) + _HOUR
