"""Start a customer's chain of months: idempotent, and never in a month that is closed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from billing.apart import Failed
from billing.commands import Command, Ruling
from billing.completeness.chains import ChainStatus
from billing.customers.card_vault import CardVault
from billing.customers.customer import Customer
from billing.customers.erasure import is_erased
from billing.customers.ports import KnownCustomer, Lookalikes
from billing.errors import CardMissing, InvalidInput, OutcomeConflict, PaymentBusy, RowUnreadable, StaleRun
from billing.invoices.commands import ChainResult
from billing.invoices.month import Month
from billing.invoices.ports import MonthStore
from billing.invoices.review import noted
from billing.keys import workflow_id
from billing.model import Id, Model, T
from billing.period import Period
from clients.running_workflows import chain_status
from workflows.monthly_billing import MonthlyBilling
from workflows.options import TASK_QUEUE
from workflows.visibility import search_attributes

_BUSY_PAUSES_SECONDS = (1, 2, 4, 8)


class StartLedger(Lookalikes, MonthStore, Protocol):
    """What is needed of the ledger here."""

    async def known(self, asked: Sequence[Customer]) -> dict[str, KnownCustomer | Failed]:
        """What there is of each of some hundred customers, by id."""

    async def record_opened(self, months: Sequence[Month], at: datetime) -> list[Failed]:
        """Writes customers of whom nothing was known, with their first months; what is there stays as it is.

        Answers who could not be written.
        """


class StartStatus(StrEnum):
    STARTED = "started"
    ALREADY_RUNNING = "already running"


class StartResult(Model):
    """What a start came to. ``period`` is the first month of a chain that was started now.

    ``chain`` says how a workflow that was there already stands: it may be paused, or fail.
    """

    customer_id: Id
    status: StartStatus
    period: Period | None = None
    chain: ChainStatus = ChainStatus.RUNNING


def handle_for(client: Client, customer_id: str) -> WorkflowHandle[MonthlyBilling, ChainResult]:
    """The customer's workflow, whichever month it is in."""
    return client.get_workflow_handle_for(MonthlyBilling.run, workflow_id(customer_id))


async def start_customer(
    client: Client,
    ledger: StartLedger,
    vault: CardVault,
    customer: Customer,
    period: Period | None = None,
    reopen: bool = False,
    because: Command | None = None,
) -> StartResult:
    """Starts one customer: a ``StartBatch`` of one, whose words about outcome and errors hold."""
    async with StartBatch.of([customer], client, ledger, vault) as lot:
        started = await lot.start(customer, period, reopen, because)
    for failed in lot.untold:
        raise RowUnreadable(f"{failed.customer_id} runs, and the ledger could not be told: {failed.reason}")
    return started


class StartBatch:
    """Customers who are started together: the ledger is asked about all of them at once, and told at once.

    ::

        listed = (await RunningWorkflows(client).listed()).own
        async with Lot.of(some_hundred, client, ledger, vault, listed) as lot:
            await lot.start(customer)     # for each, any number at a time

    Interrupted by an exception or a cancellation, it still tells the ledger whom it has started. Killed between, it
    leaves workflows that the ledger does not know; starting the same customers again tells it. So do those who are
    ``untold`` in the end, because the ledger could not write them.
    """

    @classmethod
    @asynccontextmanager
    async def of(
        cls,
        customers: Sequence[Customer],
        client: Client,
        ledger: StartLedger,
        vault: CardVault,
        listed: Mapping[str, ChainStatus] | None = None,
    ) -> AsyncIterator["StartBatch"]:
        """``listed``: how open workflows stand, by a list some seconds old; None: each is asked for."""
        lot = cls(client, ledger, vault, await ledger.known(customers), listed)
        try:
            yield lot
        finally:
            lot.untold = await asyncio.shield(ledger.record_opened(lot._opened, lot._now))

    def __init__(
        self,
        client: Client,
        ledger: StartLedger,
        vault: CardVault,
        known: Mapping[str, KnownCustomer | Failed],
        listed: Mapping[str, ChainStatus] | None,
    ) -> None:
        self.untold: list[Failed] = []
        self._known = known
        self._client = client
        self._ledger = ledger
        self._vault = vault
        self._listed = listed
        self._now = datetime.now(UTC)
        self._opened: list[Month] = []

    def known(self, customer_id: str) -> KnownCustomer:
        """What the ledger knew of the customer. Raises ``RowUnreadable``."""
        known = self._known[customer_id]
        if isinstance(known, Failed):
            raise RowUnreadable(f"{customer_id}: {known.reason}")
        return known

    async def start(
        self,
        customer: Customer,
        period: Period | None = None,
        reopen: bool = False,
        because: Command | None = None,
    ) -> StartResult:
        """Starts the customer's workflow, unless it runs already; a repeat changes nothing.

        A customer whom the ledger does not know begins with ``period`` or the current month. For others billing goes
        on where it was: in the open month, exactly as it stands, or after the last closed one. Raises ``InvalidInput``
        for another period than that, one in the future, an email that another customer has, an account that was closed
        (unless ``reopen``), and data that differ from an open month's; ``CardMissing`` if the card is not the
        customer's. Of a start that takes effect, ``because`` is noted in the audit trail of its month: who and why.
        """
        customer_id, known = customer.customer_id, self.known(customer.customer_id)
        running = StartResult(customer_id=customer_id, status=StartStatus.ALREADY_RUNNING)
        if known.customer is not None and (chain := await self._chain(customer_id, known)).is_open:
            running = running.evolve(chain=chain)
            # It ends just now, or an earlier start was interrupted before the ledger was told.
            if known.closed_reason and chain is ChainStatus.RUNNING:
                runs = await handle_for(self._client, customer_id).query(MonthlyBilling.invoice)
                with suppress(StaleRun, OutcomeConflict):
                    await self._ledger.record(runs, self._now)
            return running
        month = await _first_month(self._ledger, self._vault, customer, known, period, self._now, reopen)
        if because is not None:
            fields = because.model_dump(include={"by", "reason", "via", "command_id"})
            ruling = Ruling(month, f"{month.period} goes on as it stood", None)
            month = noted(ruling, self._now, command="start", **fields).value
        try:
            await self._client.start_workflow(
                MonthlyBilling.run,
                month,
                id=workflow_id(customer_id),
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                search_attributes=search_attributes(month, self._now),
            )
            started = StartResult(customer_id=customer_id, status=StartStatus.STARTED, period=month.period)
        except WorkflowAlreadyStartedError:
            started = running
        if known.customer is None:
            self._opened.append(month)
            return started
        with suppress(StaleRun):  # the month has been faster, or an earlier start was interrupted here
            await self._ledger.record(month, self._now)
        return started

    async def _chain(self, customer_id: str, known: KnownCustomer) -> ChainStatus:
        """The list is believed about those of whom it says what the ledger says; of others it may be too old."""
        if self._listed is not None and customer_id in self._listed and not known.closed_reason:
            return self._listed[customer_id]
        return await chain_status(self._client, customer_id)


async def check_is_distinct(ledger: StartLedger, customer: Customer) -> None:
    """Raises ``InvalidInput`` if another customer has the same email (and so the same sales) or card."""
    _check_is_distinct(customer, await ledger.customers_like(customer))


def _check_is_distinct(customer: Customer, others: Sequence[Customer]) -> None:
    for other in others:
        what = "email; sales need one owner" if other.email_key == customer.email_key else "card or payer"
        raise InvalidInput(f"{customer.customer_id}: {other.customer_id} has the same {what}")


async def with_card_on_file(vault: CardVault, customer: Customer) -> Customer:
    """The customer with the last four digits of the card. Raises ``CardMissing`` if it is not theirs."""
    method = customer.payment_method
    card = await patiently(lambda: vault.card(method.card_id), _BUSY_PAUSES_SECONDS)
    if card.payer_id != method.payer_id:
        raise CardMissing(
            f"{customer.customer_id}: card {method.card_id} belongs to {card.payer_id}, not to {method.payer_id}; "
            "correct one of the two"
        )
    return customer.evolve(payment_method=card.on_file)


async def patiently(ask: Callable[[], Awaitable[T]], pauses_seconds: Sequence[float]) -> T:
    """Asks again while the processor has too much to do, after each of the pauses."""
    for seconds in pauses_seconds:
        with suppress(PaymentBusy):
            return await ask()
        await asyncio.sleep(seconds)
    return await ask()


async def _first_month(
    ledger: StartLedger,
    vault: CardVault,
    customer: Customer,
    known: KnownCustomer,
    period: Period | None,
    now: datetime,
    reopen: bool,
) -> Month:
    """The open month, or the one after the last closed; a customer without either may begin with any until now."""
    customer_id = customer.customer_id
    if known.closed_reason and not reopen:
        raise InvalidInput(
            f"{customer_id}: the account was closed ({known.closed_reason}); to bill it again, start it with --reopen"
        )
    if is_erased(customer.email):
        raise InvalidInput(f"{customer_id}: this person's data were erased; start them with their data, from a file")
    _check_is_distinct(customer, known.like)
    current = Period.at(now, customer.timezone)
    newest = await ledger.month(customer_id, known.last) if known.last else None
    if newest is None:
        month = Month.open(await with_card_on_file(vault, customer), period or current)
        if month.period > current:
            raise InvalidInput(f"{customer_id}: {period} has not begun; the current month is {current}")
    elif newest.outcome is None:
        month = newest
        method = customer.payment_method.evolve(last4=newest.customer.payment_method.last4)
        if customer.evolve(payment_method=method, terms=newest.customer.terms) != newest.customer:
            raise InvalidInput(
                f"{customer_id}: {newest.period} is open with other data than these; go on with "
                f"python starter.py start {customer_id}, then change them with update"
            )
    else:
        month = newest.with_customer(await with_card_on_file(vault, customer)).next_month()
        if month.carried_minor and customer.currency != newest.customer.currency:
            raise InvalidInput(f"{customer_id}: a balance in {newest.customer.currency} is carried forward; settle it")
    if period is not None and period != month.period:
        raise InvalidInput(
            f"{customer_id}: billing goes on with {month.period}, not with {period}; leave the period out"
        )
    return month
