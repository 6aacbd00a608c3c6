"""Months whose workflow stands still: one look at Temporal every few seconds, shared by all callers.

::

    watch = StandstillWatch(ledger, RunningWorkflows(client))
    (await watch.of(period)).customers      # {"acme": ChainStatus.TERMINATED}
"""

import asyncio
import time
import zlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Protocol

from billing.collections.ports import DebtRow
from billing.completeness.chains import Chain, Standstill
from billing.completeness.report import CompletenessReport, FindingKind
from billing.completeness.snapshots import LastRuns
from billing.errors import TemporalUnavailable
from billing.period import Period
from clients.running_workflows import RunningWorkflows
from workflows.monthly_billing import MonthlyBilling

LOOK_SECONDS = 5.0
PATIENCE = timedelta(seconds=1.5)
"""How long a page waits for Temporal before it is shown without its answer."""


class OpenMonths(LastRuns, Protocol):
    """The stores it uses."""

    async def pulse(self, period: Period) -> str:
        """A text that differs after every change of the month."""

    async def open_among(self, period: Period, customer_ids: Sequence[str]) -> set[str]:
        """The customers among these whose month is open."""

    async def debts(self, period: Period, *, open_only: bool) -> list[DebtRow]: ...


class StandstillWatch:
    def __init__(self, ledger: OpenMonths, chains: RunningWorkflows) -> None:
        self._ledger = ledger
        self._chains = chains
        self._looks: dict[Period | None, tuple[float, asyncio.Future[Any]]] = {}

    async def standing_still(self) -> list[Chain]:
        """Workflows of every kind that are paused or fail. Raises ``TemporalUnavailable``."""
        chains: list[Chain] = await self._shared(None, self._chains.standing_still)
        return chains

    async def of(self, period: Period) -> Standstill:
        """The customers whose month ``period``, or its collection, stands still. Raises ``LedgerUnavailable`` only."""
        standstill: Standstill = await self._shared(period, lambda: self._look(period))
        return standstill

    async def pulse(self, period: Period) -> str:
        """A text that differs after every change of the month, in the ledger or of its workflows."""
        pulse, standstill = await self._ledger.pulse(period), await self.of(period)
        stopped = [*sorted(standstill.customers.items()), *standstill.collections]
        return f"{pulse}-{zlib.crc32(repr(stopped).encode()):x}" if stopped else pulse

    async def _look(self, period: Period) -> Standstill:
        """The few customers whose workflow stands still, or was cut off and not started again."""
        try:
            still = {
                chain.customer_id: chain.status
                for chain in await self.standing_still()
                if chain.kind == MonthlyBilling.__name__
            }
            cut_off = await self._chains.cut_off(period) | await self._missed(period)
            open_months = await self._ledger.open_among(period, [*still, *cut_off])
            statuses = await self._chains.of(cut_off & open_months)
            owed = await self._ledger.debts(period, open_only=True)
            collections = await self._chains.stopped_collections([(row.customer_id, period) for row in owed])
        except TemporalUnavailable as error:
            return Standstill({}, str(error))
        stopped = {name: status for name, status in statuses.items() if not status.is_open}
        months = {name: status for name, status in (still | stopped).items() if name in open_months}
        return Standstill(months, collections=tuple(collections))

    async def _missed(self, period: Period) -> set[str]:
        """Customers without a workflow at the last check: Temporal may have deleted it after its end."""
        run = await self._ledger.coverage_of(period)
        findings = CompletenessReport.model_validate(run.report).findings if run else ()
        return {finding.customer_id for finding in findings if finding.kind is FindingKind.NO_WORKFLOW}

    async def _shared(self, key: Period | None, look: Callable[[], Awaitable[Any]]) -> Any:
        """The answer of a recent look, else of a new one; concurrent callers share it."""
        now = time.monotonic()
        self._looks = {name: entry for name, entry in self._looks.items() if entry[0] > now}
        if key not in self._looks:
            self._looks[key] = now + LOOK_SECONDS, asyncio.ensure_future(look())
        return await asyncio.shield(self._looks[key][1])
