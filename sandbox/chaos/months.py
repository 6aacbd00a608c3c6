"""Months of chaos: customers are started twice, time passes amid faults, reviewers unblock stuck months."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from billing.collections.ports import DebtRow
from billing.collections.stages import CollectionStage
from billing.customers.customer import Customer
from billing.errors import BillingError
from billing.events.event import OutgoingEvent
from billing.invoices.commands import ChainResult
from billing.invoices.ports import InvoiceRow
from billing.invoices.stages import UNPAID_OUTCOMES
from billing.keys import collection_id, workflow_id
from billing.period import Period
from billing.receivables.journal import Subject
from bootstrap import Adapters
from clients.start import StartResult, handle_for, start_customer
from sandbox.chaos.bank.bank_end import BankEnd
from sandbox.chaos.bookkeeper import Bookkeeper
from sandbox.chaos.company import Company
from sandbox.chaos.departments.service_plan import rests
from sandbox.chaos.fault_injection import FaultInjector
from sandbox.chaos.orders.buyers import Buyers
from sandbox.chaos.orders.end import OrdersEnd
from sandbox.chaos.orders.plan import NO_FAULTS, OrderFaults, order_faults
from sandbox.chaos.plan import FaultPlan, Plan
from sandbox.chaos.reviewers import Reviewers, wish_for
from sandbox.chaos.waiting import WaitingWorkflow
from sandbox.judge.gather import gather
from sandbox.reviewers import alerts_are_sent
from sandbox.timeline import OVERSHOOT, SharedClock, until
from workflows.monthly_billing import MonthlyBilling

_MONTH, _LATE = timedelta(days=31), timedelta(days=14)
"""After so much time per month, and some more, nothing breaks, and reviewers only help."""
_STEPS_AT_MOST = 400  # per month
_TOGETHER = timedelta(minutes=20)
_SETTLE_SECONDS = 1.0
_FINISH_SECONDS = 120.0
_POLL_SECONDS = 0.05
_RETRIES = timedelta(minutes=5)  # the longest pause between two tries
_COMMANDS_AT_MOST = 5  # by reviewers, of one month, before they only help


@dataclass
class Months:
    """Bills ``periods`` to all customers, one after the other; ``wrong`` is what operators saw go wrong."""

    plan: Plan
    periods: list[Period]
    company: Company
    adapters: Adapters
    client: Client
    clock: SharedClock
    fault_injector: FaultInjector
    bookkeeper: Bookkeeper
    buyers: Buyers
    orders_end: OrdersEnd
    bank_end: BankEnd
    folder: Path
    report: Callable[[str], None]
    wrong: list[str] = field(default_factory=list)
    steps: int = 0
    late_sales: int = 0

    def __post_init__(self) -> None:
        self.ledger, self.timeline = self.adapters.ledger, self.clock.timeline
        self.reviewers = Reviewers(self.client, self.ledger, self.clock)
        self._drafted: set[tuple[str, Period]] = set()
        self._commands: Counter[tuple[str, Period]] = Counter()
        self._restless = 0

    # -- the beginning

    async def start(self) -> None:
        """Two operators start the same roster at once, amid faults; each customer is started once."""
        customers = await self.company.customers()
        self.company.write_sheet(self.periods[0], customers)
        async with self.fault_injector.during(self.plan.faults(0)):
            results = await asyncio.gather(*map(self._started, (*customers, *reversed(customers))))
        starts = Counter(result.customer_id for result in results if result.period)
        self.wrong += [f"{name} was started {times} times" for name, times in starts.items() if times > 1]

    async def _started(self, customer: Customer) -> StartResult:
        """An operator repeats what an outage has stopped; it may have been started all the same."""
        while True:
            try:
                payments = self.adapters.payments
                return await start_customer(self.client, self.ledger, payments, customer, self.periods[0])
            except RPCError:
                pass
            except BillingError as error:
                if not error.retryable:
                    raise
            await asyncio.sleep(_POLL_SECONDS)

    # -- time

    async def pass_by(self) -> None:
        """Faults first; then none, until everybody is past the last month and every collection is at rest."""
        calm_from = self.clock.began + len(self.periods) * _MONTH + _LATE
        while (rows := await self._open()) or await self._collecting():
            if self.steps == _STEPS_AT_MOST * len(self.periods):
                break
            self.steps += 1
            helping = not rows or self.clock.now > calm_from
            await self._write_sheets(rows)
            self._sort_sheets(rows)
            await self._sell_late(rows)
            fault_plan = FaultPlan() if helping else self.plan.faults(self.steps)
            of_orders = NO_FAULTS if helping else order_faults(self.plan, self.steps)
            async with self.fault_injector.during(fault_plan, of_orders), asyncio.TaskGroup() as group:
                group.create_task(self._order(of_orders))
                group.create_task(self._review(rows, helping))
                group.create_task(self.bookkeeper.work(self.periods if rows else [], self.steps))
                group.create_task(self._pass_time())
            await self.company.banks_decide(self.ledger, self.periods, self.steps)
            await self._compare_books()
            stages = Counter(str(row.stage) for row in rows)
            counts = ", ".join(f"{count} {stage}" for stage, count in sorted(stages.items()))
            self.report(f"{self.steps:4}  {self.clock.now:%Y-%m-%d %H:%M}  {counts}")
        await self.fault_injector.revived()
        await self.orders_end.come(self.steps)
        await self.bank_end.come()
        await self.events_arrive()
        await self._finish()
        await self.bookkeeper.settle(sorted({row.customer_id for row in await self.ledger.invoices()}))

    async def _compare_books(self) -> None:
        """The journal is right at any time, though not complete while something is under way."""
        evidence = await gather(self.folder, self.ledger, *self.periods, is_over=False)
        wrong = (f"{text}, in step {self.steps}" for account in evidence.everybody for text in account.wrong)
        known = {text.rpartition(", in step")[0] for text in self.wrong}
        self.wrong += [text for text in wrong if text.rpartition(", in step")[0] not in known]

    async def _open(self) -> list[InvoiceRow]:
        """The current month of everybody who has neither come past the last period nor left."""
        newest = {row.customer_id: row for row in await self.ledger.invoices()}
        staying = {customer.customer_id for customer in await self.ledger.customers()}
        return [row for row in newest.values() if row.period in self.periods and row.customer_id in staying]

    async def _collecting(self) -> bool:
        """Whether something is due now in a collection."""
        for row in await self.ledger.debts(open_only=True):
            if row.next_at is not None and row.next_at <= self.clock.now:
                return True
            collection = await self.ledger.collection(row.customer_id, row.period)
            if collection is not None and collection.due(row.updated_at).step is not None:
                return True
        return False

    async def _waiting(self) -> list[WaitingWorkflow]:
        """Open months and collections; an exhausted collection is left out: it waits for people only."""
        months = [WaitingWorkflow(workflow_id(row.customer_id), row.next_at) for row in await self._open()]
        owed = {row.customer_id: row for row in await self.ledger.debts(open_only=True)}  # one collection has them all
        return months + [
            WaitingWorkflow(collection_id(row.customer_id), row.next_at)
            for row in owed.values()
            if row.stage is not CollectionStage.EXHAUSTED
        ]

    async def _pass_time(self) -> None:
        """To the next instant that any workflow waits for; a little at a time while one of them retries."""
        now, waiting = self.clock.now, await self._waiting()
        later = sorted(workflow.next_at for workflow in waiting if workflow.next_at and workflow.next_at > now)
        target = max((at for at in later if at <= later[0] + _TOGETHER), default=now + timedelta(days=1))
        self._restless = self._restless + 1 if len(later) < len(waiting) else 0
        if self._restless:
            target = min(target, now + timedelta(minutes=1) * 2 ** min(self._restless, 10))
        due = {workflow.workflow_id for workflow in waiting if workflow.is_due(target)}
        await self.clock.pass_to(target + OVERSHOOT, due)

        async def settled() -> bool:
            now = self.clock.now
            return not any(row.workflow_id in due and row.is_due(now) for row in await self._waiting())

        with suppress(TimeoutError):
            await until(settled, _SETTLE_SECONDS)

    async def _finish(self) -> None:
        """Outcomes are recorded before their mail: a workflow that has gone on, or has ended, has sent it."""
        stuck = {row.customer_id for row in await self._open()}
        rows = [row for row in await self.ledger.invoices() if row.period in self.periods]
        unpaid = {(row.customer_id, row.period) for row in rows if row.stage in UNPAID_OUTCOMES}
        try:
            async with asyncio.timeout(_FINISH_SECONDS):
                for customer_id in {row.customer_id for row in rows} - stuck:
                    await self._pass_last_month(customer_id)
                await until(lambda: self._settled(unpaid), _FINISH_SECONDS)
                await until(lambda: alerts_are_sent(self.ledger), _FINISH_SECONDS)
        except TimeoutError:
            self.wrong.append(
                "a chain stops after its last month, an unpaid month is not collected, or an alert is not sent"
            )

    async def _pass_last_month(self, customer_id: str) -> None:
        """Until the chain is in a later month, or has ended."""
        handle, instant = handle_for(self.client, customer_id), self.clock.now
        while await self.timeline.clock(handle) and await self._month_of(handle) <= self.periods[-1]:
            instant += timedelta(minutes=10)
            await self.timeline.reach(handle, instant)

    async def _month_of(self, handle: WorkflowHandle[MonthlyBilling, ChainResult]) -> Period:
        return (await handle.query(MonthlyBilling.invoice)).period

    async def events_arrive(self) -> None:
        """Until the receiver has taken every event; an operator need not wait for the next tries."""

        async def waiting() -> list[OutgoingEvent]:
            pages = self.ledger.outgoing_events(undelivered_only=True)
            return [event async for page in pages for event in page if not rests(event)]

        async def all_taken() -> bool:
            return not await waiting()

        for event in await waiting():
            await self.ledger.resend_event(event.event_id)
        try:
            await until(all_taken, _FINISH_SECONDS)
        except TimeoutError:
            self.wrong.append(f"{len(await waiting())} events are not delivered")

    async def _settled(self, unpaid: set[tuple[str, Period]]) -> bool:
        """Whether each of these months is collected, and those who owe nothing more are told, their workflow ended."""
        rows = await self.ledger.debts()
        owing = {row.customer_id for row in rows if row.closed_at is None}
        settled = {collection_id(row.customer_id) for row in rows if row.customer_id not in owing}
        running = [name for name in settled if await self._runs_on(name)]
        is_complete = {(row.customer_id, row.period) for row in rows} >= unpaid
        return is_complete and not running and not await self._paid_by_the_books(rows)

    async def _runs_on(self, name: str) -> bool:
        """Whether a workflow still runs some minutes later, by when it has tried again what had failed."""
        handle = self.timeline.handle(name)
        now = await self.timeline.clock(handle)
        return now is not None and await self.timeline.reach(handle, now + _RETRIES) is not None

    async def _paid_by_the_books(self, rows: list[DebtRow]) -> bool:
        """Whether money has come for an open debt that its collection has yet to learn of."""
        for row in rows:
            if row.closed_at is None:
                balance = await self.ledger.balance(row.customer_id)
                if balance.owed_for(Subject.month(row.period), row.currency) <= 0:
                    return True
        return False

    # -- people

    async def _order(self, of_orders: OrderFaults) -> None:
        """Buyers go on; meanwhile somebody may pull the brake, under which nothing new is released."""
        if of_orders.brake_seconds is None:
            await self.buyers.work(self.steps)
            return
        await self.buyers.work_under_brake(self.steps, of_orders.brake_seconds)

    async def _review(self, rows: list[InvoiceRow], helping: bool) -> None:
        """Reviewers look at every month, and send commands while time passes."""
        async with asyncio.TaskGroup() as group:
            for row in rows:
                draw = self.plan.draw("review", self.steps, row.customer_id)
                month = await self.ledger.month(row.customer_id, row.period)
                assert month is not None
                content = helping or self._commands[row.customer_id, row.period] >= _COMMANDS_AT_MOST
                if wish := wish_for(month, draw, content):
                    self._commands[row.customer_id, row.period] += 1
                    group.create_task(self.reviewers.act(month, wish, draw))
            for debt in await self.ledger.debts(open_only=True) if rows else ():
                draw = self.plan.draw("collect", self.steps, f"{debt.customer_id} {debt.period}")
                group.create_task(self.reviewers.settle(debt, draw))

    async def _write_sheets(self, rows: list[InvoiceRow]) -> None:
        customers = await self.ledger.customers()
        for period in {row.period for row in rows}:
            self.company.write_sheet(period, customers)

    def _sort_sheets(self, rows: list[InvoiceRow]) -> None:
        """People sort a sheet once everybody has a draft from it."""
        for period in {row.period for row in rows}:
            if all(row.period > period or (row.period == period and row.version) for row in rows):
                self.company.sort_sheet(period)

    async def _sell_late(self, rows: list[InvoiceRow]) -> None:
        """Once for each month that has its draft and waits for a later instant: it cannot be over before that."""
        for row in rows:
            waits = row.version > 0 and row.next_at is not None and row.next_at > self.clock.now
            if waits and (row.customer_id, row.period) not in self._drafted:
                self._drafted.add((row.customer_id, row.period))
                month = await self.ledger.month(row.customer_id, row.period)
                assert month is not None
                self.late_sales += self.company.sell_late(month)
