"""One decision about many invoices: a command for each, a few at a time, and its outcome.

Work that has begun continues if the browser leaves. Every command's id is made of the submission's and the
customer's, so a submission that is sent twice takes effect once.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from temporalio.client import Client

from billing.commands import Command, Halt, Resume
from billing.invoices.commands import Approve
from billing.period import Period
from billing.reviewers.queries import InvoiceList, ReviewedVersion
from clients.month_commands import PAGE_PATIENCE_SECONDS, send_command

AT_ONCE = 16
ACTIONS = ("halt", "resume", "approve")

_log = logging.getLogger(__name__)


class BulkOrder(NamedTuple):
    """A decision: ``action`` for every invoice of ``selection``, as reviewed. ``submission`` names the decision."""

    action: str
    period: Period
    by: str
    reason: str
    submission: str
    selection: Sequence[ReviewedVersion]


class BulkOutcome(NamedTuple):
    """The outcome for one customer, in words."""

    customer_id: str
    accepted: bool
    result: str

    def line(self) -> str:
        """As a line of NDJSON."""
        return json.dumps(self._asdict(), ensure_ascii=False) + "\n"


class Bulk:
    def __init__(self, client: Client, ledger: InvoiceList) -> None:
        self._client = client
        self._ledger = ledger
        self._running: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Work that is still running at the end is given up; sending it again is safe."""
        try:
            yield
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def carry_out(self, order: BulkOrder) -> AsyncIterator[BulkOutcome]:
        """The outcomes as they come."""
        outcomes: asyncio.Queue[BulkOutcome | None] = asyncio.Queue()
        task = asyncio.create_task(self._all(order, outcomes))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        while (outcome := await outcomes.get()) is not None:
            yield outcome

    async def _all(self, order: BulkOrder, outcomes: asyncio.Queue[BulkOutcome | None]) -> None:
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(reviewed: ReviewedVersion, now: ReviewedVersion | None) -> None:
            async with slots:
                outcomes.put_nowait(await self._one(order, reviewed, now))

        try:
            now = await self._ledger.now_of(order.period, [reviewed.customer_id for reviewed in order.selection])
            async with asyncio.TaskGroup() as group:
                for reviewed in order.selection:
                    group.create_task(one(reviewed, now.get(reviewed.customer_id)))
        except Exception as error:  # no command was sent
            _log.warning("%s of %s: %s", order.action, order.period, error)
            for reviewed in order.selection:
                outcomes.put_nowait(BulkOutcome(reviewed.customer_id, False, str(error) or type(error).__name__))
        finally:
            outcomes.put_nowait(None)

    async def _one(self, order: BulkOrder, reviewed: ReviewedVersion, now: ReviewedVersion | None) -> BulkOutcome:
        """A halt is safe whatever was seen; the others are bound to the version that was."""
        if now is None:
            return BulkOutcome(reviewed.customer_id, False, f"the ledger has no {order.period} of this customer")
        if order.action != "halt" and now.digest != reviewed.digest:
            changed = f"it has changed since you looked: version {now.version} now, not {reviewed.version}; look again"
            return BulkOutcome(reviewed.customer_id, False, changed)
        try:
            answer = await send_command(
                self._client, reviewed.customer_id, _command(order, reviewed), PAGE_PATIENCE_SECONDS
            )
        except Exception as error:  # of any kind: the others go on
            _log.warning("%s of %s, %s: %s", order.action, reviewed.customer_id, order.period, error)
            return BulkOutcome(reviewed.customer_id, False, str(error) or type(error).__name__)
        return BulkOutcome(reviewed.customer_id, answer.accepted, answer.result)


def _command(order: BulkOrder, reviewed: ReviewedVersion) -> Command:
    command_id = f"{order.submission}-{reviewed.customer_id}"
    common: dict[str, Any] = {"by": order.by, "reason": order.reason, "command_id": command_id, "period": order.period}
    common["via"] = "console"
    if order.action == "halt":
        return Halt(**common)
    if order.action == "resume":
        return Resume(**common, stopped=reviewed.stop)  # not a halt that came after the page was seen
    assert order.action == "approve", order.action
    return Approve(**common, digest=reviewed.digest)
