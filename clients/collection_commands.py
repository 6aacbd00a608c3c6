"""Commands to running collections: reviewers' commands, the customer's own payment, another card."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy

from billing.collections.collection import Collection
from billing.collections.commands import COLLECTION_COMMANDS, CountAgain, LookUp, Owe, PayResult, ReplaceCard, StopCard
from billing.collections.debt import Debt
from billing.collections.ports import CollectionStore
from billing.commands import Command, CommandResult, Refusal, Via, command_name
from billing.customers.customer import CustomerChanges
from billing.customers.ports import CustomerStore
from billing.errors import BillingError, NotFound
from billing.invoices.commands import UpdateCustomer
from billing.keys import collection_id
from billing.payments.methods import CardOnFile
from billing.period import Period
from clients.running_workflows import WorkflowMissing, translated
from clients.start import handle_for
from workflows import about
from workflows.options import TASK_QUEUE
from workflows.payment_collection import PaymentCollection
from workflows.visibility import search_attributes

_T = TypeVar("_T")


class _Ledger(CollectionStore, CustomerStore, Protocol):
    """The stores it uses."""


def collection_handle(client: Client, customer_id: str) -> WorkflowHandle[PaymentCollection, Collection]:
    """The collection of everything that the customer has not paid."""
    return client.get_workflow_handle_for(PaymentCollection.run, collection_id(customer_id))


async def tell_collection(client: Client, customer_id: str, command: Command) -> CommandResult:
    """Sends a command and waits for the answer. Raises ``NotFound`` if no collection is open."""
    name = command_name(command, COLLECTION_COMMANDS)
    return await _update(client, customer_id, name, [command], CommandResult)


async def pay(client: Client, customer_id: str, period: Period, return_url: str) -> PayResult:
    """The customer pays ``period``, or gets the URL of the bank's page; ``NotFound`` if no collection is open."""
    return await _update(client, customer_id, "pay", [return_url, period], PayResult)


async def replace_card(
    client: Client, ledger: _Ledger, customer_id: str, card: CardOnFile, by: str, reason: str, via: Via = ""
) -> None:
    """Makes ``card`` the customer's, at once, for coming months and for everything that is owed.

    A repeat changes nothing. Raises ``BillingError`` while a charge of the customer is under way or being cancelled:
    repeat it once the outcome is known; also for a collection that has stopped: repeat it once that runs again.
    """
    source: dict[str, Any] = {"by": by, "reason": reason, "via": via}
    customer = await ledger.customer(customer_id)
    if customer is None:
        raise NotFound(f"the ledger does not know {customer_id}")
    if customer.payment_method != card:
        await _update_month(client, customer_id, UpdateCustomer(**source, changes=CustomerChanges(payment_method=card)))
    try:
        answer = await tell_collection(client, customer_id, ReplaceCard(**source, card=card))
    except NotFound as error:
        if await ledger.debts(customer_id=customer_id, open_only=True):  # it would go on with the older card
            raise BillingError(str(error)) from None
        return
    if answer.refusal is Refusal.LATER:
        raise BillingError(f"{customer_id}: {answer.result}")


async def stop_card(client: Client, ledger: _Ledger, customer_id: str, by: str, reason: str, via: Via = "") -> None:
    """No card is tried any more for what the customer owes, who pays by bill from now on. A repeat changes nothing.

    Raises ``BillingError`` while a try is under way: repeat it once the outcome is known.
    """
    try:
        answer = await tell_collection(client, customer_id, StopCard(by=by, reason=reason, via=via))
    except NotFound as error:
        if await ledger.debts(customer_id=customer_id, open_only=True):  # it would go on with the card
            raise BillingError(str(error)) from None
        return
    if answer.refusal is Refusal.LATER:
        raise BillingError(f"{customer_id}: {answer.result}")


class CollectionSignals:
    """``Collections`` by signals."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def look_up(self, customer_id: str, period: Period, reason: str) -> bool:
        return await self._signal(customer_id, LookUp(by="Stripe", reason=reason, period=period))

    async def count_again(self, customer_id: str, reason: str) -> bool:
        return await self._signal(customer_id, CountAgain(by="billing", reason=reason))

    async def _signal(self, customer_id: str, command: Command) -> bool:
        """False if no collection of the customer runs."""
        name, handle = command_name(command, COLLECTION_COMMANDS), collection_handle(self._client, customer_id)
        try:
            with _translated(customer_id):
                await handle.signal(name, command)
        except WorkflowMissing:
            return False
        return True

    async def runs(self, customer_id: str) -> bool:
        try:
            with _translated(customer_id):
                description = await collection_handle(self._client, customer_id).describe()
        except WorkflowMissing:
            return False
        return description.status is WorkflowExecutionStatus.RUNNING

    async def begin(self, collection: Collection, debt: Debt) -> None:
        """Signals with a start: whichever of the two is needed, it happens at once."""
        with _translated(collection.customer_id):
            await self._client.start_workflow(
                PaymentCollection.run,
                collection,
                id=collection_id(collection.customer_id),
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                search_attributes=search_attributes(collection, datetime.now(UTC)),
                **about.collection_of(collection.customer_id),
                start_signal="owe",
                start_signal_args=[Owe(by="billing", reason="not paid when it was charged", debt=debt)],
            )


def _translated(customer_id: str) -> AbstractContextManager[None]:
    """``BillingError`` for what Temporal refuses: it may be about this customer only."""
    return translated(f"{customer_id}: Temporal answers", BillingError)


async def _update_month(client: Client, customer_id: str, command: UpdateCustomer) -> CommandResult | None:
    """The answer of the customer's month; None if the chain has ended."""
    try:
        with _translated(customer_id):
            answer: CommandResult = await handle_for(client, customer_id).execute_update(
                "update_customer", command, result_type=CommandResult
            )
    except WorkflowMissing:
        return None
    if answer.refusal not in (None, Refusal.UNCHANGED):
        raise BillingError(f"{customer_id}, {answer.period}: {answer.result}")
    return answer


async def _update(
    client: Client, customer_id: str, name: str, arguments: Sequence[object], result_type: type[_T]
) -> _T:
    handle = collection_handle(client, customer_id)
    try:
        with _translated(customer_id):
            result: _T = await handle.execute_update(name, args=arguments, result_type=result_type)
        return result
    except WorkflowUpdateFailedError as error:
        raise BillingError(f"{customer_id}: refused: {error.cause}") from None
    except WorkflowMissing:
        raise NotFound(
            f"nothing of {customer_id} is being collected; python starter.py collections show {customer_id} says why"
        ) from None
