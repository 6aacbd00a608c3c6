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
from billing.money import format_amount
from billing.period import Period
from billing.receivables.journal import Balance
from billing.receivables.ports import Accounts
from clients.running_workflows import chain_status
from workflows import about
from workflows.monthly_billing import MonthlyBilling
from workflows.options import TASK_QUEUE
from workflows.visibility import search_attributes

_BUSY_PAUSES_SECONDS = (1, 2, 4, 8)
_WHY = {"by", "reason", "via", "command_id"}


class StartLedger(Accounts, Lookalikes, MonthStore, Protocol):
    """The stores it uses."""

    async def known(self, asked: Sequence[Customer]) -> dict[str, KnownCustomer | Failed]:
        """The records of some hundred customers, by id."""

    async def record_opened(self, months: Sequence[Month], at: datetime) -> list[Failed]:
        """Writes new customers with their first months in one transaction; returns those that could not be written.

        Existing rows stay as they are: the workflow has written them meanwhile.
        """


class StartStatus(StrEnum):
    STARTED = "started"
    ALREADY_RUNNING = "already running"


class StartResult(Model):
    """The result of a start. ``period`` is the first month of a chain that was started now.

    ``chain`` is the status of a workflow that existed before: it may be paused, or failing.
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
    """Starts one customer; outcome and errors as ``StartBatch.start``."""
    async with StartBatch.of([customer], client, ledger, vault) as batch:
        started = await batch.start(customer, period, reopen, because)
    for failed in batch.unrecorded:
        raise RowUnreadable(f"{failed.customer_id} runs, but could not be recorded in the ledger: {failed.reason}")
    return started


class StartBatch:
    """Customers that are started together, with one query and one transaction of the ledger.

    ::

        listed = (await RunningWorkflows(client).listed()).own
        async with StartBatch.of(some_hundred, client, ledger, vault, listed) as batch:
            await batch.start(customer)     # any number concurrently

    After an exception or a cancellation it still records the customers it has started. A killed process leaves
    workflows that the ledger lacks, as do the ``unrecorded``; starting the same customers again records them.
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
        now: datetime | None = None,
    ) -> AsyncIterator["StartBatch"]:
        """``listed``: the status of open workflows, some seconds old; None: each is described.

        ``now``: by another clock than this machine's.
        """
        batch = cls(client, ledger, vault, await ledger.known(customers), listed, now or datetime.now(UTC))
        try:
            yield batch
        finally:
            batch.unrecorded = await asyncio.shield(ledger.record_opened(batch._opened, batch._now))

    def __init__(
        self,
        client: Client,
        ledger: StartLedger,
        vault: CardVault,
        known: Mapping[str, KnownCustomer | Failed],
        listed: Mapping[str, ChainStatus] | None,
        now: datetime,
    ) -> None:
        self.unrecorded: list[Failed] = []
        self._known = known
        self._client = client
        self._ledger = ledger
        self._vault = vault
        self._listed = listed
        self._now = now
        self._opened: list[Month] = []

    def known(self, customer_id: str) -> KnownCustomer:
        """The customer's records before the start. Raises ``RowUnreadable``."""
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
        """Starts the customer's workflow unless it runs; a repeat changes nothing.

        A new customer begins with ``period`` or the current month. Other customers continue with the open month,
        exactly as recorded, or with the one after the last closed month. ``because`` (who and why) enters the month's
        audit trail if the start takes effect.

        Raises ``InvalidInput`` for any other period, a future one, another customer's email, a closed account (unless
        ``reopen``), and data that differ from an open month's; ``CardMissing`` if the card is not the customer's.
        """
        customer_id, known = customer.customer_id, self.known(customer.customer_id)
        running = StartResult(customer_id=customer_id, status=StartStatus.ALREADY_RUNNING)
        if known.customer is not None and (chain := await self._chain(customer_id, known)).is_open:
            running = running.evolve(chain=chain)
            # It is ending, or an earlier start was interrupted before it was recorded.
            if (known.closed_reason or known.last is None) and chain is ChainStatus.RUNNING:
                month = await handle_for(self._client, customer_id).query(MonthlyBilling.invoice)
                with suppress(StaleRun, OutcomeConflict):
                    await self._ledger.record(month, self._now)
            return running
        month = await _first_month(self._ledger, self._vault, customer, known, period, self._now, reopen)
        if because is not None:
            ruling = Ruling(month, f"{month.period} goes on as it stood", None)
            month = noted(ruling, self._now, command="start", **because.model_dump(include=_WHY)).value
        try:
            await self._client.start_workflow(
                MonthlyBilling.run,
                month,
                id=workflow_id(customer_id),
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                search_attributes=search_attributes(month, self._now),
                **about.month_of(customer_id),
            )
            started = StartResult(customer_id=customer_id, status=StartStatus.STARTED, period=month.period)
        except WorkflowAlreadyStartedError:
            started = running
        if known.customer is None:
            self._opened.append(month)
            return started
        with suppress(StaleRun):  # the workflow has recorded it, or an earlier start was interrupted here
            await self._ledger.record(month, self._now)
        return started

    async def _chain(self, customer_id: str, known: KnownCustomer) -> ChainStatus:
        """The list is used where it agrees with the ledger; otherwise it may be too old."""
        if self._listed is not None and customer_id in self._listed and not known.closed_reason:
            return self._listed[customer_id]
        return await chain_status(self._client, customer_id)


async def check_is_distinct(ledger: StartLedger, customer: Customer) -> None:
    """Raises ``InvalidInput`` if another customer has the same email (and so the same sales) or card."""
    _check_is_distinct(customer, await ledger.customers_like(customer))


def _check_is_distinct(customer: Customer, others: Sequence[Customer]) -> None:
    for other in others:
        is_owner = customer.email_key is not None and other.email_key == customer.email_key
        shared = "email; sales need one owner" if is_owner else "card or payer"
        raise InvalidInput(f"{customer.customer_id}: {other.customer_id} has the same {shared}")


async def with_card_on_file(vault: CardVault, customer: Customer) -> Customer:
    """The customer with the last four digits of the card, if there is one.

    Raises ``CardMissing`` for another customer's card.
    """
    method = customer.card
    if method is None:
        return customer
    card = await patiently(lambda: vault.card(method.card_id), _BUSY_PAUSES_SECONDS)
    if card.payer_id != method.payer_id:
        raise CardMissing(
            f"{customer.customer_id}: card {method.card_id} belongs to {card.payer_id}, not to {method.payer_id}; "
            "correct one of the two"
        )
    return customer.evolve(payment_method=card.on_file)


def check_currency(customer: Customer, balance: Balance) -> None:
    """Raises ``InvalidInput`` if there is a balance in another currency, which no draft would ever take over."""
    for currency, minor in balance.credits.items():
        if currency != customer.currency:
            raise InvalidInput(
                f"{customer.customer_id}: a {'credit' if minor < 0 else 'debt'} of "
                f"{format_amount(abs(minor), currency)} is carried forward, which invoices in "
                f"{customer.currency.upper()} cannot take over; refund it, or bill it first"
            )


async def patiently(ask: Callable[[], Awaitable[T]], pauses_seconds: Sequence[float]) -> T:
    """Repeats the call while the processor is busy, after each of the pauses."""
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
    """The open month, or the one after the last closed month; a new customer may begin with any past or current one."""
    customer_id = customer.customer_id
    if known.closed_reason and not reopen:
        raise InvalidInput(
            f"{customer_id}: the account was closed ({known.closed_reason}); to bill it again, start it with --reopen"
        )
    if is_erased(customer.email or customer.name):
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
        method = customer.card.evolve(last4=newest.customer.last4) if customer.card else customer.payment_method
        if customer.evolve(payment_method=method, terms=newest.customer.terms) != newest.customer:
            raise InvalidInput(
                f"{customer_id}: {newest.period} is open with other data than these; go on with "
                f"python starter.py start {customer_id}, then change them with update"
            )
    else:
        month = newest.with_customer(await with_card_on_file(vault, customer)).next_month()
        check_currency(customer, await ledger.balance(customer_id))
    if period is not None and period != month.period:
        raise InvalidInput(
            f"{customer_id}: billing goes on with {month.period}, not with {period}; leave the period out"
        )
    return month
