"""One decision about many invoices: a command for each, a few at a time, and its outcome.

Work that has begun continues if the browser leaves. Every command's id is made of the submission's and the
customer's, so a submission that is sent twice takes effect once.
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from temporalio.client import Client

from billing.commands import Command, Halt, Resume
from billing.completeness.chains import ChainStatus
from billing.customers.ports import CustomerNames
from billing.invoices.commands import Approve
from billing.invoices.month import Month
from billing.invoices.review import decide
from billing.money import sums_of
from billing.period import Period
from billing.reviewers.queries import InvoiceList, ReviewedVersion
from clients.month_commands import PAGE_PATIENCE_SECONDS, send_command

AT_ONCE = 16
ACTIONS = ("halt", "resume", "approve")
_CHUNK = 500  # months in memory at once
_REASONS_SHOWN = 5

_log = logging.getLogger(__name__)


class BulkOrder(NamedTuple):
    """A decision: ``action`` for every invoice of ``selection``, as reviewed. ``submission`` names the decision."""

    action: str
    period: Period
    by: str
    reason: str
    submission: str
    selection: Sequence[ReviewedVersion]


class BulkInvoice(NamedTuple):
    """An invoice of a decision that its month would take now; ``total_minor`` None: no draft yet."""

    seen: ReviewedVersion
    name: str
    total_minor: int | None
    currency: str


class BulkOffer(NamedTuple):
    """The invoices of a selection for which a decision can be carried out, and how many cannot, by the reason."""

    possible: list[BulkInvoice]
    left_out: Counter[str]

    @property
    def selected(self) -> int:
        return len(self.possible) + self.left_out.total()

    @property
    def sums(self) -> dict[str, int]:
        """Of the drafts, in minor units by currency."""
        drafts = ((each.total_minor, each.currency) for each in self.possible if each.total_minor is not None)
        return dict(sorted(sums_of(drafts).items()))

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """The most frequent ones, and all others together."""
        shown = self.left_out.most_common(_REASONS_SHOWN)
        others = self.left_out.total() - sum(count for _, count in shown)
        return [*shown, ("for other reasons", others)] if others else shown


class BulkOutcome(NamedTuple):
    """The outcome for one customer, in words."""

    customer_id: str
    accepted: bool
    result: str
    name: str = ""

    def line(self) -> str:
        """As a line of NDJSON."""
        return json.dumps(self._asdict(), ensure_ascii=False) + "\n"


class _Ledger(InvoiceList, CustomerNames, Protocol): ...


class Bulk:
    def __init__(self, client: Client, ledger: _Ledger) -> None:
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

    async def offer(self, order: BulkOrder, still: Mapping[str, ChainStatus], now: datetime) -> BulkOffer:
        """What of ``order`` can be done, as last recorded; the months decide themselves when it is carried out.

        ``still`` are the customers whose workflow takes no command.
        """
        offer = BulkOffer([], Counter())
        for start in range(0, len(order.selection), _CHUNK):
            chunk = order.selection[start : start + _CHUNK]
            months = await self._ledger.months_of(order.period, [reviewed.customer_id for reviewed in chunk])
            by_customer = {month.customer_id: month for month in months}
            for reviewed in chunk:
                month, chain = by_customer.get(reviewed.customer_id), still.get(reviewed.customer_id)
                refusal = f"the workflow {chain.words}" if chain else _refusal(order, reviewed, month, now)
                if refusal or month is None:
                    offer.left_out[refusal or "the ledger has no such month"] += 1
                else:
                    offer.possible.append(_invoice(reviewed, month))
        return offer

    async def carry_out(self, order: BulkOrder) -> AsyncIterator[BulkOutcome]:
        """The outcomes as they come, with the customers' names."""
        outcomes: asyncio.Queue[BulkOutcome | None] = asyncio.Queue()
        task = asyncio.create_task(self._all(order, outcomes))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        while (outcome := await outcomes.get()) is not None:
            yield outcome

    async def _all(self, order: BulkOrder, outcomes: asyncio.Queue[BulkOutcome | None]) -> None:
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(reviewed: ReviewedVersion, now: ReviewedVersion | None, name: str) -> None:
            async with slots:
                outcomes.put_nowait((await self._one(order, reviewed, now))._replace(name=name))

        try:
            names = await self._names(order)
            now = await self._ledger.now_of(order.period, list(names))
            async with asyncio.TaskGroup() as group:
                for reviewed in order.selection:
                    name = names[reviewed.customer_id]
                    group.create_task(one(reviewed, now.get(reviewed.customer_id), name))
        except Exception as error:  # no command was sent
            _log.warning("%s of %s: %s", order.action, order.period, error)
            for reviewed in order.selection:
                outcomes.put_nowait(BulkOutcome(reviewed.customer_id, False, str(error) or type(error).__name__))
        finally:
            outcomes.put_nowait(None)

    async def _names(self, order: BulkOrder) -> dict[str, str]:
        """Of every customer, in the order of the selection; "" for one that the ledger does not know."""
        names = {reviewed.customer_id: "" for reviewed in order.selection}
        ids = list(names)
        for start in range(0, len(ids), _CHUNK):
            names |= await self._ledger.names(ids[start : start + _CHUNK])
        return names

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


def _refusal(order: BulkOrder, reviewed: ReviewedVersion, month: Month | None, now: datetime) -> str | None:
    """Why the month would refuse; None: it would not."""
    if month is None:
        return "the ledger has no such month"
    digest = month.invoice.digest if month.invoice else ""
    if order.action != "halt" and digest != reviewed.digest:
        return "changed since you looked"
    ruling = decide(month, _command(order, reviewed), now, "console")
    return ruling.result if ruling.refusal is not None else None


def _invoice(reviewed: ReviewedVersion, month: Month) -> BulkInvoice:
    total_minor = month.invoice.total_minor if month.invoice else None
    return BulkInvoice(reviewed, month.customer.name, total_minor, month.currency)


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
