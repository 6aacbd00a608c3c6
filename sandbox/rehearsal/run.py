"""The run of a rehearsal: every customer's months pass on a clock of its own, as fast as this machine can.

result = await rehearse(book, script, folder, progress)
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from billing.apart import Failed, why
from billing.collections.ports import DebtRow
from billing.customers.customer import Customer
from billing.errors import BillingError
from billing.invoices.month import Month
from billing.keys import workflow_id
from billing.period import Period
from billing.subscribers.service import ServiceChange
from billing.texts.text import TextKind
from clients.collection_commands import collection_handle
from sandbox.privacy import loopback_only
from sandbox.rehearsal.book import Book, BookEntry
from sandbox.rehearsal.reviewers import MonthWatch, PersonNeeded, act
from sandbox.rehearsal.script import Script, ScriptedCommand
from sandbox.rehearsal.stage import World, private_world
from sandbox.rehearsal.subscribers import Step, Subscriber, end_of
from sandbox.reviewers import CommandOutcome
from sandbox.timeline import Timeline
from workflows.monthly_billing import MonthlyBilling
from workflows.options import TASK_QUEUE
from workflows.visibility import search_attributes

AT_ONCE = 64
"""Customers under way: enough for two cores, and few enough that all of their workflows stay in the worker's cache."""

_BEFORE_THE_NEXT = timedelta(minutes=1)
_OVERTIME, _STEPS_OF_OVERTIME = timedelta(hours=12), 120
"""For each month that is still open when the last one's time is over, as in a chain that begins late."""
_WATCH_SECONDS = 0.2
_TEXTS_MAX = 10_000  # of one customer

_Planned = tuple[datetime, Period, ScriptedCommand]


@dataclass(frozen=True)
class RehearsalResult:
    """What became of everybody's months; ``closed`` has months that nobody asked for, too."""

    closed: dict[tuple[str, Period], Month]
    waiting: dict[str, Month]  # by customer, the month that nobody unblocks
    needs: list[PersonNeeded]
    commands: list[CommandOutcome]  # of the script
    collections: dict[tuple[str, Period], DebtRow]
    mails: int
    folder: Path
    failed: tuple[Failed, ...] = ()  # customers whose months stopped with an unforeseen error
    services: tuple[ServiceChange, ...] = ()  # of the rehearsed months, oldest first
    texts: Counter[TextKind] = field(default_factory=Counter)  # segments, by what they say


async def rehearse(book: Book, script: Script, folder: Path, advance: Callable[[int], None]) -> RehearsalResult:
    """``advance`` gets the number of months that are newly done. Raises ``BillingError`` if anything tries to leave."""
    watching = MonthWatch(script, book.periods[-1], lambda: advance(1))
    with loopback_only() as refused:
        async with private_world(book, book.cards | dict(script.cards), folder, watching) as world:
            watching.client = world.client
            run = _Run(book, script, world, watching, advance)
            running = asyncio.create_task(run.everybody())
            while not running.done():
                if refused:
                    running.cancel()
                    raise BillingError(
                        f"the rehearsal was ended: something in it tried to reach {refused[0]}; please report this"
                    )
                await asyncio.wait([running], timeout=_WATCH_SECONDS)
            try:
                await running
            except ExceptionGroup as failure:
                raise (failure.subgroup(BillingError) or failure).exceptions[0] from None
            collections = {(row.customer_id, row.period): row for row in await world.ledger.debts()}
            services, texts = await _restricted(book, world), await _segments(book, world)
    mails = sum(1 for _ in (folder / "mail").glob("*.eml"))
    return RehearsalResult(
        watching.closed,
        watching.waiting,
        watching.needs,
        run.commands,
        collections,
        mails,
        folder,
        tuple(run.failed),
        services,
        texts,
    )


async def _restricted(book: Book, world: World) -> tuple[ServiceChange, ...]:
    """What has become of services since the rehearsal began."""
    before = {(change.number, change.position) for entry in book.entries for change in entry.has.changes}
    changes = await world.ledger.changes_of_services()
    return tuple(change for change in changes if (change.number, change.position) not in before)


async def _segments(book: Book, world: World) -> Counter[TextKind]:
    segments = Counter[TextKind]()
    for entry in book.entries:
        for row in await world.ledger.texts(entry.month.customer.customer_id, limit=_TEXTS_MAX):
            segments[row.kind] += row.segments
    return segments


@dataclass
class _Run:
    book: Book
    script: Script
    world: World
    watching: MonthWatch
    advance: Callable[[int], None]
    commands: list[CommandOutcome] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._timeline = Timeline(self.world.client)
        self._limit = asyncio.Semaphore(AT_ONCE)

    async def everybody(self) -> None:
        """All chains; then all collections that they left."""
        async with asyncio.TaskGroup() as group:
            for entry in self.book.entries:
                group.create_task(self._apart(entry.month.customer.customer_id, self._chain(entry)))
        async with asyncio.TaskGroup() as group:
            open_debts = await self.world.ledger.debts(open_only=True)
            for row in {row.customer_id: row for row in open_debts}.values():
                group.create_task(self._apart(row.customer_id, self._collection(row)))

    async def _apart(self, customer_id: str, work: Coroutine[Any, Any, None]) -> None:
        """An unforeseen error stops this customer only; an outage stops all."""
        async with self._limit:
            try:
                await work
            except (BillingError, RPCError):
                raise
            except Exception as error:
                self.failed.append(Failed(customer_id=customer_id, reason=why(error)))

    async def _chain(self, entry: BookEntry) -> None:
        """One customer from the first month to the end of the last, or to one that nobody unblocks."""
        month, began = entry.month, datetime.now(UTC)
        planned = self._planned(entry, began)
        if month.period <= self.book.periods[-1]:
            handle = await self.world.client.start_workflow(
                MonthlyBilling.run,
                month,
                id=workflow_id(month.customer.customer_id),
                task_queue=TASK_QUEUE,
                search_attributes=search_attributes(month, began),
            )
            await self._pass(handle, entry, planned)
        periods = self.book.months_of(entry)
        self.advance(sum((month.customer.customer_id, period) not in self.watching.closed for period in periods))

    async def _pass(self, handle: WorkflowHandle[Any, Any], entry: BookEntry, planned: list[_Planned]) -> None:
        customer, last = entry.month.customer, self.book.periods[-1]
        commands = [self._step(customer, handle, period, scripted, at) for at, period, scripted in planned]
        end_at = Month.open(customer, last.next()).import_at - _BEFORE_THE_NEXT
        if customer.card is None or entry.has.services:
            reach = partial(self._timeline.reach, handle)
            subscriber = Subscriber(entry.month, self.world, self._timeline, self.script, reach)
            await subscriber.live([*subscriber.moments(self.book.months_of(entry)), *commands])
        else:
            for at, act_then in commands:
                await act_then(at)
        now = await self._timeline.reach(handle, end_at)
        for period in self.book.months_of(entry):
            for _ in range(_STEPS_OF_OVERTIME):
                if now is None or (customer.customer_id, period) in self.watching.closed:
                    break
                now = await self._timeline.reach(handle, now + _OVERTIME)
            else:
                return

    def _step(
        self,
        customer: Customer,
        handle: WorkflowHandle[Any, Any],
        period: Period,
        scripted: ScriptedCommand,
        planned_at: datetime,
    ) -> Step:
        """A command of the script at its time."""

        async def give(at: datetime) -> None:
            if (now := await self._timeline.reach(handle, at)) is None:
                self._note(customer, period, at, scripted, False, "the customer's chain had ended by then")
            else:
                accepted, result = await act(self.world.client, customer.customer_id, scripted, period)
                self._note(customer, period, now, scripted, accepted, result)

        return planned_at, give

    def _note(
        self, customer: Customer, period: Period, at: datetime, scripted: ScriptedCommand, accepted: bool, result: str
    ) -> None:
        customer_id = customer.customer_id
        self.commands.append(CommandOutcome(customer_id, period, at, scripted.do, scripted.by, accepted, result))

    def _planned(self, entry: BookEntry, began: datetime) -> list[_Planned]:
        """The script's commands to a customer, in the order of time; those that come too late are noted as refused."""
        customer, months = entry.month.customer, self.book.months_of(entry)
        planned = []
        for scripted in self.script.commands_for(customer.customer_id):
            for period in [scripted.period] if scripted.period else months:
                at = scripted.instant(Month.open(customer, period))
                if at <= began:
                    over = "its time was over when the rehearsal began"
                    self._note(customer, period, began, scripted, False, over)
                elif period not in months:
                    self._note(customer, period, began, scripted, False, f"{period} is not rehearsed")
                else:
                    planned.append((at, period, scripted))
        return sorted(planned, key=lambda command: command[:2])

    async def _collection(self, row: DebtRow) -> None:
        """A collection, until it is settled or people have to decide."""
        collection = await self.world.ledger.collection(row.customer_id, row.period)
        assert collection is not None
        handle = collection_handle(self.world.client, row.customer_id)
        await self._timeline.reach(handle, end_of(collection))
