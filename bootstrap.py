"""Composition: from settings to adapters, services and clients, for every entry point.

Each function imports what it puts together, so that a command starts without the SDKs that it does not use.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from billing.errors import InvalidInput
from billing.events.event import Destination
from bootstrap_adapters import (
    alert_channels,
    event_receiver,
    mail_server,
    processor,
    sales_source,
    told_of_releases,
    told_of_services,
)
from bootstrap_announcements import connect_announcement_sender
from bootstrap_billers import connect_payment_ways
from bootstrap_gateways import connect_gateway_refunds, connect_gateways, shops_of
from bootstrap_ledger import SANDBOX_NAMESPACE as SANDBOX_NAMESPACE
from bootstrap_ledger import connect_ledger as connect_ledger
from bootstrap_ledger import connect_running_workflows as connect_running_workflows
from bootstrap_ledger import connect_temporal as connect_temporal
from bootstrap_registers import register_terms
from bootstrap_services import connect_service_sender
from bootstrap_statements import bank_accounts
from bootstrap_texts import text_vendor
from services.alerts import Alerts
from services.checkouts import Checkouts
from services.collecting import CollectionTeller, LadderTerms
from services.events.dispatcher import EventDispatcher
from services.orders.desk import OrderDesk
from services.orders.refunds import OrderRefunds
from services.orders.teller import OrderTeller
from services.payment_desk import PaymentDesk
from settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from temporalio.client import Client

    from activities.alerts import DigestActivities
    from activities.completeness import CompletenessActivities
    from activities.reconciliation import Reconciler
    from adapters.events.http_receiver import HttpReceiver
    from adapters.mail.smtp_mail import SmtpMail
    from adapters.notify.apprise_alerts import AppriseAlerts
    from adapters.passwords import Argon2Passwords
    from adapters.production.by_address import AnyProduction
    from adapters.provisioning.http_provisioning import HttpProvisioning
    from adapters.sheets.csv_sales import CsvSales
    from adapters.sheets.google_sheets import GoogleSheetsSales
    from adapters.sheets.http_sales import HttpSales
    from adapters.sheets.no_sales import NoSales
    from adapters.sms.smsc import Smsc
    from adapters.sms.twilio import Twilio
    from adapters.sql.ledger import SqlLedger
    from adapters.stripe.payments import StripePayments
    from adapters.wayforpay.shop import WayForPay
    from billing.events.ports import EventSender
    from clients.digest_trigger import DigestTrigger
    from clients.registrar import Registrar
    from services.messages.customer_mails import CustomerMails
    from services.messages.send_again import SendAgain
    from services.shared_sales import Sales, SharedSales
    from services.sheet_comparison import SheetComparer

SANDBOX_ORDERS_SECRET = "orders-secret-of-the-sandbox-0123456789"


@dataclass(frozen=True)
class Adapters:
    """One adapter per port."""

    sales: GoogleSheetsSales | CsvSales | HttpSales | NoSales
    payments: StripePayments
    mail: SmtpMail
    ledger: SqlLedger
    others: tuple[AppriseAlerts, ...] = ()  # channels to the reviewers besides mail
    receiver: HttpReceiver | None = None  # of events
    production: AnyProduction | None = None  # None: reviewers are told instead
    shops: dict[str, WayForPay] = field(default_factory=dict)  # at gateways, by rail
    provisioning: HttpProvisioning | None = None  # None: people switch service accounts
    texts: Smsc | Twilio | None = None  # the vendor; None: mails alone are sent


@asynccontextmanager
async def connect_adapters(settings: Settings) -> AsyncIterator[Adapters]:
    """The adapters by ``settings``, closed at the end. They connect at first use: a service may be down now."""
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(connect_ledger(settings))
        payments = processor(settings)
        stack.push_async_callback(payments.close)
        receiver = event_receiver(settings)
        if receiver:
            stack.push_async_callback(receiver.close)
        mail, shops = await stack.enter_async_context(mail_server(settings)), shops_of(settings)
        production, provisioning = told_of_releases(settings, mail), told_of_services(settings)
        texts = text_vendor(settings)
        told = tuple(each for each in (production, provisioning, texts) if each)
        for closed in (*shops.values(), *told):
            stack.push_async_callback(closed.close)
        sales, others = sales_source(settings), alert_channels(settings)
        yield Adapters(sales, payments, mail, ledger, others, receiver, production, shops, provisioning, texts)


def connect_passwords() -> Argon2Passwords:
    """Hashes passwords; the first one in a process takes a quarter of a second."""
    from adapters.passwords import Argon2Passwords

    return Argon2Passwords()


def connect_customer_mails(settings: Settings, adapters: Adapters) -> CustomerMails:
    """Mails to customers."""
    from services.messages.customer_mails import CustomerMails

    ways = connect_payment_ways(settings, adapters.ledger)
    return CustomerMails(adapters.mail, adapters.ledger, settings.mail_domain, settings.links, ways, settings.texts)


def connect_send_again(settings: Settings, adapters: Adapters) -> SendAgain:
    """Mails that people have sent again."""
    from services.messages.send_again import SendAgain

    return SendAgain(connect_customer_mails(settings, adapters), adapters.ledger)


def connect_digest_trigger(settings: Settings, client: Client) -> DigestTrigger:
    """Wakes the workflow that sends digests; one for each process."""
    from clients.digest_trigger import DigestTrigger

    return DigestTrigger(client, settings.digest_interval)


def connect_alerts(settings: Settings, adapters: Adapters, digest: DigestTrigger) -> Alerts:
    """Alerts to the reviewers; disabled without an address of theirs."""
    return Alerts(adapters.ledger, digest, enabled=has_reviewers(settings, adapters))


def has_reviewers(settings: Settings, adapters: Adapters) -> bool:
    """Whether anybody hears of alerts."""
    return bool(settings.reviewers_email or adapters.others)


def connect_digests(settings: Settings, adapters: Adapters) -> DigestActivities:
    """Sends digests to the reviewers."""
    from activities.alerts import DigestActivities

    reviewers, domain, console_url = settings.reviewers_email, settings.mail_domain, settings.links.base_url
    return DigestActivities(adapters.ledger, adapters.mail, adapters.others, reviewers, domain, console_url)


def connect_dispatcher(
    settings: Settings, adapters: Adapters, client: Client, digest: DigestTrigger
) -> EventDispatcher:
    """Delivers events to collections, orders, customers, production, provisioning and texts, and to any receiver."""
    from bootstrap_texts import connect_step_texts
    from clients.collection_commands import CollectionSignals
    from clients.month_starter import MonthStarter
    from clients.order_signals import OrderSignals
    from services.orders.releases import ReleaseSender, ReviewersAsProduction

    alerts = connect_alerts(settings, adapters, digest)
    others = ReviewersAsProduction(alerts, has_reviewers(settings, adapters))
    releases = ReleaseSender(adapters.ledger, adapters.production or others)
    announcements = connect_announcement_sender(settings, adapters, alerts)
    senders: dict[Destination, EventSender] = {
        Destination.PRODUCTION: releases,
        Destination.PROVISIONING: connect_service_sender(settings, adapters, alerts),
        Destination.COLLECTION: CollectionTeller(adapters.ledger, CollectionSignals(client)),
        **({Destination.RECEIVER: adapters.receiver} if adapters.receiver else {}),
        **({Destination.ANNOUNCEMENT: announcements} if announcements else {}),
        Destination.ORDER: OrderTeller(adapters.ledger, OrderSignals(client)),
        Destination.CUSTOMER: connect_step_texts(settings, adapters, alerts),
        Destination.BILLING: MonthStarter(client, adapters.ledger, adapters.payments),
    }
    held = {Destination.PRODUCTION: releases.is_held}
    return EventDispatcher(adapters.ledger, senders, alerts, held=held, last=[Destination.ORDER])


def connect_registrar(settings: Settings, adapters: Adapters, client: Client) -> Registrar:
    """The registrar, which turns registrations into customers."""
    from clients.registrar import Registrar

    mails = connect_customer_mails(settings, adapters)
    return Registrar(client, adapters.payments, adapters.ledger, mails, settings.links, settings.spread)


def connect_reconciliation(settings: Settings, adapters: Adapters, client: Client) -> Reconciler:
    """Compares the processor's records, and the registers of gateways and banks, with the ledger."""
    from activities.reconciliation import Reconciler
    from activities.registers.billers import BillerRegister
    from activities.registers.gateways import GatewayRegister
    from activities.registers.processors import RailRegister
    from activities.registers.statements import StatementsRegister
    from clients.collection_commands import CollectionSignals

    alerts = connect_alerts(settings, adapters, connect_digest_trigger(settings, client))
    shops = connect_gateways(settings, adapters, alerts)
    registers: list[RailRegister] = [GatewayRegister(gateway, adapters.ledger) for gateway in shops.values()]
    registers += [BillerRegister(terms, adapters.ledger) for terms in register_terms(settings).values()]
    for name, account in bank_accounts(settings).items():
        registers.append(StatementsRegister(name, account.currency, adapters.ledger))
    signals = CollectionSignals(client)
    ladder = ladder_terms(settings)
    return Reconciler(adapters.payments, adapters.payments, adapters.ledger, alerts, signals, registers, ladder)


def ladder_terms(settings: Settings) -> LadderTerms:
    """What follows when a bill is not paid, for customers without a ladder of their own."""
    return LadderTerms(settings.ladder, settings.contact_hours)


def connect_payment_desk(settings: Settings, adapters: Adapters, alerts: Alerts | None = None) -> PaymentDesk:
    """The desk where people record, assign and give back money."""
    refunds = connect_gateway_refunds(settings, adapters)
    return PaymentDesk(adapters.ledger, adapters.payments, settings.rails, settings.four_eyes_above, alerts, refunds)


def connect_checkouts(settings: Settings, adapters: Adapters) -> Checkouts:
    """Payment links. Raises ``InvalidInput`` without a public address to which the processor's page leads back."""
    base_url = settings.links.base_url.rstrip("/")
    if not base_url:
        raise InvalidInput("set BILLING_CONSOLE_URL and BILLING_LINK_SECRET: where customers reach the console")
    shops = connect_gateways(settings, adapters)
    return Checkouts(adapters.payments, adapters.ledger, f"{base_url}/checkout", shops)


def connect_order_desk(settings: Settings, adapters: Adapters, alerts: Alerts | None = None) -> OrderDesk:
    """The desk where people open and change orders."""
    checkouts = connect_checkouts(settings, adapters) if settings.links.base_url else None
    refunds = OrderRefunds(adapters.ledger, connect_payment_desk(settings, adapters, alerts))
    return OrderDesk(adapters.ledger, checkouts, refunds)


def connect_sales(adapters: Adapters) -> SharedSales:
    """Shared readings of the sheet; one for each process."""
    from services.shared_sales import SharedSales

    return SharedSales(adapters.sales, adapters.ledger)


def connect_sheet_comparer(settings: Settings, adapters: Adapters, sales: Sales | None = None) -> SheetComparer:
    """Compares invoices with the sheet."""
    from services.sheet_comparison import SheetComparer

    return SheetComparer(sales or connect_sales(adapters), adapters.ledger, settings.decimal_separator)


def connect_completeness(
    settings: Settings, adapters: Adapters, client: Client | None, unseen: str = "", sales: Sales | None = None
) -> CompletenessActivities:
    """The completeness check; ``client`` None: without Temporal, for the reason ``unseen``."""
    from activities.completeness import CompletenessActivities
    from clients.order_signals import OrderSignals
    from clients.running_workflows import RunningWorkflows

    alerts = connect_alerts(settings, adapters, connect_digest_trigger(settings, client)) if client else None
    return CompletenessActivities(
        adapters.ledger,
        sales or connect_sales(adapters),
        RunningWorkflows(client) if client else None,
        alerts,
        settings.decimal_separator,
        unseen,
        OrderTeller(adapters.ledger, OrderSignals(client)) if client else None,
    )
