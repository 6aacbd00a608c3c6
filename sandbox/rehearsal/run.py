"""The run of a rehearsal: every customer's months pass on a clock of their own, as fast as this machine can.

result = await rehearse(book, script, folder, progress)
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from billing.apart import Failed, why
from billing.collections.ports import CollectionRow
from billing.errors import BillingError
from billing.invoices.month import Month
from billing.keys import workflow_id
from billing.period import Period
from clients.collection_commands import collection_handle
from sandbox.rehearsal.book import Book, BookEntry
from sandbox.rehearsal.privacy import loopback_only
from sandbox.rehearsal.reviewers import CommandOutcome, MonthWatch, PersonNeeded, speak, unsaid
from sandbox.rehearsal.script import Script, ScriptedCommand
from sandbox.rehearsal.stage import World, private_world
from workflows.monthly_billing import MonthlyBilling
from workflows.options import TASK_QUEUE
from workflows.visibility import search_attributes

AT_ONCE = 64
"""Customers under way: enough for two cores, and few enough that all of their workflows stay in the worker's cache."""

_HELD = TimeSkippingConfig(enabled=False, max_session_skip_count=1_000_000, disable_propagation=True)
_BEFORE_THE_NEXT = timedelta(minutes=1)
_OVERTIME, _STEPS_OF_OVERTIME = timedelta(hours=12), 120
"""For each month that has not ended when the last one's time is over, as in a chain that begins late."""
_WATCH_SECONDS = 0.2

_Planned = tuple[datetime, Period, ScriptedCommand]


@dataclass(frozen=True)
class RehearsalResult:
    """What came of everybody's months; months of ``closed`` that nobody asked for are there too."""

    closed: dict[tuple[str, Period], Month]
    left: dict[str, Month]
    needs: list[PersonNeeded]
    heard: list[CommandOutcome]
    owed: dict[tuple[str, Period], CollectionRow]
    mails: int
    folder: Path
    failed: tuple[Failed, ...] = ()  # whose months stopped where nobody had foreseen it


async def rehearse(book: Book, script: Script, folder: Path, advance: Callable[[int], None]) -> RehearsalResult:
    """``advance`` is told how many more months are done. Raises ``BillingError`` if anything tries to leave."""
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
            except ExceptionGroup as failed:
                raise (failed.subgroup(BillingError) or failed).exceptions[0] from None
            owed = {(row.customer_id, row.period): row for row in await world.ledger.collections()}
    mails = sum(1 for _ in (folder / "mail").glob("*.eml"))
    return RehearsalResult(
        watching.closed, watching.left, watching.needs, run.heard, owed, mails, folder, tuple(run.failed)
    )


class _Run:
    def __init__(
        self, book: Book, script: Script, world: World, watching: MonthWatch, advance: Callable[[int], None]
    ) -> None:
        self.heard: list[CommandOutcome] = []
        self.failed: list[Failed] = []
        self._book = book
        self._script = script
        self._world = world
        self._watching = watching
        self._advance = advance
        self._skipper = TimeSkipper(world.client, config=_HELD)
        self._limit = asyncio.Semaphore(AT_ONCE)

    async def everybody(self) -> None:
        """All chains; then all that they left unpaid."""
        async with asyncio.TaskGroup() as group:
            for entry in self._book.entries:
                group.create_task(self._apart(entry.month.customer.customer_id, self._chain(entry)))
        async with asyncio.TaskGroup() as group:
            for row in await self._world.ledger.collections(open_only=True):
                group.create_task(self._apart(row.customer_id, self._collection(row)))

    async def _apart(self, customer_id: str, work: Coroutine[Any, Any, None]) -> None:
        """What nobody has foreseen stops this customer only; what is down stops all."""
        async with self._limit:
            try:
                await work
            except (BillingError, RPCError):
                raise
            except Exception as error:
                self.failed.append(Failed(customer_id=customer_id, reason=why(error)))

    async def _chain(self, entry: BookEntry) -> None:
        """One customer from the first month to the end of the last, or to where nobody lets it go on."""
        month, last, began = entry.month, self._book.periods[-1], datetime.now(UTC)
        planned = self._planned(entry, began)
        if month.period <= last:
            handle: WorkflowHandle[Any, Any] = await self._skipper.client.start_workflow(
                MonthlyBilling.run,
                month,
                id=workflow_id(month.customer.customer_id),
                task_queue=TASK_QUEUE,
                search_attributes=search_attributes(month, began),
            )
            await self._pass(handle, entry, planned)
        periods = self._book.months_of(entry)
        self._advance(sum((month.customer.customer_id, each) not in self._watching.closed for each in periods))

    async def _pass(self, handle: WorkflowHandle[Any, Any], entry: BookEntry, planned: list[_Planned]) -> None:
        customer, last = entry.month.customer, self._book.periods[-1]
        for at, period, said in planned:
            if (now := await self._reach(handle, at)) is None:
                self.heard.append(unsaid(said, customer, period, at, "the customer's chain had ended by then"))
            else:
                self.heard.append(await speak(self._world.client, said, customer, period, now))
        now = await self._reach(handle, Month.open(customer, last.next()).import_at - _BEFORE_THE_NEXT)
        for period in self._book.months_of(entry):
            for _ in range(_STEPS_OF_OVERTIME):
                if now is None or (customer.customer_id, period) in self._watching.closed:
                    break
                now = await self._reach(handle, now + _OVERTIME)
            else:
                return

    def _planned(self, entry: BookEntry, began: datetime) -> list[_Planned]:
        """What the script says to a customer, in the order of time; what it cannot say any more is noted so."""
        customer, months = entry.month.customer, self._book.months_of(entry)
        found = []
        for said in self._script.of(customer.customer_id):
            for period in [said.period] if said.period else months:
                at = said.instant(Month.open(customer, period))
                if at <= began:
                    why = "its time was over when the rehearsal began"
                    self.heard.append(unsaid(said, customer, period, began, why))
                elif period not in months:
                    self.heard.append(unsaid(said, customer, period, began, f"{period} is not rehearsed"))
                else:
                    found.append((at, period, said))
        return sorted(found, key=lambda each: each[:2])

    async def _collection(self, row: CollectionRow) -> None:
        """What is owed, until people have to decide, or it is settled."""
        owed = await self._world.ledger.collection(row.customer_id, row.period)
        assert owed is not None
        handle = collection_handle(self._world.client, row.customer_id, row.period)
        await self._reach(handle, owed.give_up_at + timedelta(hours=1))

    async def _reach(self, handle: WorkflowHandle[Any, Any], instant: datetime) -> datetime | None:
        """The workflow's clock once that has come to ``instant``; None if the workflow has ended."""
        try:
            while (now := await self._skipper.get_current_time(handle)) < instant:
                if not await self._skipper.fast_forward(handle, instant - now):
                    return None
            return now if (await handle.describe()).close_time is None else None
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
