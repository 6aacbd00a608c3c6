"""A test bed: the whole application in this process, against a real server with skipped time and the stand-ins."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from billing.commands import Command, CommandResult
from billing.customers.customer import Customer, Terms
from billing.errors import BillingError
from billing.invoices.month import Month
from billing.keys import digest_workflow_id, order_workflow_id, workflow_id
from billing.period import Period
from bootstrap import connect_adapters, connect_digest_trigger, connect_dispatcher, connect_temporal
from clients.collection_commands import tell_collection
from clients.month_commands import update_month
from clients.start import StartResult, start_customer
from orders.order import OrderRequest, OrderStanding
from orders.procedures.procedure import Procedure
from orders.service.service_order import ServiceRequest, ServiceStanding
from sandbox.stack.sample import HEADER, register_card, sheet_of
from sandbox.stack.stand_ins import stand_ins
from sandbox.stack.temporal_server import TemporalServer
from sandbox.stand_ins.whole_file import write_csv
from sandbox.timeline import OVERSHOOT
from settings import Settings
from tests.bed_outside import BedOutside
from tests.bed_sight import LATER_MINUTES, OCTOBER, PATIENCE_SECONDS, SOON_MINUTES, now
from tests.empty_ledger import empty_ledger
from worker import create_worker
from workflows.monthly_billing import MonthlyBilling
from workflows.options import TASK_QUEUE

__all__ = ["LATER_MINUTES", "OCTOBER", "PATIENCE_SECONDS", "SOON_MINUTES", "Bed", "now", "prepared_bed"]


class Bed(BedOutside):
    """What a test needs to act and to look; months pass by ``skip_to`` and ``skip``."""

    async def customer(self, customer_id: str, card: str = "pm_card_visa", **fields: Any) -> Customer:
        """A customer whose card is on file at the Stripe stand-in; not started yet."""
        email = fields.pop("email", f"{customer_id}@example.com")
        payer_id, card_id = await register_card(self.stripe_url, email, card)
        self.registered.add(payer_id)
        values = {"name": customer_id.title(), "currency": "eur", "timezone": "Europe/Paris", "terms": Terms()}
        return Customer.model_validate(
            {
                "customer_id": customer_id,
                "email": email,
                "payment_method": {"kind": "card", "payer_id": payer_id, "card_id": card_id},
                **values,
                **fields,
            }
        )

    def sales(self, period: str, *rows: tuple[str, str, str]) -> None:
        """Writes the worksheet of ``period``: email, amount, description."""
        write_csv(self.worksheet(period), [HEADER, *rows])

    def worksheet(self, period: str) -> Path:
        return sheet_of(self.folder, Period(period))

    async def start(self, customer: Customer, period: str | None = None, reopen: bool = False) -> StartResult:
        self.started.append(customer.customer_id)
        begin = Period(period) if period else None
        return await start_customer(self.client, self.ledger, self.adapters.payments, customer, begin, reopen)

    async def monitored(
        self,
        customer_id: str = "acme",
        sales: tuple[str, ...] = ("100",),
        period: str = "2026-10",
        is_last: bool = False,
        **fields: Any,
    ) -> Month:
        """A customer in the monitoring window of ``period``, with one row of the sheet per amount.

        Unless it ``is_last``, the month after has a worksheet without rows: else what runs on would look for it again
        and again.
        """
        customer = await self.customer(customer_id, **fields)
        self.sales(period, *((customer.mailbox, amount, f"Sale {n}") for n, amount in enumerate(sales, start=1)))
        if not is_last and not self.worksheet(after := Period(period).next()).exists():
            self.sales(after)
        await self.start(customer, period)
        return await self.drafted(customer_id, period)

    async def drafted(self, customer_id: str, period: str) -> Month:
        """The month once its sales are imported; time is not skipped."""
        return await self.until(customer_id, lambda month: month.period == period and month.invoice is not None)

    async def announced(self, customer_id: str = "acme") -> Month:
        """Lets the monitoring window pass: the customer gets the charge notice."""
        return await self._skip_until(customer_id, lambda month: month.announced)

    async def closed(self, customer_id: str = "acme", period: str = "") -> Month:
        """Lets the rest of the month (the running one, unless named) pass; answers it as the ledger has it."""
        period = period or (await self.month(customer_id)).period
        await self._skip_until(customer_id, lambda month: month.period != period)
        return await self.recorded(customer_id, period)

    async def _skip_until(self, customer_id: str, holds: Callable[[Month], bool]) -> Month:
        """Skips to one instant of the month after the other until ``holds``."""
        month = await self.month(customer_id)
        while not holds(month):
            await self.skip_to(customer_id, _next_instant(month))
            month = await self.until(customer_id, functools.partial(_has_moved, month, holds))
        return month

    async def command(self, customer_id: str, command: Command) -> CommandResult:
        """Sends an update and waits for the answer."""
        return await update_month(self.client, customer_id, command)

    async def tell(self, command: Command, customer_id: str = "acme", period: str = OCTOBER) -> CommandResult:
        """Sends a command about a debt to its collection and waits for the answer."""
        return await tell_collection(self.client, customer_id, command.evolve(period=Period(period)))

    async def skip(self, customer_id: str, by: timedelta) -> None:
        await self._skip_past(self.handle(customer_id), by)

    async def skip_to(self, customer_id: str, instant: datetime, beyond: timedelta = OVERSHOOT) -> None:
        """Moves the customer's clock to ``instant``, and on until the work that begins then has long been done."""
        now = await self.timeline.clock(self.handle(customer_id))
        if now is not None and instant >= now:
            await self._reach(self.handle(customer_id), instant + beyond)

    async def skip_collection(self, by: timedelta, customer_id: str = "acme") -> None:
        """Moves the clock of a collection, which is its own: it begins with the real time, not with its month's."""
        handle = self.collection_handle(customer_id)
        since = (await self.collects(lambda found: True, customer_id)).since  # which asks again
        await self._reach(handle, max(await self.clock(handle), since) + by)

    async def _skip_past(self, handle: WorkflowHandle[Any, Any], by: timedelta) -> None:
        await self._reach(handle, await self.clock(handle) + by)

    async def _reach(self, handle: WorkflowHandle[Any, Any], instant: datetime) -> None:
        async with asyncio.timeout(2 * PATIENCE_SECONDS):  # days of failing tries are a lot of work
            await self.timeline.reach(handle, instant)

    async def restart_by_hand(self, month: Month) -> None:
        """Starts a workflow past every check, as a reset or a person in the Temporal UI could."""
        await self.client.start_workflow(
            MonthlyBilling.run, month, id=workflow_id(month.customer.customer_id), task_queue=TASK_QUEUE
        )

    async def end_all(self) -> None:
        """Terminates every workflow of the customers and orders of this bed, and the reviewers' digest."""
        for customer_id in {*self.started, *await self._customers()}:
            handles: list[WorkflowHandle[Any, Any]] = [self.handle(customer_id), self.collection_handle(customer_id)]
            for handle in handles:
                with contextlib.suppress(RPCError):
                    await handle.terminate()
        others = [digest_workflow_id(), *map(order_workflow_id, {*self.orders, *await self._open_orders()})]
        for workflow in others:
            with contextlib.suppress(RPCError):
                await self.client.get_workflow_handle(workflow).terminate()

    async def _customers(self) -> list[str]:
        """Also those whose months have begun by themselves; none if the test has broken the ledger."""
        with contextlib.suppress(BillingError):
            return [row.customer_id async for row in self.ledger.roster(failed=[])]
        return []

    async def _open_orders(self) -> list[str]:
        """Also those that a command or another system has opened; none if the test has broken the ledger."""
        with contextlib.suppress(BillingError):
            return [one.order.number async for page in self.ledger.open_orders([]) for one in page]
        return []

    async def order(self, wanted: OrderRequest) -> OrderStanding:
        """Takes the order in; its workflow follows from the outbox."""
        self.orders.append(wanted.number)
        return (await self.ledger.open_order(wanted, now())).standing

    async def service_order(self, wanted: ServiceRequest, procedure: Procedure) -> ServiceStanding:
        """As ``order``, for one that goes by a procedure."""
        self.orders.append(wanted.number)
        return (await self.ledger.open_service_order(wanted, procedure, now())).standing


@contextlib.asynccontextmanager
async def prepared_bed(
    server: TemporalServer,
    folder: Path,
    ledger_url: str = "",
    with_worker: bool = True,
    digest_minutes: float = LATER_MINUTES,
    **configured: Any,
) -> AsyncIterator[Bed]:
    """A bed with its own stand-ins, ledger and worker, and more settings; its workflows end with it."""
    async with stand_ins(folder) as ports:
        settings = ports.into(
            Settings(
                _env_file=None,
                data_dir=folder,
                ledger_url=SecretStr(ledger_url),
                reviewers_email="reviewers@example.com",
                digest_minutes=digest_minutes,
                **configured,
            )
        )
        if not ledger_url:
            empty_ledger(folder)
        async with contextlib.AsyncExitStack() as stack:
            adapters = await stack.enter_async_context(connect_adapters(settings))
            if ledger_url:
                await adapters.ledger.migrate()
            client = await connect_temporal(settings, server.address)
            bed = Bed(client, adapters, folder, ports, settings)
            if with_worker:
                await stack.enter_async_context(create_worker(client, settings, adapters))
            stack.push_async_callback(bed.end_all)
            if with_worker:  # which begins orders' workflows, so it ends before they do
                digest = connect_digest_trigger(settings, client)
                await stack.enter_async_context(connect_dispatcher(settings, adapters, client, digest).open())
            yield bed


def _next_instant(month: Month) -> datetime:
    return month.charge_at if month.announced else month.notice_at


def _has_moved(before: Month, holds: Callable[[Month], bool], month: Month) -> bool:
    return holds(month) or (month.announced, _next_instant(month)) != (before.announced, _next_instant(before))
