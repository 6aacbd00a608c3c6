"""The rungs of a ladder that are no message: a service is restricted; and a promise that was not kept is told."""

from typing import Protocol

from temporalio import activity

from activities.brake import check_brake
from billing.collections.collection import Collection
from billing.collections.ports import CollectionStore, Restrictions
from billing.errors import NotFound, OutsideContactHours
from billing.keys import rung_id
from billing.reviewers.alerts import of_broken_promise
from billing.reviewers.ports import BrakeStore
from services import clock
from services.alerts import Alerts


class _Ledger(BrakeStore, CollectionStore, Protocol):
    """The stores it uses."""


def check_hours(collection: Collection) -> None:
    """Raises ``OutsideContactHours``: a step that was retried for hours would disturb somebody in the night."""
    now = clock.now()
    if (allowed_at := collection.in_hours(now)) > now:
        raise OutsideContactHours(f"{collection.customer_id}: contact hours begin at {allowed_at:%Y-%m-%d %H:%M} UTC")


class LadderActivities:
    """Each activity records the collection first; it raises ``StaleRun`` if another run is ahead."""

    def __init__(self, ledger: _Ledger, alerts: Alerts, restrictions: Restrictions | None) -> None:
        self._ledger = ledger
        self._alerts = alerts
        self._restrictions = restrictions

    @activity.defn
    async def restrict_service(self, collection: Collection) -> None:
        """Limits or suspends the service as the rung under way says, or opens the task to disconnect it; once.

        Raises ``DebtChanged`` if nothing is overdue, ``BrakeOn`` and ``OutsideContactHours``.
        """
        now, action = clock.now(), collection.rung.action
        await self._ledger.record_collection(collection, now)
        await check_brake(self._ledger)
        check_hours(collection)
        if self._restrictions is None:
            raise NotFound(
                f"{collection.customer_id}: no service can be restricted here; write {action} off its ladder"
            )
        reason = f"{collection.outstanding} are owed, the oldest since {collection.since:%Y-%m-%d}"
        key = rung_id(collection.customer_id, collection.since, collection.rung.text)
        await self._restrictions.restrict(collection.customer_id, action, key, now, reason)

    @activity.defn
    async def tell_broken_promise(self, collection: Collection) -> None:
        """Alerts the reviewers, with the next digest, once for each promise."""
        now = clock.now()
        await self._ledger.record_collection(collection, now)
        await self._alerts.tell(of_broken_promise(collection, now))
