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

    A customer whom the ledger does not know begins with ``period`` or the current month. For others billing goes on
    where it was: in the open month, as it stands, or after the last closed one. Raises ``InvalidInput`` for another
    period than that, one in the future, and an email that another customer has; ``CardMissing`` if the card is not
    the customer's.
    """
    now = datetime.now(UTC)
    await check_email_is_free(ledger, customer)
    month = await _first_month(ledger, await with_card_on_file(gateway, customer), period, now)
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


async def check_email_is_free(ledger: Ledger, customer: Customer) -> None:
    """Raises ``InvalidInput`` if another customer has the same email: both would be billed for the same sales."""
    for other in await ledger.customers_with_email(customer.email):
        if other.customer_id != customer.customer_id:
            raise InvalidInput(f"{customer.customer_id}: {other.customer_id} has the same email; sales need one owner")


async def with_card_on_file(gateway: PaymentGateway, customer: Customer) -> Customer:
    """The customer with the last four digits of the card. Raises ``CardMissing`` if it is not theirs."""
    card = await gateway.card(customer.payment_method_id)
    if card.stripe_customer_id != customer.stripe_customer_id:
        raise CardMissing(
            f"{customer.customer_id}: card {customer.payment_method_id} belongs to "
            f"{card.stripe_customer_id or 'nobody'}, not to {customer.stripe_customer_id}; correct one of the two"
        )
    return customer.evolve(card_last4=card.last4)


async def _first_month(ledger: Ledger, customer: Customer, period: Period | None, now: datetime) -> Month:
    """The month after the last closed one, or the open one; a customer without either may begin with any until now."""
    current = Period.at(now, customer.timezone)
    last = max((row.period for row in await ledger.invoices(customer_id=customer.customer_id)), default=None)
    known = await ledger.month(customer.customer_id, last) if last else None
    if known is None:
        month = Month.open(customer, period or current)
    elif known.outcome is not None:
        month = known.evolve(customer=customer).next_month()
    else:
        month = known.evolve(customer=customer)
    if period is not None and period != month.period:
        raise InvalidInput(
            f"{customer.customer_id}: billing goes on with {month.period}, not with {period}; start without a period"
        )
    if month.period > current and known is None:
        raise InvalidInput(f"{customer.customer_id}: {period} has not begun; the current month is {current}")
    billed_in = month.invoice.currency if month.invoice else known.customer.currency if known else customer.currency
    if customer.currency != billed_in and (month.invoice is not None or month.carried_minor):
        raise InvalidInput(
            f"{customer.customer_id}: {month.period} is open in {billed_in}; it cannot change to {customer.currency} "
            "before that is settled"
        )
    return month
