"""What a test sees of a bed: workflows as they are now, the ledger, the stand-ins' journals, mails, digests."""

import contextlib
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle, WorkflowQueryFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from billing.collections.collection import Collection
from billing.invoices.commands import ChainResult
from billing.invoices.month import Month
from billing.keys import digest_workflow_id, order_workflow_id, workflow_id
from billing.period import Period
from billing.reviewers.alerts import AlertKind
from billing.reviewers.digest_plan import DigestPlan
from bootstrap import Adapters
from clients.collection_commands import collection_handle
from clients.start import handle_for
from orders.fulfilment import Fulfilment
from sandbox.reviewers import alerts_are_sent
from sandbox.stack.ports import Ports
from sandbox.stack.stack import ROOT
from sandbox.stand_ins.journal_file import read_entries
from sandbox.stand_ins.mailbox import Mail, read_mail
from sandbox.timeline import Timeline, until
from settings import Settings
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


class BedSight:
    """A bed as a test looks at it; nothing here changes it but the digest that is waited for."""

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

    async def clock(self, handle: WorkflowHandle[Any, Any]) -> datetime:
        """What time it is for a workflow that runs."""
        now = await self.timeline.clock(handle)
        assert now is not None, f"{handle.id} has ended"
        return now

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

    async def tell_reviewers(self) -> None:
        """Begins a digest of what is in the outbox, without waiting for more."""
        await self.client.start_workflow(
            ReviewerDigest.run,
            DigestPlan(interval_seconds=0),
            id=digest_workflow_id(),
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
        )

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


def now() -> datetime:
    return datetime.now(UTC)
