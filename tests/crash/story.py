"""Tells a story with a worker that is killed at one boundary and started again; answers what the month came to.

    told = await tell(paid, server, folder, "paid-7", fatal="after charge_card 1")
    told.outcome, told.boundaries

Several can be told at once on one server: each has stand-ins, a ledger, a worker and a task queue of its own.
"""

import asyncio
import json
import multiprocessing
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple, Never

from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowInput,
    WorkflowHandle,
    WorkflowHistory,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.worker import Replayer

from billing.keys import workflow_id
from billing.messages import Command, CommandResult
from billing.month import Month
from billing.period import Period
from bootstrap import connect_adapters, connect_temporal
from sandbox.evidence import gather
from sandbox.judge import judge
from sandbox.stand_ins import stand_ins
from sandbox.temporal_server import TemporalServer
from settings import Settings
from tests.bed import Bed
from tests.crash.worker import TASK_SECONDS, Boundaries, serve
from workflows.monthly_billing import MonthlyBilling

_PATIENCE_SECONDS = 60
_POLL_SECONDS = 0.05
_QUERY_TIMEOUT = timedelta(seconds=2)

_processes = multiprocessing.get_context("forkserver")  # a worker is there at once: its modules are loaded already
_processes.set_forkserver_preload(["tests.crash.worker"])


class CrashBed(Bed):
    """A bed whose questions and commands survive a worker that dies while it answers them."""

    async def month(self, customer_id: str) -> Month:
        while True:
            with suppress(RPCError):
                return await self.handle(customer_id).query(MonthlyBilling.invoice, rpc_timeout=_QUERY_TIMEOUT)
            await asyncio.sleep(_POLL_SECONDS)

    async def command(self, customer_id: str, command: Command) -> CommandResult:
        """Says it again, with the same ``command_id``, until it is answered."""
        assert command.command_id
        while True:
            with suppress(RPCError, WorkflowUpdateRPCTimeoutOrCancelledError):
                return await super().command(customer_id, command)
            await asyncio.sleep(_POLL_SECONDS)


Story = Callable[[CrashBed, str], Awaitable[Period]]
"""What people and time do to a customer, of this name, in one month; answers which."""


class Told(NamedTuple):
    """``outcome`` has nothing in it that may differ when the story is told again, such as ids and instants."""

    outcome: dict[str, Any]
    boundaries: list[str]


async def tell(story: Story, server: TemporalServer, folder: Path, name: str, fatal: str = "") -> Told:
    """Tells ``story`` of the customer ``name``. The worker is killed once, at the boundary ``fatal``, if any.

    Raises an ``ExceptionGroup`` if the story gets stuck.
    """
    boundaries = Boundaries(folder)
    async with _bed(server, folder, name) as (bed, settings), asyncio.TaskGroup() as group:
        supervising = group.create_task(_supervise(settings, server.address, name, fatal))
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                period = await story(bed, name)
                outcome = await _outcome(bed, name, period)
        except Exception as stuck:
            stuck.add_note(f"the ledger has {await bed.ledger.invoices()}")
            raise
        supervising.cancel()
    return Told(outcome, boundaries.passed())


@asynccontextmanager
async def _bed(server: TemporalServer, folder: Path, task_queue: str) -> AsyncIterator[tuple[CrashBed, Settings]]:
    """Everything but the worker."""
    async with stand_ins(folder) as ports:
        settings = Settings(
            _env_file=None,
            data_dir=folder,
            reviewers_email="reviewers@example.com",
            sandbox_stripe_port=ports.stripe,
            sandbox_sheets_port=ports.sheets,
            sandbox_mail_port=ports.mail,
            sandbox_smtp_port=ports.smtp,
        )
        async with connect_adapters(settings) as adapters:
            await adapters.ledger.migrate()
            client = await connect_temporal(settings, server.address)
            on_own_queue = Client(**client.config() | {"interceptors": [_OnQueue(task_queue)]})
            yield CrashBed(on_own_queue, adapters, folder, ports, settings), settings


class _OnQueue(Interceptor):
    """Starts workflows on this task queue; a workflow task that is not answered is soon given out again."""

    def __init__(self, task_queue: str) -> None:
        self._task_queue = task_queue

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _Starting(next, self._task_queue)


class _Starting(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, task_queue: str) -> None:
        super().__init__(next)
        self._task_queue = task_queue

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        input.task_queue, input.task_timeout = self._task_queue, timedelta(seconds=TASK_SECONDS)
        return await super().start_workflow(input)


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
    following = await bed.month(name)
    assert month.invoice is not None
    return {
        "outcome": month.outcome,
        "lines": [(line.description, line.amount_minor) for line in month.invoice.lines],
        "decisions": [
            (decision.number, decision.command, decision.accepted, decision.result)
            for decision in await bed.ledger.decisions(name, period)
        ],
        "attempts at Stripe": _attempts(bed.folder / "stripe.jsonl"),
        "payments in the ledger": [
            (row.status, row.amount_minor, row.currency) for row in await bed.ledger.payments(name, period)
        ],
        "mails": Counter(_mails(bed).values()),
        "mails in the ledger": Counter((row.kind, row.status) for row in await bed.ledger.messages(name, period)),
        "broken promises": [
            check.wrong for check in judge(await gather(bed.folder, bed.ledger, period)) if not check.ok
        ],
        "next month": (following.period, following.carried_minor, following.invoice),
        "runs, each of which replays": await _replayed(bed.client, name),
    }


def _attempts(journal: Path) -> list[tuple[str, int, int]]:
    """Status, amount and money moved, for each time that a card was tried."""
    attempts = {}
    for line in journal.read_text().splitlines():
        snapshot = json.loads(line).get("object", {})
        if snapshot.get("object") == "payment_intent" and snapshot["latest_charge"]:
            attempts[snapshot["latest_charge"]] = (snapshot["status"], snapshot["amount"], snapshot["amount_received"])
    return list(attempts.values())


def _mails(bed: CrashBed) -> dict[str, str]:
    """The kind of each mail by Message-ID: whoever gets a mail twice sees it once."""
    return {mail.message_id: mail.headers["X-Billing-Ref"].partition("/")[0] for mail in bed.mails()}


async def _replayed(client: Client, customer_id: str) -> int:
    """How many runs there were; raises if the history of one does not replay."""
    histories = [history async for history in _histories(client, customer_id)]
    replayer = Replayer(workflows=[MonthlyBilling], data_converter=pydantic_data_converter)
    for history in histories:
        await replayer.replay_workflow(history)
    return len(histories)


async def _histories(client: Client, customer_id: str) -> AsyncIterator[WorkflowHistory]:
    """The running month, then those before it."""
    run_id = None
    while run_id != "":
        history = await client.get_workflow_handle(workflow_id(customer_id), run_id=run_id).fetch_history()
        yield history
        run_id = history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
