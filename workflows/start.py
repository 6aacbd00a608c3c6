"""Start a customer's chain of months: idempotent, and never in a month that is closed."""

from datetime import UTC, datetime
from enum import StrEnum

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from billing.customer import Customer
from billing.errors import CardMissing, InvalidInput
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
    client: Client, ledger: Ledger, gateway: PaymentGateway, customer: Customer, period: Period | None = None
) -> Started:
    """Starts the customer's workflow, unless it runs already; a repeat changes nothing.

    The first month is ``period``, else the one after the last month that is closed in the ledger, else the current one.
    A month that the ledger knows as open goes on where it was. Raises ``InvalidInput`` for a period that is closed or
    in the future and for an email that another customer has, ``CardMissing`` if the card is not the customer's.
    """
    now = datetime.now(UTC)
    for other in await ledger.customers_with_email(customer.email):
        if other.customer_id != customer.customer_id:
            raise InvalidInput(f"{customer.customer_id}: {other.customer_id} has the same email; sales need one owner")
    month = await _first_month(ledger, customer, period, now)
    month = month.evolve(customer=await _with_card(gateway, month.customer))
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
    except WorkflowAlreadyStartedError:
        if await ledger.customer(customer.customer_id) is None:
            await ledger.record(month, now)  # an earlier start was interrupted before it wrote this
        return Started(customer_id=customer.customer_id, status=StartStatus.ALREADY_RUNNING)
    await ledger.record(month, now)
    return Started(customer_id=customer.customer_id, status=StartStatus.STARTED, period=month.period)


async def _first_month(ledger: Ledger, customer: Customer, period: Period | None, now: datetime) -> Month:
    current = Period.at(now, customer.timezone)
    if period is not None and period > current:
        raise InvalidInput(f"{customer.customer_id}: {period} has not begun; the current month is {current}")
    recorded = await ledger.invoices(customer_id=customer.customer_id)
    last = max((row.period for row in recorded), default=None)
    wanted = period or last
    known = await ledger.month(customer.customer_id, wanted) if wanted else None
    if known is None:
        return Month.open(customer, period or current)
    if known.outcome is None:
        if known.invoice is not None and customer.currency != known.invoice.currency:
            raise InvalidInput(
                f"{customer.customer_id}: {known.period} is open in {known.invoice.currency}; it cannot change to "
                f"{customer.currency} before that month is closed"
            )
        return known.evolve(customer=customer)
    if period is not None:
        raise InvalidInput(
            f"{customer.customer_id}: {period} is closed as {known.outcome}; without a period, billing goes on after it"
        )
    return known.evolve(customer=customer).next_month()


async def _with_card(gateway: PaymentGateway, customer: Customer) -> Customer:
    card = await gateway.card(customer.payment_method_id)
    if card.stripe_customer_id != customer.stripe_customer_id:
        raise CardMissing(
            f"{customer.customer_id}: card {customer.payment_method_id} belongs to "
            f"{card.stripe_customer_id or 'nobody'}, not to {customer.stripe_customer_id}; correct the row"
        )
    return customer.evolve(card_last4=card.last4)
