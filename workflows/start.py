"""Start a customer's chain of months: idempotent, and never in a month that is closed."""

from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from billing.customer import Customer
from billing.erasure import is_erased
from billing.errors import CardMissing, InvalidInput, LedgerAhead
from billing.keys import workflow_id
from billing.messages import Farewell
from billing.model import Model
from billing.month import Month
from billing.period import Period
from billing.ports import Ledger, PaymentGateway
from workflows.monthly_billing import MonthlyBilling
from workflows.options import TASK_QUEUE
from workflows.visibility import search_attributes


class StartStatus(StrEnum):
    STARTED = "started"
    ALREADY_RUNNING = "already running"


class Started(Model):
    """What a start came to. ``period`` is the first month of a chain that was started now."""

    customer_id: str
    status: StartStatus
    period: Period | None = None


def handle_for(client: Client, customer_id: str) -> WorkflowHandle[MonthlyBilling, Farewell]:
    """The customer's workflow, whichever month it is in."""
    return client.get_workflow_handle_for(MonthlyBilling.run, workflow_id(customer_id))


async def start_customer(
    client: Client,
    ledger: Ledger,
    gateway: PaymentGateway,
    customer: Customer,
    period: Period | None = None,
    reopen: bool = False,
) -> Started:
    """Starts the customer's workflow, unless it runs already; a repeat changes nothing.

    A customer whom the ledger does not know begins with ``period`` or the current month. For others billing goes on
    where it was: in the open month, exactly as it stands, or after the last closed one. Raises ``InvalidInput`` for
    another period than that, one in the future, an email that another customer has, an account that was closed (unless
    ``reopen``), and data that differ from an open month's; ``CardMissing`` if the card is not the customer's.
    """
    now = datetime.now(UTC)
    running = Started(customer_id=customer.customer_id, status=StartStatus.ALREADY_RUNNING)
    if await _is_running(client, customer.customer_id) and await ledger.customer(customer.customer_id) is not None:
        return running
    month = await _first_month(ledger, gateway, customer, period, now, reopen)
    try:
        await client.start_workflow(
            MonthlyBilling.run,
            month,
            id=workflow_id(customer.customer_id),
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            search_attributes=search_attributes(month, now),
        )
        started = Started(customer_id=customer.customer_id, status=StartStatus.STARTED, period=month.period)
    except WorkflowAlreadyStartedError:
        started = running
    with suppress(LedgerAhead):  # the month has been faster than this line, or an earlier start was interrupted here
        await ledger.record(month, now)
    return started


async def _is_running(client: Client, customer_id: str) -> bool:
    try:
        return (await handle_for(client, customer_id).describe()).status is WorkflowExecutionStatus.RUNNING
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise


async def check_is_distinct(ledger: Ledger, customer: Customer) -> None:
    """Raises ``InvalidInput`` if another customer has the same email (and so the same sales) or card."""
    for other in await ledger.customers_like(customer):
        what = "email; sales need one owner" if other.email == customer.email else "card or Stripe customer"
        raise InvalidInput(f"{customer.customer_id}: {other.customer_id} has the same {what}")


async def with_card_on_file(gateway: PaymentGateway, customer: Customer) -> Customer:
    """The customer with the last four digits of the card. Raises ``CardMissing`` if it is not theirs."""
    card = await gateway.card(customer.payment_method_id)
    if card.stripe_customer_id != customer.stripe_customer_id:
        raise CardMissing(
            f"{customer.customer_id}: card {customer.payment_method_id} belongs to "
            f"{card.stripe_customer_id or 'nobody'}, not to {customer.stripe_customer_id}; correct one of the two"
        )
    return customer.evolve(card_last4=card.last4)


async def _first_month(
    ledger: Ledger, gateway: PaymentGateway, customer: Customer, period: Period | None, now: datetime, reopen: bool
) -> Month:
    """The open month, or the one after the last closed; a customer without either may begin with any until now."""
    customer_id = customer.customer_id
    reason = await ledger.closed_reason(customer_id)
    if reason and not reopen:
        raise InvalidInput(
            f"{customer_id}: the account was closed ({reason}); to bill it again, start it with --reopen"
        )
    if is_erased(customer.email):
        raise InvalidInput(f"{customer_id}: this person's data were erased; start them with their data, from a file")
    await check_is_distinct(ledger, customer)
    current = Period.at(now, customer.timezone)
    last = max((row.period for row in await ledger.invoices(customer_id=customer_id)), default=None)
    known = await ledger.month(customer_id, last) if last else None
    if known is None:
        month = Month.open(await with_card_on_file(gateway, customer), period or current)
        if month.period > current:
            raise InvalidInput(f"{customer_id}: {period} has not begun; the current month is {current}")
    elif known.outcome is None:
        month = known
        if customer.evolve(card_last4=known.customer.card_last4, terms=known.customer.terms) != known.customer:
            raise InvalidInput(
                f"{customer_id}: {known.period} is open with other data than these; go on with "
                f"python starter.py start {customer_id}, then change them with update"
            )
    else:
        month = known.with_customer(await with_card_on_file(gateway, customer)).next_month()
        if month.carried_minor and customer.currency != known.customer.currency:
            raise InvalidInput(f"{customer_id}: a balance in {known.customer.currency} is carried forward; settle it")
    if period is not None and period != month.period:
        raise InvalidInput(
            f"{customer_id}: billing goes on with {month.period}, not with {period}; leave the period out"
        )
    return month
