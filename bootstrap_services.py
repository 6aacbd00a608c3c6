"""Composition of what tells provisioning of service accounts, where machines call too; and of service orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.events.event import Destination
from services.events.dispatcher import EventDispatcher
from services.provisioning import PeopleAsProvisioning, ServiceSender

if TYPE_CHECKING:
    from bootstrap import Adapters
    from services.alerts import Alerts
    from services.orders.service_desk import ServiceDesk
    from settings import Settings


def connect_service_sender(settings: Settings, adapters: Adapters, alerts: Alerts) -> ServiceSender:
    """Tells provisioning of each change, or people, if it has no address."""
    within = settings.restored_within
    provisioning = adapters.provisioning or PeopleAsProvisioning(adapters.ledger, within)
    return ServiceSender(adapters.ledger, provisioning, alerts, within)


def connect_service_calls(settings: Settings, adapters: Adapters, alerts: Alerts) -> EventDispatcher:
    """Delivers nothing but changes of service: whoever pays is restored by the process that has booked the money."""
    senders = {Destination.PROVISIONING: connect_service_sender(settings, adapters, alerts)}
    return EventDispatcher(adapters.ledger, senders, alerts)


def connect_service_desk(settings: Settings, adapters: Adapters) -> ServiceDesk:
    """The desk where people open and change service orders."""
    from bootstrap import connect_checkouts
    from services.orders.service_desk import ServiceDesk

    checkouts = connect_checkouts(settings, adapters) if settings.links.base_url else None
    return ServiceDesk(adapters.ledger, checkouts)
