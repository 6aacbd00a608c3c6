"""Months of chaos: everybody is started twice, time passes in storms, reviewers end what is stuck."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from temporalio.client import Client
from temporalio.service import RPCError

from billing.collections.stages import CollectionStage
from billing.customers.customer import Customer
from billing.errors import BillingError
from billing.invoices.ports import InvoiceRow
from billing.invoices.stages import UNPAID_OUTCOMES
from billing.keys import collection_id, workflow_id
from billing.period import Period
from bootstrap import Adapters
from clients.start import StartResult, start_customer
from sandbox.chaos.clocks import Clocks
from sandbox.chaos.company import Company
from sandbox.chaos.fault_injection import FaultInjector
from sandbox.chaos.plan import FaultPlan, Plan
from sandbox.chaos.reviewers import Reviewers, wish

_MONTH, _LATE = timedelta(days=31), timedelta(days=14)
"""After so much time per month, and some more, the weather is good, and reviewers only help."""
_STEPS_AT_MOST = 400  # per month
_TOGETHER = timedelta(minutes=20)
_OVERSHOOT = timedelta(seconds=45)
_SETTLE_SECONDS = 1.0
_FINISH_SECONDS = 120.0
_POLL_SECONDS = 0.05
_SAID_AT_MOST = 5  # by reviewers, of one month, before they only help


class WaitingWorkflow(NamedTuple):
    """A workflow and what it waits for; ``next_at`` None: it has something to do now."""

    workflow_id: str
    next_at: datetime | None


class Months:
    """Bills ``periods`` to everybody, one after the other; ``wrong`` is what operators saw go wrong."""

    def __init__(
        self,
        plan: Plan,
        periods: list[Period],
        company: Company,
        adapters: Adapters,
        client: Client,
        havoc: FaultInjector,
        report: Callable[[str], None],
    ) -> None:
        self.clocks = Clocks(client, company)
        self.reviewers = Reviewers(client, adapters.ledger)
        self.wrong: list[str] = []
        self.steps = 0
        self._plan = plan
        self._periods = periods
        self._company = company
        self._adapters = adapters
        self._ledger = adapters.ledger
        self._client = client
        self._havoc = havoc
        self._report = report
        self.late_sales = 0
        self._drafted: set[tuple[str, Period]] = set()
        self._said: Counter[tuple[str, Period]] = Counter()
        self._restless = 0

    # -- the beginning

    async def start(self) -> None:
        """Two operators start the same roster at once, in a storm; each customer is started once."""
        customers = await self._company.customers()
        self._company.write_sheet(self._periods[0], {each.customer_id: each.email for each in customers})
        async with self._havoc.during(self._plan.storm(0)):
            starting = [self._started(each) for each in (*customers, *reversed(customers))]
            started = Counter(each.customer_id for each in await asyncio.gather(*starting) if each.period)
        self.wrong += [f"{name} was started {times} times" for name, times in started.items() if times > 1]

    async def _started(self, customer: Customer) -> StartResult:
        """An operator tries again what an outage has stopped; it may have been started all the same."""
        while True:
            try:
                payments = self._adapters.payments
                return await start_customer(self._client, self._ledger, payments, customer, self._periods[0])
            except RPCError:
                pass
            except BillingError as error:
                if not error.retryable:
                    raise
            await asyncio.sleep(_POLL_SECONDS)

    # -- time

    async def pass_by(self) -> None:
        """Storms first; then good weather, until everybody is past the last month and what is owed is at rest."""
        calm_from = self.clocks.began + len(self._periods) * _MONTH + _LATE
        while (rows := await self._open()) or await self._collecting():
            if self.steps == _STEPS_AT_MOST * len(self._periods):
                break
            self.steps += 1
            helping = not rows or self.clocks.now > calm_from
            await self._write_sheets(rows)
            self._sort_sheets(rows)
            await self._sell_late(rows)
            storm = FaultPlan() if helping else self._plan.storm(self.steps)
            async with self._havoc.during(storm), asyncio.TaskGroup() as group:
                group.create_task(self._review(rows, helping))
                group.create_task(self._pass_time())
            await self._company.banks_decide(self._ledger, self._periods, self.steps)
            stages = Counter(str(row.stage) for row in rows)
            told = ", ".join(f"{count} {stage}" for stage, count in sorted(stages.items()))
            self._report(f"{self.steps:4}  {self.clocks.now:%Y-%m-%d %H:%M}  {told}")
        await self._havoc.passed()
        await self._finish()

    async def _open(self) -> list[InvoiceRow]:
        """The current month of everybody who has neither come past the last period nor left."""
        newest = {row.customer_id: row for row in await self._ledger.invoices()}
        staying = {each.customer_id for each in await self._ledger.customers()}
        return [row for row in newest.values() if row.period in self._periods and row.customer_id in staying]

    async def _collecting(self) -> bool:
        """Whether something is due now of what is owed."""
        for row in await self._ledger.collections(open_only=True):
            if row.next_at is not None and row.next_at <= self.clocks.now:
                return True
            owed = await self._ledger.collection(row.customer_id, row.period)
            if owed is not None and owed.due(row.updated_at).step is not None:
                return True
        return False

    async def _waiting(self) -> list[WaitingWorkflow]:
        """Open months and collections; of these, one that is exhausted waits for nothing but people."""
        months = [WaitingWorkflow(workflow_id(row.customer_id), row.next_at) for row in await self._open()]
        return months + [
            WaitingWorkflow(collection_id(row.customer_id, row.period), row.next_at)
            for row in await self._ledger.collections(open_only=True)
            if row.stage is not CollectionStage.EXHAUSTED
        ]

    async def _pass_time(self) -> None:
        """To the next instant that anybody waits for; a little at a time while somebody tries something again."""
        now, everybody = self.clocks.now, await self._waiting()
        later = sorted(each.next_at for each in everybody if each.next_at and each.next_at > now)
        target = max((at for at in later if at <= later[0] + _TOGETHER), default=now + timedelta(days=1))
        self._restless = self._restless + 1 if len(later) < len(everybody) else 0
        if self._restless:
            target = min(target, now + timedelta(minutes=1) * 2 ** min(self._restless, 10))
        due = {each.workflow_id for each in everybody if each.next_at is None or each.next_at <= target}
        await self.clocks.pass_to(target + _OVERSHOOT, due)
        until = time.monotonic() + _SETTLE_SECONDS
        while time.monotonic() < until and any(
            each.next_at is None or each.next_at <= self.clocks.now
            for each in await self._waiting()
            if each.workflow_id in due
        ):
            await asyncio.sleep(_POLL_SECONDS)

    async def _finish(self) -> None:
        """Outcomes are recorded before their mail: a workflow that has gone on, or has ended, has sent it."""
        stuck = {row.customer_id for row in await self._open()}
        rows = [row for row in await self._ledger.invoices() if row.period in self._periods]
        unpaid = [collection_id(row.customer_id, row.period) for row in rows if row.stage in UNPAID_OUTCOMES]
        try:
            async with asyncio.timeout(_FINISH_SECONDS):
                for customer_id in {row.customer_id for row in rows} - stuck:
                    await self.clocks.until_past(workflow_id(customer_id), self._periods[-1])
                while await self._unsettled(unpaid):
                    await asyncio.sleep(_POLL_SECONDS)
                while not all(row.told_at for row in await self._ledger.alerts()):
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            self.wrong.append(
                "a chain does not go on after its last month, an unpaid month is not collected, or an alert is not told"
            )

    async def _unsettled(self, unpaid: list[str]) -> bool:
        """Whether one of these collections has not begun yet, or is settled and has not told so."""
        known = {collection_id(row.customer_id, row.period): row for row in await self._ledger.collections()}
        settled = [name for name in unpaid if name in known and known[name].closed_at]
        return not known.keys() >= set(unpaid) or any([await self.clocks.runs(name) for name in settled])

    # -- people

    async def _review(self, rows: list[InvoiceRow], helping: bool) -> None:
        """Reviewers look at every month, and speak while time passes."""
        async with asyncio.TaskGroup() as group:
            for row in rows:
                draw = self._plan.draw("review", self.steps, row.customer_id)
                month = await self._ledger.month(row.customer_id, row.period)
                assert month is not None
                content = helping or self._said[row.customer_id, row.period] >= _SAID_AT_MOST
                if said := wish(month, draw, content):
                    self._said[row.customer_id, row.period] += 1
                    group.create_task(self.reviewers.act(month, said, draw))
            for owed in await self._ledger.collections(open_only=True) if rows else ():
                draw = self._plan.draw("collect", self.steps, owed.customer_id)
                group.create_task(self.reviewers.settle(owed, draw))

    async def _write_sheets(self, rows: list[InvoiceRow]) -> None:
        emails = {each.customer_id: each.email for each in await self._ledger.customers()}
        for period in {row.period for row in rows}:
            self._company.write_sheet(period, emails)

    def _sort_sheets(self, rows: list[InvoiceRow]) -> None:
        """People sort a sheet once everybody has a draft from it."""
        for period in {row.period for row in rows}:
            if all(row.period > period or (row.period == period and row.version) for row in rows):
                self._company.sort_sheet(period)

    async def _sell_late(self, rows: list[InvoiceRow]) -> None:
        """Once for each month that has its draft and waits for a later instant: it cannot be over before that."""
        for row in rows:
            waits = row.version > 0 and row.next_at is not None and row.next_at > self.clocks.now
            if waits and (row.customer_id, row.period) not in self._drafted:
                self._drafted.add((row.customer_id, row.period))
                month = await self._ledger.month(row.customer_id, row.period)
                assert month is not None
                self.late_sales += self._company.sell_late(month)
