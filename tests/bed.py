"""A test bed: the whole application in this process, against a real server with skipped time and the stand-ins."""

import asyncio
import contextlib
import functools
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle, WorkflowQueryFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from billing.collections.collection import Collection
from billing.commands import Command, CommandResult
from billing.customers.card_vault import CardDetails
from billing.customers.customer import Customer, Terms
from billing.errors import BillingError
from billing.invoices.commands import ChainResult
from billing.invoices.month import Month
from billing.keys import digest_workflow_id, order_workflow_id, workflow_id
from billing.period import Period
from billing.reviewers.alerts import AlertKind
from billing.reviewers.digest_plan import DigestPlan
from bootstrap import Adapters, connect_adapters, connect_digest_trigger, connect_dispatcher, connect_temporal
from bootstrap_adapters import SANDBOX_STRIPE_KEY
from clients.collection_commands import collection_handle, tell_collection
from clients.month_commands import update_month
from clients.start import StartResult, handle_for, start_customer
from orders.fulfilment import Fulfilment
from orders.order import OrderRequest, OrderStanding
from orders.procedures.procedure import Procedure
from orders.service.service_order import ServiceRequest, ServiceStanding
from sandbox.reviewers import alerts_are_sent
from sandbox.stack.ports import Ports
from sandbox.stack.sample import HEADER, register_card, sheet_of
from sandbox.stack.stack import ROOT
from sandbox.stack.stand_ins import stand_ins
from sandbox.stack.temporal_server import TemporalServer
from sandbox.stand_ins.control import control, local_http
from sandbox.stand_ins.journal_file import read_entries
from sandbox.stand_ins.mailbox import Mail, read_mail
from sandbox.stand_ins.whole_file import write_csv
from sandbox.timeline import OVERSHOOT, Timeline, until
from settings import Settings
from tests.empty_ledger import empty_ledger
from worker import create_worker
from workflows.digest import ReviewerDigest
from workflows.monthly_billing import MonthlyBilling
from workflows.options import TASK_QUEUE
from workflows.order_fulfilment import OrderFulfilment
from workflows.payment_collection import PaymentCollection

_T = TypeVar("_T")

OCTOBER = "2026-10"
LATER_MINUTES, SOON_MINUTES = 60, 0.005
"""How long alerts are gathered: until a test asks for them (``Bed.digests``), or for a moment."""
PATIENCE_SECONDS = 120
"""For what is there within a second on a machine that does nothing else."""


class Bed:
    """What a test needs to act and to look; months pass by ``skip_to`` and ``skip``."""

    def __init__(self, client: Client, adapters: Adapters, folder: Path, ports: Ports, settings: Settings) -> None:
        self.client = client
        self.settings = settings
        self.timeline = Timeline(client)
        self.adapters = adapters
        self.ledger = adapters.ledger
        self.folder = folder
        self.ports = ports
        self.started: list[str] = []
        self.orders: list[str] = []  # by number
        self.registered: set[str] = set()  # at the Stripe stand-in; the server also knows workflows of other tests
        self.began = now()  # whatever was opened earlier is another test's

    # -- acting

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

    async def recorded(self, customer_id: str, period: str) -> Month:
        """The month as the ledger has it."""
        month = await self.ledger.month(customer_id, Period(period))
        assert month is not None, f"the ledger has no {period} of {customer_id}"
        return month

    async def is_on_record(self, customer_id: str, period: str, holds: Callable[[Month], bool]) -> None:
        """Waits until the ledger has a month of which ``holds`` is true: it learns of it after the workflow."""

        async def look() -> bool:
            return holds(await self.recorded(customer_id, period))

        await until(look, PATIENCE_SECONDS)

    async def command(self, customer_id: str, command: Command) -> CommandResult:
        """Sends an update and waits for the answer."""
        return await update_month(self.client, customer_id, command)

    async def tell(self, command: Command, customer_id: str = "acme", period: str = OCTOBER) -> CommandResult:
        """Sends a command about a debt to its collection and waits for the answer."""
        return await tell_collection(self.client, customer_id, command.evolve(period=Period(period)))

    async def behaves(self, customer: Customer, behaviour: str) -> None:
        """From now on the customer's card does this, in the words of the Stripe stand-in."""
        await self.stripe_control(f"cards/{customer.card_on_file.card_id}", {"behaviour": behaviour})

    async def another_card(self, customer: Customer, card: str = "pm_card_visa") -> CardDetails:
        """Attaches another card to the customer at Stripe."""
        async with local_http(headers={"Authorization": f"Bearer {SANDBOX_STRIPE_KEY}"}) as http:
            url = f"{self.stripe_url}/v1/payment_methods/{card}/attach"
            answer = await http.post(url, data={"customer": customer.card_on_file.payer_id})
            return await self.adapters.payments.card(answer.raise_for_status().json()["id"])

    async def tell_reviewers(self) -> None:
        """Begins a digest of what is in the outbox, without waiting for more."""
        await self.client.start_workflow(
            ReviewerDigest.run,
            DigestPlan(interval_seconds=0),
            id=digest_workflow_id(),
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
        )

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

    async def clock(self, handle: WorkflowHandle[Any, Any]) -> datetime:
        """What time it is for a workflow that runs."""
        now = await self.timeline.clock(handle)
        assert now is not None, f"{handle.id} has ended"
        return now

    async def _reach(self, handle: WorkflowHandle[Any, Any], instant: datetime) -> None:
        async with asyncio.timeout(2 * PATIENCE_SECONDS):  # days of failing tries are a lot of work
            await self.timeline.reach(handle, instant)

    async def stripe_control(self, path: str, body: dict[str, object]) -> None:
        await control(self.ports.stripe, path, body)

    async def stripe_fault(self, **rule: object) -> None:
        await control(self.ports.stripe, "faults", rule)

    async def stripe_clear_faults(self) -> None:
        await control(self.ports.stripe, "faults", method="DELETE")

    async def production_is_silent(self) -> None:
        """Production answers no release from now on; a test says itself what it answers, and when."""
        await control(self.ports.production, "faults", {"kind": "status", "status": 503, "times": None})

    async def detach_card(self, card_id: str) -> None:
        """The customer, or the bank, takes the card away."""
        async with local_http(headers={"Authorization": f"Bearer {SANDBOX_STRIPE_KEY}"}) as http:
            answer = await http.post(f"{self.stripe_url}/v1/payment_methods/{card_id}/detach")
            answer.raise_for_status()

    async def restart_by_hand(self, month: Month) -> None:
        """Starts a workflow past every check, as a reset or a person in the Temporal UI could."""
        await self.client.start_workflow(
            MonthlyBilling.run, month, id=workflow_id(month.customer.customer_id), task_queue=TASK_QUEUE
        )

    async def sheets_fault(self, **rule: object) -> None:
        await control(self.ports.sheets, "faults", rule)

    async def mail_faults(self, *rules: dict[str, object]) -> None:
        await control(self.ports.mail, "mail-faults", list(rules))

    async def at_the_bank(self, url: str | None, decision: str) -> None:
        """The customer decides at the bank's page that they were sent to."""
        assert url
        async with local_http() as http:
            answer = await http.post(url, data={"authentication": decision})
            assert answer.status_code == 303, answer.text

    async def tamper(self, statement: str, *values: object) -> None:
        """Changes the ledger behind everybody's back; in a thread: what holds its lock may need this loop to end."""

        def change() -> None:
            with contextlib.closing(sqlite3.connect(self.folder / "ledger.db", timeout=30)) as ledger, ledger:
                ledger.execute(statement, values)

        await asyncio.to_thread(change)

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

    # -- looking

    async def fulfils(self, number: str, holds: Callable[[Fulfilment], bool]) -> Fulfilment:
        """The order as its workflow has it, also when that has ended, as soon as ``holds`` is true of it."""
        handle: WorkflowHandle[OrderFulfilment, Fulfilment]
        handle = self.client.get_workflow_handle_for(OrderFulfilment.run, order_workflow_id(number))

        seen: Fulfilment | RPCError | None = None

        async def look() -> Fulfilment | None:
            nonlocal seen
            try:
                seen = value = await _answer(lambda: handle.query(OrderFulfilment.order))
                return value if value.standing.order.opened_at >= self.began and holds(value) else None
            except RPCError as error:  # not begun yet
                seen = error
                return None

        try:
            return await until(look, PATIENCE_SECONDS)
        except TimeoutError:
            waiting = [page async for page in self.ledger.outgoing_events(undelivered_only=True)]
            raise AssertionError(f"order {number} was last {seen!r}, and events wait: {waiting}") from None

    @property
    def stripe_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.stripe}"

    def handle(self, customer_id: str) -> WorkflowHandle[MonthlyBilling, ChainResult]:
        return handle_for(self.client, customer_id)

    def collection_handle(self, customer_id: str = "acme") -> WorkflowHandle[PaymentCollection, Collection]:
        return collection_handle(self.client, customer_id)

    async def collection(self, customer_id: str = "acme") -> Collection:
        """A collection as its workflow has it, also when it has ended."""
        return await _answer(lambda: self.collection_handle(customer_id).query(PaymentCollection.collection))

    async def collects(self, holds: Callable[[Collection], bool], customer_id: str = "acme") -> Collection:
        """The collection as soon as ``holds`` is true of it."""
        collection: Collection | None = None

        async def look() -> Collection | None:
            nonlocal collection
            with contextlib.suppress(RPCError):  # not begun yet
                collection = await self.collection(customer_id)
                if collection.customer.payer_id in (None, *self.registered) and holds(collection):
                    return collection
            return None

        try:
            return await until(look, PATIENCE_SECONDS)
        except TimeoutError:
            raise AssertionError(f"not reached: {collection and collection.model_dump_json(indent=1)}") from None

    async def month(self, customer_id: str) -> Month:
        """The running month."""
        return await _answer(lambda: self.handle(customer_id).query(MonthlyBilling.invoice))

    async def until(self, customer_id: str, holds: Callable[[Month], bool], seconds: float = PATIENCE_SECONDS) -> Month:
        """The running month, as soon as ``holds`` is true of it."""
        month: Month | None = None

        async def look() -> Month | None:
            nonlocal month
            month = await self.month(customer_id)
            return month if holds(month) else None

        try:
            return await until(look, seconds)
        except TimeoutError:
            description = await self.handle(customer_id).describe()
            pending = [str(activity.last_failure) for activity in description.raw_description.pending_activities]
            clock, state = (
                await self.timeline.clock(self.handle(customer_id)),
                month and month.model_dump_json(indent=1),
            )
            raise AssertionError(f"not reached at {clock}: {state}\npending: {pending}") from None

    @property
    def environment(self) -> dict[str, str]:
        """What another process needs to work on this bed."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "TEMPORAL_ADDRESS": self.client.service_client.config.target_host,
            "BILLING_DATA_DIR": str(self.folder),
            "BILLING_REVIEWERS_EMAIL": self.settings.reviewers_email,
            "BILLING_DIGEST_MINUTES": str(self.settings.digest_minutes),
            **self.ports.environment,
        }

    def intents(self) -> list[dict[str, Any]]:
        """Every payment intent at the Stripe stand-in as it stands now."""
        return self.objects("payment_intent")

    def objects(self, kind: str) -> list[dict[str, Any]]:
        """Every object of a kind at the Stripe stand-in as it stands now, by its own journal."""
        latest: dict[str, dict[str, Any]] = {}
        for entry in read_entries(self.folder / "stripe.jsonl"):
            snapshot = entry.get("object")
            if isinstance(snapshot, dict) and snapshot.get("object") == kind:
                latest[snapshot["id"]] = snapshot
        return list(latest.values())

    def charged(self, customer_id: str | None = None) -> list[tuple[str, int]]:
        """Period and amount of every charge that moved money."""
        return [
            (intent["metadata"]["period"], intent["amount_received"])
            for intent in self.intents()
            if intent["status"] == "succeeded" and customer_id in (None, intent["metadata"]["customer_id"])
        ]

    def mails(self, to: str | None = None) -> list[Mail]:
        return [mail for mail in read_mail(self.folder / "mail") if to is None or mail.to == to]

    def letters(self) -> list[Mail]:
        """The mails to customers."""
        return [mail for mail in self.mails() if mail.to != self.settings.reviewers_email]

    async def alerted(self) -> list[str]:
        """What reviewers were to be told, other than that there are drafts."""
        return [row.text for row in await self.ledger.alerts() if row.kind is not AlertKind.DRAFT]

    async def digests(self) -> list[Mail]:
        """The mails to the reviewers, once they tell everything that is in the outbox."""
        if self.settings.digest_minutes == LATER_MINUTES:
            await until(self._reviewers_are_told, PATIENCE_SECONDS)
        await until(lambda: alerts_are_sent(self.ledger), PATIENCE_SECONDS)
        return self.mails("reviewers@example.com")

    async def _reviewers_are_told(self) -> bool:
        """Whether a digest that began now has told everything: what is written as it ends waits for a later one."""
        await self.tell_reviewers()
        await self.client.get_workflow_handle(digest_workflow_id()).result()
        return await alerts_are_sent(self.ledger)

    async def told(self) -> str:
        """All that reviewers were told, as one line."""
        return " ".join(" ".join(mail.text.split()) for mail in await self.digests())

    async def event_names(self, customer_id: str, run_id: str) -> list[str]:
        """The types of all events of one run."""
        handle = self.client.get_workflow_handle(workflow_id(customer_id), run_id=run_id)
        return [EventType.Name(event.event_type) async for event in handle.fetch_history_events()]


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


async def _answer(query: Callable[[], Awaitable[_T]]) -> _T:
    """Of a workflow. Where a worker gets no processor for two seconds, the SDK fails the query, the server does after
    ten, and the client, by "Timeout expired", after thirty; it is repeated.
    """

    async def look() -> tuple[_T] | None:
        try:
            return (await query(),)
        except WorkflowQueryFailedError:
            return None
        except RPCError as error:
            if error.status not in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):  # by them, or by us
                raise
            return None

    (answer,) = await until(look, PATIENCE_SECONDS)
    return answer


def _next_instant(month: Month) -> datetime:
    return month.charge_at if month.announced else month.notice_at


def _has_moved(before: Month, holds: Callable[[Month], bool], month: Month) -> bool:
    return holds(month) or (month.announced, _next_instant(month)) != (before.announced, _next_instant(before))


def now() -> datetime:
    return datetime.now(UTC)
