"""The run of a rehearsal: every customer's months pass on a clock of their own, as fast as this machine can.

result = await rehearse(book, script, folder, progress)
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from billing.errors import BillingError
from billing.keys import workflow_id
from billing.month import Month
from billing.period import Period
from billing.ports import CollectionRow
from sandbox.rehearsal.book import Book, Entry
from sandbox.rehearsal.privacy import loopback_only
from sandbox.rehearsal.reviewers import Heard, Need, Watching, speak
from sandbox.rehearsal.script import Said, Script
from sandbox.rehearsal.stage import World, private_world
from workflows.collecting import collection_handle
from workflows.monthly_billing import MonthlyBilling
from workflows.options import TASK_QUEUE
from workflows.visibility import search_attributes

AT_ONCE = 64
"""Customers under way: enough for two cores, and few enough that all of their workflows stay in the worker's cache."""

_HELD = TimeSkippingConfig(enabled=False, max_session_skip_count=1_000_000, disable_propagation=True)
_BEFORE_THE_NEXT = timedelta(minutes=1)
_OVERTIME, _STEPS_OF_OVERTIME = timedelta(hours=12), 120
"""A chain that began late may end its last month after the next one's collection was due."""
_WATCH_SECONDS = 0.2


@dataclass(frozen=True)
class Result:
    """What came of everybody's months; months of ``closed`` that nobody asked for are there too."""

    closed: dict[tuple[str, Period], Month]
    left: dict[str, Month]
    needs: list[Need]
    heard: list[Heard]
    owed: dict[tuple[str, Period], CollectionRow]
    mails: int
    folder: Path


async def rehearse(book: Book, script: Script, folder: Path, advance: Callable[[int], None]) -> Result:
    """``advance`` is told how many more months are done. Raises ``BillingError`` if anything tries to leave."""
    watching = Watching(script, book.periods[-1], lambda: advance(1))
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
    return Result(watching.closed, watching.left, watching.needs, run.heard, owed, mails, folder)


class _Run:
    def __init__(
        self, book: Book, script: Script, world: World, watching: Watching, advance: Callable[[int], None]
    ) -> None:
        self.heard: list[Heard] = []
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
                group.create_task(self._chain(entry))
        async with asyncio.TaskGroup() as group:
            for row in await self._world.ledger.collections(open_only=True):
                group.create_task(self._collection(row))

    async def _chain(self, entry: Entry) -> None:
        """One customer from the first month to the end of the last, or to where nobody lets it go on."""
        async with self._limit:
            month, last = entry.month, self._book.periods[-1]
            if month.period <= last:
                handle: WorkflowHandle[Any, Any] = await self._skipper.client.start_workflow(
                    MonthlyBilling.run,
                    month,
                    id=workflow_id(month.customer.customer_id),
                    task_queue=TASK_QUEUE,
                    search_attributes=search_attributes(month, datetime.now(UTC)),
                )
                await self._pass(handle, entry)
            periods = self._book.months_of(entry)
            self._advance(sum((month.customer.customer_id, each) not in self._watching.closed for each in periods))

    async def _pass(self, handle: WorkflowHandle[Any, Any], entry: Entry) -> None:
        customer, last = entry.month.customer, self._book.periods[-1]
        for at, period, said in self._planned(entry):
            if not await self._reach(handle, at):
                return
            self.heard.append(await speak(self._world.client, said, customer, period, at))
        end = Month.open(customer, last.next()).collect_at - _BEFORE_THE_NEXT
        for overtime in range(_STEPS_OF_OVERTIME):
            runs = await self._reach(handle, end + overtime * _OVERTIME)
            if not runs or (customer.customer_id, last) in self._watching.closed:
                return

    def _planned(self, entry: Entry) -> list[tuple[datetime, Period, Said]]:
        """What the script says to a customer, in the order of time."""
        customer = entry.month.customer
        found = [
            (said.instant(Month.open(customer, period)), period, said)
            for said in self._script.of(customer.customer_id)
            for period in self._book.months_of(entry)
            if said.period in (None, period)
        ]
        return sorted(found, key=lambda each: each[:2])

    async def _collection(self, row: CollectionRow) -> None:
        """What is owed, until people have to decide, or it is settled."""
        async with self._limit:
            owed = await self._world.ledger.collection(row.customer_id, row.period)
            assert owed is not None
            handle = collection_handle(self._world.client, row.customer_id, row.period)
            await self._reach(handle, owed.give_up_at + timedelta(hours=1))

    async def _reach(self, handle: WorkflowHandle[Any, Any], instant: datetime) -> bool:
        """Whether the workflow runs on once its clock has come to ``instant``."""
        try:
            while (left := instant - await self._skipper.get_current_time(handle)) > timedelta():
                if not await self._skipper.fast_forward(handle, left):
                    return False
            return (await handle.describe()).close_time is None
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
