"""Begins the months of customers whom service orders have connected."""

from datetime import UTC, datetime
from typing import Protocol

from temporalio.client import Client

from billing.customers.card_vault import CardVault
from billing.customers.ports import CustomerStore
from billing.errors import BillingError
from billing.events.event import OutgoingEvent
from billing.period import Period
from clients.running_workflows import translated
from clients.start import StartBatch, StartLedger


class _Ledger(StartLedger, CustomerStore, Protocol):
    """The stores it uses."""


class MonthStarter:
    """The sender of ``Destination.BILLING``."""

    def __init__(self, client: Client, ledger: _Ledger, vault: CardVault) -> None:
        self._client = client
        self._ledger = ledger
        self._vault = vault

    async def send(self, event: OutgoingEvent) -> None:
        """A new customer's first month is that of the event, also if that comes from a clock that is ahead of ours;
        whoever is billed already goes on as before.

        Raises ``BillingError``; repeat it then.
        """
        customer = await self._ledger.customer(event.customer_id or "")
        if customer is None:  # erased, or the ledger was restored to before
            return
        with translated(f"the months of {customer.customer_id}: Temporal answers", BillingError):
            stores = self._client, self._ledger, self._vault
            async with StartBatch.of([customer], *stores, now=max(datetime.now(UTC), event.created_at)) as batch:
                is_new = batch.known(customer.customer_id).last is None
                first = Period.at(event.created_at, customer.timezone) if is_new else None
                await batch.start(customer, first)
