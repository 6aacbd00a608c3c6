"""Composition of the room for machines: the console mounts it, and ``python -m inbound`` is nothing else."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

from bootstrap import SANDBOX_ORDERS_SECRET, connect_reconciliation, connect_registrar
from bootstrap_announcements import connect_announcement_desk
from bootstrap_billers import connect_billers
from bootstrap_gateways import connect_gateways
from bootstrap_texts import connect_texts

if TYPE_CHECKING:
    from fastapi import APIRouter
    from temporalio.client import Client

    from bootstrap import Adapters
    from clients.cards import Cards
    from clients.standstill import StandstillWatch
    from inbound.inbox import Inbox
    from inbound.service_orders import Newcomers
    from process.proxies import TrustedProxies
    from services.alerts import Alerts
    from settings import Settings


class Room(NamedTuple):
    """What machines call. Whoever mounts ``routers`` has ``inbox`` open meanwhile."""

    routers: tuple[APIRouter, ...]
    inbox: Inbox
    cards: Cards
    watch: StandstillWatch


def connect_room(
    settings: Settings, adapters: Adapters, client: Client, alerts: Alerts, proxies: TrustedProxies, *, of_pages: bool
) -> Room:
    """``of_pages``: people's pages are served beside it, so that it is ready with Temporal only."""
    from clients.cards import Cards
    from clients.running_workflows import RunningWorkflows
    from clients.standstill import PATIENCE, StandstillWatch
    from inbound.announcements import SentWorksRoutes
    from inbound.billers.routes import BillerRoutes
    from inbound.health import Health
    from inbound.inbox import Inbox
    from inbound.monitor import Monitor
    from inbound.orders import Orders
    from inbound.stripe_webhooks import StripeWebhooks
    from inbound.text_reports import TextReportRoutes
    from inbound.wayforpay_callbacks import WayForPayCallbacks

    ledger, now = adapters.ledger, settings.now
    cards = Cards(client, adapters.payments, ledger, connect_registrar(settings, adapters, client))
    gateways = connect_gateways(settings, adapters, alerts)
    inbox = Inbox(ledger, connect_reconciliation(settings, adapters, client), cards, alerts, gateways)
    watch = StandstillWatch(ledger, RunningWorkflows(client, patience=PATIENCE))
    texts = connect_texts(settings, adapters, alerts)
    parts = (
        Health(ledger, client if of_pages else None),
        Monitor(ledger, watch),
        StripeWebhooks(adapters.payments, inbox),
        WayForPayCallbacks(gateways, inbox, now),
        Orders(ledger, _orders_secrets(settings), now, settings.personal_key, connect_newcomers(settings)),
        SentWorksRoutes(ledger, connect_announcement_desk(settings, ledger), _orders_secrets(settings), now),
        BillerRoutes(connect_billers(settings, ledger), proxies, settings.personal_key),
        *([TextReportRoutes(adapters.texts, texts, settings.links.base_url)] if adapters.texts and texts else ()),
    )
    return Room(tuple(part.router for part in parts), inbox, cards, watch)


def connect_newcomers(settings: Settings) -> Newcomers:
    """The procedures are read at the first order that names one: a fault in a file refuses nothing else."""
    from bootstrap_procedures import connect_procedures
    from inbound.service_orders import Newcomers

    currency, timezone = settings.newcomers or ("", "")
    return Newcomers(cache(partial(connect_procedures, settings)), currency, timezone)


def _orders_secrets(settings: Settings) -> list[str]:
    return settings.orders_secrets or ([SANDBOX_ORDERS_SECRET] if settings.sandbox else [])
