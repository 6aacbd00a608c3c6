"""What the workflow of an order does in the ledger. Each may be repeated: the ledger decides under its lock."""

from datetime import datetime
from typing import Protocol

from temporalio import activity

from billing.errors import NotFound
from billing.model import Code, Count, Instant, Line, Model
from billing.receivables.journal import Subject
from orders.alerts import of_waiting
from orders.order import OrderStanding
from orders.ports import OrderStore
from services import clock
from services.alerts import Alerts


class OrderTurn(Model):
    """An order, and the instant by its workflow's clock."""

    number: Code
    at: Instant


class OrderReminder(Model):
    """``reminder`` counts those since ``since``, when the order began to wait; ``text``: what for."""

    standing: OrderStanding
    since: Instant
    reminder: Count
    text: Line


class OpenLinks(Protocol):
    async def end_outdated(self, customer_id: str, subject: Subject, now: datetime) -> None: ...


class OrderActivities:
    """``links`` None: none can be opened here."""

    def __init__(self, ledger: OrderStore, alerts: Alerts, links: OpenLinks | None) -> None:
        self._ledger = ledger
        self._alerts = alerts
        self._links = links

    @activity.defn
    async def look_up_order(self, turn: OrderTurn) -> OrderStanding:
        """How the order stands in the ledger. Raises ``NotFound`` if that was restored to before the order."""
        standing = await self._ledger.order(turn.number)
        if standing is None:
            raise NotFound(f"there is no order {turn.number} in the ledger; terminate its workflow, or open it again")
        return standing

    @activity.defn
    async def release_order(self, turn: OrderTurn) -> OrderStanding:
        """Releases what is paid enough. Raises ``BrakeOn`` while the emergency brake is on."""
        return await self._ledger.release_due(turn.number, not_before(turn.at))

    @activity.defn
    async def expire_order(self, turn: OrderTurn) -> OrderStanding:
        """Ends the order, unless enough was paid meanwhile, and its payment link; how it stands then."""
        standing = await self._ledger.expire_order(turn.number, not_before(turn.at))
        if standing.order.end is not None and self._links is not None:
            await self._links.end_outdated(standing.order.customer_id, standing.order.subject, clock.now())
        return standing

    @activity.defn
    async def remind_of_order(self, reminder: OrderReminder) -> None:
        """Tells people what the order needs, once for each reminder."""
        name = f"{reminder.since.isoformat()} {reminder.reminder}"
        await self._alerts.tell(of_waiting(reminder.standing, name, reminder.text, clock.now()))


def not_before(at: datetime) -> datetime:
    """Now: this machine's clock may be behind the one by which the order expires."""
    return max(at, clock.now())
