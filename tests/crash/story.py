"""Tells a story with a worker that is killed at one boundary and started again; answers what the month came to.

    told = await tell(paid, server, tmp_path / "paid-7", fatal="after charge_card 1")
    told.outcome, told.boundaries

Several can be told at once on one server: each has a bed, a worker and a task queue of its own.
"""

import asyncio
import multiprocessing
import re
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Never

from temporalio.client import (
    Client,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.worker import Replayer

from billing.collections.collection import Collection
from billing.commands import Command, CommandResult
from billing.errors import BillingError
from billing.invoices.month import Month
from billing.keys import workflow_id
from billing.period import Period
from sandbox.judge.gather import gather
from sandbox.judge.judge import judge
from sandbox.stack.temporal_server import TemporalServer
from settings import Settings
from tests.bed import OCTOBER, SOON_MINUTES, Bed, prepared_bed
from tests.crash.worker import Boundaries, OnQueue, serve
from tests.debts import only
from workflows.monthly_billing import MonthlyBilling
from workflows.payment_collection import PaymentCollection

_PATIENCE_SECONDS = 240
_POLL_SECONDS = 0.05
_BEYOND = timedelta(minutes=1)
_QUERY_TIMEOUT = timedelta(seconds=2)

_processes = multiprocessing.get_context("forkserver")  # a worker is there at once: its modules are loaded already
_processes.set_forkserver_preload(["tests.crash.worker", "tests.built_models"])


class CrashBed(Bed):
    """A bed whose questions and commands survive a worker that dies while it answers them."""

    def __init__(self, bed: Bed, task_queue: str) -> None:
        client = Client(**bed.client.config() | {"interceptors": [OnQueue(task_queue)]})
        super().__init__(client, bed.adapters, bed.folder, bed.ports, bed.settings)

    async def month(self, customer_id: str) -> Month:
        while True:
            with suppress(RPCError):
                return await self.handle(customer_id).query(MonthlyBilling.invoice, rpc_timeout=_QUERY_TIMEOUT)
            await asyncio.sleep(_POLL_SECONDS)

    async def collection(self, customer_id: str = "acme") -> Collection:
        handle = self.collection_handle(customer_id)
        return await handle.query(PaymentCollection.collection, rpc_timeout=_QUERY_TIMEOUT)  # ``collects`` asks again

    async def skip_to(self, customer_id: str, instant: datetime, beyond: timedelta = _BEYOND) -> None:
        """Further than others: work of a worker that is killed waits for its successor.

        A question to a worker that is new to a workflow, just when a timer of it fires, makes the SDK run it with an
        old clock; so all of it has to be done when the skip ends.
        """
        await super().skip_to(customer_id, instant, beyond)

    async def command(self, customer_id: str, command: Command) -> CommandResult:
        """Says it again, with the same ``command_id``, until it is answered."""
        assert command.command_id
        while True:
            with suppress(RPCError, WorkflowUpdateRPCTimeoutOrCancelledError):
                return await super().command(customer_id, command)
            await asyncio.sleep(_POLL_SECONDS)

    async def tell(self, command: Command, customer_id: str = "acme", period: str = OCTOBER) -> CommandResult:
        """As ``command``."""
        assert command.command_id
        while True:
            with suppress(BillingError, WorkflowUpdateRPCTimeoutOrCancelledError):
                return await super().tell(command, customer_id, period)
            await asyncio.sleep(_POLL_SECONDS)


Story = Callable[[CrashBed, str], Awaitable[Period]]
"""What people and time do to a customer, of this name, in one month; answers which."""


class Told(NamedTuple):
    """``outcome`` has nothing in it that may differ when the story is told again, such as ids and instants."""

    outcome: dict[str, Any]
    boundaries: list[str]


async def tell(story: Story, server: TemporalServer, folder: Path, fatal: str = "") -> Told:
    """Tells ``story`` of a customer who has the folder's name; the worker is killed once, at the boundary ``fatal``.

    Raises an ``ExceptionGroup`` if the story gets stuck.
    """
    name = folder.name
    async with (
        prepared_bed(server, folder, with_worker=False, digest_minutes=SOON_MINUTES) as prepared,
        asyncio.TaskGroup() as group,
    ):
        bed = CrashBed(prepared, task_queue=name)
        supervising = group.create_task(_supervise(bed.settings, server.address, name, fatal))
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                period = await story(bed, name)
                outcome = await _outcome(bed, name, period)
        except Exception as stuck:
            stuck.add_note(f"the ledger has {await bed.ledger.invoices()}, {await bed.ledger.debts()}")
            raise
        supervising.cancel()
    return Told(outcome, Boundaries(folder).passed())


async def _supervise(settings: Settings, address: str, task_queue: str, fatal: str) -> Never:
    """Keeps one worker alive; only the first one is doomed."""
    while True:
        worker = _processes.Process(target=serve, args=(settings, address, task_queue, fatal), daemon=True)
        worker.start()
        try:
            while worker.is_alive():
                await asyncio.sleep(_POLL_SECONDS)
            if worker.exitcode != -signal.SIGKILL or not fatal:
                raise AssertionError(f"the worker ended by itself: exit code {worker.exitcode}")
        finally:
            worker.kill()
            worker.join()
        fatal = ""


async def _outcome(bed: CrashBed, name: str, period: Period) -> dict[str, Any]:
    month = await bed.recorded(name, period)
    collection = await bed.ledger.collection(name, period)
    following = await bed.month(name)
    assert month.invoice is not None
    return {
        "outcome": month.outcome,
        "collected": collection
        and (collection.outcome, only(collection).tries, collection.reminders, collection.alerts),
        "lines": [(line.description, line.amount_minor) for line in month.invoice.lines],
        "decisions": [
            (decision.number, decision.command, decision.accepted, decision.result)
            for decision in await bed.ledger.decisions(name, period)
        ],
        "diary": [
            (entry.number, entry.what, "" if entry.what == "paid" else entry.text)  # an id
            for entry in await bed.ledger.diary(name, period)
        ],
        "attempts at Stripe": [(charge["status"], charge["amount"]) for charge in bed.objects("charge")],
        "payments at Stripe": [(intent["status"], intent["amount_received"]) for intent in bed.intents()],
        "payments in the ledger": [
            (row.status, row.amount_minor, row.currency) for row in await bed.ledger.payments(name, period)
        ],
        "collections in the ledger": [
            (row.period, row.stage, row.amount_minor, row.outstanding_minor, row.next_at)
            for row in await bed.ledger.debts(customer_id=name)
        ],
        "mails": Counter(_mails(bed).values()),
        "reviewers are told": await _told(bed, name, period),
        "mails in the ledger": Counter((row.kind, row.status) for row in await bed.ledger.messages(name, period)),
        "broken promises": [
            check.wrong for check in judge(await gather(bed.folder, bed.ledger, period)) if not check.ok
        ],
        "next month": (following.period, following.invoice),
        "runs, each of which replays": await _replayed(bed, name, period),
    }


def _mails(bed: CrashBed) -> dict[str, str]:
    """The kind of each mail to customers by Message-ID: whoever gets a mail twice sees it once."""
    mails = {mail.message_id: mail.headers["X-Billing-Ref"].partition("/")[0] for mail in bed.mails()}
    return {message_id: kind for message_id, kind in mails.items() if kind != "digest"}


async def _told(bed: CrashBed, name: str, period: Period) -> list[tuple[str, str]]:
    """To whom what was told, in how many digests ever: each matter is a line, two spaces from the left."""
    told = set()
    for mail in await bed.digests():
        text = mail.text.replace("\n      ", " ").replace(name, "NAME").replace(period, "PERIOD")
        told |= {(mail.to, re.sub(r"pi_\w+", "pi", line)) for line in text.splitlines()}
    return sorted((to, line.strip()) for to, line in told if line[:2] == "  " != line[2:4])


async def _replayed(bed: CrashBed, customer_id: str, period: Period) -> int:
    """How many runs there were: months, the running one first, and a collection. Raises if one does not replay."""
    histories, run_id = [], None
    while run_id != "":
        history = await bed.client.get_workflow_handle(workflow_id(customer_id), run_id=run_id).fetch_history()
        histories.append(history)
        run_id = history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
    if await bed.ledger.collection(customer_id, period):
        histories.append(await bed.collection_handle(customer_id).fetch_history())
    replayer = Replayer(workflows=[MonthlyBilling, PaymentCollection], data_converter=pydantic_data_converter)
    for history in histories:
        await replayer.replay_workflow(history)
    return len(histories)
