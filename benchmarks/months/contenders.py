"""The contenders on Temporal, with the same months: the product, and a bare workflow on the same server.

    async with Product(world).ready() as team:      # its worker runs
        await team.bill(book.measured, book.periods)

``bill`` starts everybody at once and returns when all months are done.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client

from adapters.sql.ledger import SqlLedger
from benchmarks.months import bare
from benchmarks.months.history import month_in_history
from benchmarks.months.team import Team, check_paid, client_of, each_of, processes_of, running_module, until_done
from benchmarks.world import World
from billing.customers.channels import Channel
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.keys import collection_id, workflow_id
from billing.payments.methods import BillPayer
from billing.period import Period
from billing.tariffs.changes import Subscribe
from billing.tariffs.tariff import Tariff, TariffVersion
from sandbox.timeline import skipping_client
from worker import READY as WORKER_READY
from workflows.monthly_billing import MonthlyBilling
from workflows.options import TASK_QUEUE
from workflows.visibility import search_attributes

_TARIFF, _WHO = "internet-100", ("bench", "a benchmark", datetime.now(UTC))
_AFTER = timedelta(days=5)
"""How far beyond the last charge time is skipped: into the next month, which waits."""


@dataclass
class _OnTemporal:
    """The common part of the two teams on Temporal. Each workflow skips time by itself."""

    client: Client
    processes: dict[str, int]
    workflow: str
    started: list[str]

    async def start(self, name: str, argument: list[Any], queue: str, until: timedelta | None, **options: Any) -> None:
        """Skips the time ``until`` then; None: no time."""
        client = self.client if until is None else skipping_client(self.client, until)
        await client.start_workflow(self.workflow, args=argument, id=name, task_queue=queue, **options)
        self.started.append(name)

    async def prepare(self, months: Sequence[Month]) -> list[Month]:
        return [*months]

    async def gone_on(self) -> int:
        """Runs that have continued as new: a month each."""
        query = f"WorkflowType = '{self.workflow}' AND ExecutionStatus = 'ContinuedAsNew'"
        return (await self.client.count_workflows(query)).count

    async def history(self) -> dict[str, float]:
        return await month_in_history(self.client, self.workflow, self.started[-1])

    async def clear(self) -> None:
        await each_of(self.started, lambda name: self.client.get_workflow_handle(name).terminate())


@dataclass
class _ProductTeam(_OnTemporal):
    ledger: SqlLedger
    bill_by: Channel | None
    has_tariffs: bool

    async def prepare(self, months: Sequence[Month]) -> list[Month]:
        if self.bill_by is None:
            return [*months]
        billed = [_on_bills(month, self.bill_by, place) for place, month in enumerate(months)]
        if self.has_tariffs:
            await self.ledger.add_tariff(_tariff(billed[0].period), *_WHO)
            await each_of(billed, self._subscribe)
        return billed

    async def _subscribe(self, month: Month) -> None:
        await self.ledger.record(month, datetime.now(UTC))
        account = await self.ledger.open_number(month.customer_id, None, *_WHO)
        starts_on = month.period.first_day
        await self.ledger.agree(Subscribe(account=account.number, tariff=_TARIFF, starts_on=starts_on), *_WHO)

    async def bill(self, months: Sequence[Month], periods: Sequence[Period]) -> None:
        before = await self.gone_on()

        async def begin(month: Month) -> None:
            now = datetime.now(UTC)
            last = month.customer.terms.schedule.instants(periods[-1], month.customer.timezone).charge_at
            attributes = search_attributes(month, now)
            name = workflow_id(month.customer.customer_id)
            await self.start(name, [month], TASK_QUEUE, last + _AFTER - now, search_attributes=attributes)

        await each_of(months, begin)
        await until_done(self.gone_on, before + len(months) * len(periods))

    async def check(self, periods: Sequence[Period], customers: int) -> None:
        await check_paid(self.ledger, periods, customers, Stage.BILLED if self.bill_by else Stage.PAID)

    async def clear(self) -> None:
        await super().clear()
        if self.bill_by:
            names = [collection_id(name.removeprefix(workflow_id(""))) for name in self.started]
            await each_of(names, lambda name: self.client.get_workflow_handle(name).terminate())


def _tariff(period: Period) -> Tariff:
    version = TariffVersion(starts_on=period.first_day, fee_minor=24_40)
    return Tariff(code=_TARIFF, name="Internet 100", currency="eur", versions=(version,))


def _on_bills(month: Month, by: Channel, place: int) -> Month:
    """The month of a customer who has no card: the bill goes by this channel, and is collected."""
    terms, phone = month.customer.terms.evolve(bill_by=(by,)), f"+7701{place:07}"
    return month.evolve(customer=month.customer.evolve(payment_method=BillPayer(), phone=phone, terms=terms))


@dataclass
class _BareTeam(_OnTemporal):
    skips: bool

    async def bill(self, months: Sequence[Month], periods: Sequence[Period]) -> None:
        before = await self.gone_on()
        timers = bare.TIMERS if self.skips else bare.NO_TIME
        until = sum(timers, timedelta()) * len(periods) + _AFTER if self.skips else None

        async def begin(month: Month) -> None:
            customer_id = month.customer.customer_id
            arguments = [customer_id, len(periods), list(timers)]
            await self.start(f"bare-{customer_id}", arguments, bare.TASK_QUEUE, until)

        await each_of(months, begin)
        await until_done(self.gone_on, before + len(months) * len(periods))

    async def check(self, periods: Sequence[Period], customers: int) -> None:
        """It does nothing."""


@dataclass
class Product:
    """The product's own worker, in a process of its own; its ledger in SQLite, or in PostgreSQL."""

    world: World
    on_postgresql: bool = False
    bill_by: Channel | None = None  # None: cards are charged
    has_tariffs: bool = False  # then there is no sheet
    cached: int | None = None  # workflows that the worker keeps; None: as many as its memory allows

    @property
    def name(self) -> str:
        if self.bill_by:
            return f"product, {'tariffs and ' if self.has_tariffs else ''}bills by {self.bill_by}"
        return f"product, ledger in {'PostgreSQL' if self.on_postgresql else 'SQLite'}"

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[Team]:
        folder = self.world.new_folder()
        url = self.world.new_database() if self.on_postgresql else f"sqlite:///{folder / 'ledger.db'}"
        env = self.world.environment(folder) | {"BILLING_LEDGER_URL": url}
        env |= {"BILLING_CACHED_WORKFLOWS": str(self.cached)} if self.cached else {}
        env |= {"BILLING_SALES": "none", "BILLING_TEXTS": '{"per_day": null}'} if self.has_tariffs else {}
        ledger = await SqlLedger.connect(url)
        await ledger.migrate()
        worker = running_module("benchmarks.months.product", WORKER_READY, folder, env)
        async with worker:
            processes = processes_of(self.world, worker)
            if self.on_postgresql:
                processes["PostgreSQL"] = self.world.postgresql_pid
            client, options = await client_of(self.world), (self.bill_by, self.has_tariffs)
            yield _ProductTeam(client, processes, MonthlyBilling.__name__, [], ledger, *options)
        await ledger.close()


@dataclass
class Bare:
    """``benchmarks/months/bare.py`` on the same server."""

    world: World
    skips: bool = True

    @property
    def name(self) -> str:
        return "bare workflow" if self.skips else "bare workflow, timers of 1 ms"

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[Team]:
        folder = self.world.new_folder()
        worker = running_module("benchmarks.months.bare", bare.READY, folder, self.world.environment(folder))
        async with worker:
            processes = {"Temporal": self.world.server.pid, "worker": worker.pid}
            yield _BareTeam(await client_of(self.world), processes, bare.BareMonth.__name__, [], self.skips)
