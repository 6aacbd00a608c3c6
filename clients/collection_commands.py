"""Commands to running collections: reviewers' commands, the customer's own payment, another card."""

from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from billing.collections.collection import Collection
from billing.collections.commands import COLLECTION_COMMANDS, LookUp, PayResult, ReplaceCard
from billing.collections.ports import CollectionStore
from billing.commands import Command, CommandResult, Refusal, Via
from billing.customers.customer import CustomerChanges
from billing.customers.ports import CustomerStore
from billing.errors import BillingError, NotFound
from billing.invoices.commands import UpdateCustomer
from billing.keys import collection_id
from billing.payments.methods import CardOnFile
from billing.period import Period
from clients.running_workflows import is_missing
from clients.start import handle_for
from workflows.options import TASK_QUEUE
from workflows.payment_collection import PaymentCollection
from workflows.visibility import search_attributes

_T = TypeVar("_T")


class _Ledger(CollectionStore, CustomerStore, Protocol):
    """The stores it uses."""


def collection_handle(
    client: Client, customer_id: str, period: Period
) -> WorkflowHandle[PaymentCollection, Collection]:
    """The collection of the customer's unpaid ``period``."""
    return client.get_workflow_handle_for(PaymentCollection.run, collection_id(customer_id, period))


async def tell_collection(client: Client, customer_id: str, period: Period, command: Command) -> CommandResult:
    """Sends a command and waits for the answer. Raises ``NotFound`` if no collection is open."""
    name = next(name for name, kind in COLLECTION_COMMANDS.items() if type(command) is kind)
    return await _update(client, customer_id, period, name, command, CommandResult)


async def pay(client: Client, customer_id: str, period: Period, return_url: str) -> PayResult:
    """The customer pays, or gets the URL of the bank's page. Raises ``NotFound`` if no collection is open."""
    return await _update(client, customer_id, period, "pay", return_url, PayResult)


async def replace_card(
    client: Client, ledger: _Ledger, customer_id: str, card: CardOnFile, by: str, reason: str, via: Via = ""
) -> None:
    """Makes ``card`` the customer's, at once, for coming months and for all open collections.

    A repeat changes nothing. Raises ``BillingError`` while a charge of the customer is under way or being cancelled:
    repeat it once the outcome is known; also for a collection that has stopped: repeat it once that runs again.
    """
    source: dict[str, Any] = {"by": by, "reason": reason, "via": via}
    customer = await ledger.customer(customer_id)
    if customer is None:
        raise NotFound(f"the ledger does not know {customer_id}")
    periods = {row.period for row in await ledger.collections(customer_id=customer_id, open_only=True)}
    if customer.payment_method != card:
        changes = CustomerChanges(payment_method=card)
        month = await _update_month(client, customer_id, UpdateCustomer(**source, changes=changes))
        if month is not None:  # the month before may have an unrecorded collection
            periods |= {month.period, month.period.previous()}
    stopped = []
    for period in sorted(periods):
        try:
            answer = await tell_collection(client, customer_id, period, ReplaceCard(**source, card=card))
        except NotFound as error:
            recorded = await ledger.collection(customer_id, period)
            if recorded is not None and recorded.outcome is None:
                stopped.append(error)
            continue
        if answer.refusal is Refusal.LATER:
            raise BillingError(f"{customer_id}, {period}: {answer.result}")
    if stopped:  # it would go on with the older card
        raise BillingError(str(stopped[0]))


class CollectionSignals:
    """``Collections`` by signals."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def look_up(self, customer_id: str, period: Period, reason: str) -> bool:
        command = LookUp(by="Stripe", reason=reason)
        try:
            await collection_handle(self._client, customer_id, period).signal("look_up", command)
        except RPCError as error:
            if not is_missing(error):
                raise BillingError(f"{customer_id}, {period}: Temporal answers {error.message}") from None
            return False
        return True

    async def begin(self, collection: Collection) -> bool:
        try:
            await self._client.start_workflow(
                PaymentCollection.run,
                collection,
                id=collection_id(collection.customer_id, collection.period),
                task_queue=TASK_QUEUE,
                search_attributes=search_attributes(collection, datetime.now(UTC)),
                static_summary=f"collects what {collection.period} left unpaid",
            )
        except WorkflowAlreadyStartedError:
            return False
        except RPCError as error:
            raise BillingError(
                f"{collection.customer_id}, {collection.period}: Temporal answers {error.message}"
            ) from None
        return True


async def _update_month(client: Client, customer_id: str, command: UpdateCustomer) -> CommandResult | None:
    """The answer of the customer's month; None if the chain has ended."""
    try:
        answer: CommandResult = await handle_for(client, customer_id).execute_update(
            "update_customer", command, result_type=CommandResult
        )
    except RPCError as error:
        if not is_missing(error):
            raise BillingError(f"{customer_id}: Temporal answers {error.message}") from None
        return None
    if answer.refusal not in (None, Refusal.UNCHANGED):
        raise BillingError(f"{customer_id}, {answer.period}: {answer.result}")
    return answer


async def _update(
    client: Client, customer_id: str, period: Period, name: str, argument: object, result_type: type[_T]
) -> _T:
    handle = collection_handle(client, customer_id, period)
    try:
        result: _T = await handle.execute_update(name, argument, result_type=result_type)
        return result
    except WorkflowUpdateFailedError as error:
        raise BillingError(f"{customer_id}, {period}: refused: {error.cause}") from None
    except RPCError as error:
        if not is_missing(error):
            raise BillingError(f"{customer_id}, {period}: Temporal answers {error.message}") from None
        raise NotFound(
            f"nothing of {customer_id} is being collected for {period}; "
            f"python starter.py collections show {customer_id} --period {period} says why"
        ) from None
