"""What clients say to running collections: commands, the customer's own payment, another card."""

from datetime import UTC, datetime
from typing import Any, Protocol

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


class _Ledger(CollectionStore, CustomerStore, Protocol):
    """What is needed of the ledger here."""


def collection_handle(
    client: Client, customer_id: str, period: Period
) -> WorkflowHandle[PaymentCollection, Collection]:
    """The collection of what the customer's ``period`` left unpaid."""
    return client.get_workflow_handle_for(PaymentCollection.run, collection_id(customer_id, period))


async def tell_collection(client: Client, customer_id: str, period: Period, command: Command) -> CommandResult:
    """Sends a command and waits for the answer. Raises ``NotFound`` if no collection is open."""
    name = next(name for name, kind in COLLECTION_COMMANDS.items() if type(command) is kind)
    answer: CommandResult = await _update(client, customer_id, period, name, command, CommandResult)
    return answer


async def pay(client: Client, customer_id: str, period: Period, return_url: str) -> PayResult:
    """The customer pays, or is sent to the bank's page. Raises ``NotFound`` if no collection is open."""
    answer: PayResult = await _update(client, customer_id, period, "pay", return_url, PayResult)
    return answer


async def replace_card(
    client: Client, ledger: _Ledger, customer_id: str, card: CardOnFile, by: str, reason: str, via: Via = ""
) -> None:
    """Makes ``card`` the customer's, for months to come and for all that is still to be collected; at once.

    May be repeated: a card that is known already changes nothing. Raises ``BillingError`` while a charge of the
    customer is under way, whose outcome has to be known first, or is being given up: it has to be repeated later.
    """
    said: dict[str, Any] = {"by": by, "reason": reason, "via": via}
    customer = await ledger.customer(customer_id)
    if customer is None:
        raise NotFound(f"the ledger does not know {customer_id}")
    periods = {row.period for row in await ledger.collections(customer_id=customer_id, open_only=True)}
    if customer.payment_method != card:
        changes = CustomerChanges(payment_method=card)
        month = await _update_month(client, customer_id, UpdateCustomer(**said, changes=changes))
        if month is not None:  # the month before may have become a collection that the ledger does not know yet
            periods |= {month.period, month.period.previous()}
    for period in sorted(periods):
        try:
            answer = await tell_collection(client, customer_id, period, ReplaceCard(**said, card=card))
        except NotFound:
            continue
        if answer.refusal is Refusal.LATER:
            raise BillingError(f"{customer_id}, {period}: {answer.result}")


class CollectionSignals:
    """``Collections``, by signals."""

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
                id=collection_id(collection.customer.customer_id, collection.period),
                task_queue=TASK_QUEUE,
                search_attributes=search_attributes(collection, datetime.now(UTC)),
                static_summary=f"collects what {collection.period} left unpaid",
            )
        except WorkflowAlreadyStartedError:
            return False
        except RPCError as error:
            whose = f"{collection.customer.customer_id}, {collection.period}"
            raise BillingError(f"{whose}: Temporal answers {error.message}") from None
        return True


async def _update_month(client: Client, customer_id: str, command: UpdateCustomer) -> CommandResult | None:
    """None if the customer's chain has ended."""
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
    client: Client, customer_id: str, period: Period, name: str, argument: object, answer: type[Any]
) -> Any:
    try:
        return await collection_handle(client, customer_id, period).execute_update(name, argument, result_type=answer)
    except WorkflowUpdateFailedError as error:
        raise BillingError(f"{customer_id}, {period}: refused: {error.cause}") from None
    except RPCError as error:
        if not is_missing(error):
            raise BillingError(f"{customer_id}, {period}: Temporal answers {error.message}") from None
        raise NotFound(f"nothing of {customer_id} is being collected for {period}") from None
