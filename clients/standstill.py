"""Which months do not go on, whatever the ledger says of them: one look at Temporal for all who ask, every few seconds.

::

    watch = Watch(ledger, RunningWorkflows(client))
    (await watch.of(period)).customers      # {"acme": ChainStatus.TERMINATED}
"""

import asyncio
import time
import zlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Protocol

from billing.completeness.chains import Chain, Standstill
from billing.completeness.report import CompletenessReport, FindingKind
from billing.completeness.snapshots import LastRuns
from billing.errors import TemporalUnavailable
from billing.period import Period
from clients.running_workflows import RunningWorkflows
from workflows.monthly_billing import MonthlyBilling

LOOK_SECONDS = 5.0
PATIENCE = timedelta(seconds=1.5)
"""How long a page waits for an answer of Temporal before it is shown without it."""


class OpenMonths(LastRuns, Protocol):
    """What is needed of the ledger here."""

    async def pulse(self, period: Period) -> str:
        """Something that differs after every change of the month."""

    async def open_among(self, period: Period, customer_ids: Sequence[str]) -> set[str]:
        """Those of the customers whose month is not closed."""


class StandstillWatch:
    def __init__(self, ledger: OpenMonths, chains: RunningWorkflows, look_seconds: float = LOOK_SECONDS) -> None:
        self._ledger = ledger
        self._chains = chains
        self._look_seconds = look_seconds
        self._looks: dict[Period | None, tuple[float, asyncio.Future[Any]]] = {}

    async def standing_still(self) -> list[Chain]:
        """Workflows of every kind that are paused or fail. Raises ``TemporalUnavailable``."""
        found: list[Chain] = await self._shared(None, self._chains.standing_still)
        return found

    async def of(self, period: Period) -> Standstill:
        """What stands still in ``period``; raises ``LedgerUnavailable`` only."""
        found: Standstill = await self._shared(period, lambda: self._look(period))
        return found

    async def pulse(self, period: Period) -> str:
        """Something that differs after every change of the month, in the ledger or of its workflows."""
        pulse, standstill = await self._ledger.pulse(period), await self.of(period)
        told = repr(sorted(standstill.customers.items()))
        return f"{pulse}-{zlib.crc32(told.encode()):x}" if standstill.customers else pulse

    async def _look(self, period: Period) -> Standstill:
        """Few at any time: those who stand still, and those whose run was cut off and who were not started again."""
        try:
            still = {
                chain.customer_id: chain.status
                for chain in await self.standing_still()
                if chain.kind == MonthlyBilling.__name__
            }
            cut_off = await self._chains.cut_off(period) | await self._missed(period)
            open_months = await self._ledger.open_among(period, [*still, *cut_off])
            asked = await self._chains.of(cut_off & open_months)
        except TemporalUnavailable as error:
            return Standstill({}, str(error))
        stopped = {name: status for name, status in asked.items() if not status.is_open}
        return Standstill({name: status for name, status in (still | stopped).items() if name in open_months})

    async def _missed(self, period: Period) -> set[str]:
        """Whom the last coverage missed: their workflow may be closed for so long that Temporal has forgotten it."""
        run = await self._ledger.coverage_of(period)
        findings = CompletenessReport.model_validate(run.report).findings if run else ()
        return {finding.customer_id for finding in findings if finding.kind is FindingKind.NO_WORKFLOW}

    async def _shared(self, key: Period | None, look: Callable[[], Awaitable[Any]]) -> Any:
        """The answer of a look that began a short while ago; else of a new one, for all who ask meanwhile."""
        now = time.monotonic()
        self._looks = {name: entry for name, entry in self._looks.items() if entry[0] > now}
        if key not in self._looks:
            self._looks[key] = now + self._look_seconds, asyncio.ensure_future(look())
        return await asyncio.shield(self._looks[key][1])
