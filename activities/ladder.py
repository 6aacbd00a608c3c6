"""The rungs of a ladder that are no message: a service is restricted; and a promise that was not kept is told."""

from datetime import datetime, timedelta
from typing import Protocol

from temporalio import activity

from activities.brake import check_brake
from billing.collections.collection import Collection
from billing.collections.ports import CollectionStore
from billing.customers.ladder import RungAction
from billing.errors import OutsideContactHours
from billing.keys import rung_id
from billing.reviewers.alerts import of_broken_promise
from billing.reviewers.ports import BrakeStore
from billing.subscribers.ports import Services
from billing.subscribers.service import ServiceState
from billing.texts.text import TextKind
from services import clock
from services.alerts import Alerts
from services.messages.collection_messages import CollectionMessages

_TO_DISCONNECT = timedelta(days=7)
"""How long people have to do it."""
_STATES = {RungAction.LIMIT: ServiceState.LIMITED, RungAction.SUSPEND: ServiceState.SUSPENDED}


class _Ledger(BrakeStore, CollectionStore, Services, Protocol):
    """The stores it uses."""


def check_hours(collection: Collection) -> None:
    """Raises ``OutsideContactHours``: a step that was retried for hours would disturb somebody in the night."""
    now = clock.now()
    if (allowed_at := collection.in_hours(now)) > now:
        raise OutsideContactHours(f"{collection.customer_id}: contact hours begin at {allowed_at:%Y-%m-%d %H:%M} UTC")


class LadderActivities:
    """Each activity records the collection first; it raises ``StaleRun`` if another run is ahead."""

    def __init__(self, ledger: _Ledger, messages: CollectionMessages, alerts: Alerts) -> None:
        self._ledger = ledger
        self._messages = messages
        self._alerts = alerts

    @activity.defn
    async def restrict_service(self, collection: Collection) -> int:
        """Limits or suspends the service as the rung under way says, or opens the task to disconnect it; once.

        Returns for how many accounts. Raises ``DebtChanged`` if nothing is overdue, ``BrakeOn`` and
        ``OutsideContactHours``.
        """
        now = clock.now()
        await self._ledger.record_collection(collection, now)
        await check_brake(self._ledger)
        check_hours(collection)
        accounts = await self._restrict(collection, now)
        if collection.rung.action is RungAction.SUSPEND and await self._is_suspended(collection):
            number = collection.reminders + 1
            oldest = collection.open_debts[0]
            await self._messages.tell(TextKind.SUSPENDED, collection, oldest, number, collection.rung.by)
        return accounts

    async def _restrict(self, collection: Collection, now: datetime) -> int:
        """The ledger looks at the money once more, in the transaction that restricts."""
        customer_id, rung = collection.customer_id, collection.rung
        key = rung_id(customer_id, collection.since, rung.text)
        if rung.action is RungAction.DISCONNECT:
            return len(await self._ledger.ask_to_disconnect(customer_id, key, now, now + _TO_DISCONNECT))
        reason = f"{collection.outstanding} are owed, the oldest since {collection.since:%Y-%m-%d}"
        return len(await self._ledger.restrict(customer_id, _STATES[rung.action], key, now, None, reason))

    async def _is_suspended(self, collection: Collection) -> bool:
        """Whether that is still so: money may have come before the message was sent."""
        return any(service.is_unpaid for service in await self._ledger.services_of(collection.customer_id))

    @activity.defn
    async def tell_broken_promise(self, collection: Collection) -> None:
        """Alerts the reviewers, with the next digest, once for each promise."""
        now = clock.now()
        await self._ledger.record_collection(collection, now)
        await self._alerts.tell(of_broken_promise(collection, now))
