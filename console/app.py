"""The application: settings, adapters and a Temporal client -> routes, and the tasks that run beside them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles
from temporalio.client import Client

from billing.errors import InvalidInput
from bootstrap import (
    Adapters,
    connect_alerts,
    connect_digest_trigger,
    connect_passwords,
    connect_reconciliation,
    connect_registrar,
    connect_sheet_comparer,
)
from clients.cards import Cards
from clients.registrar import Registrar
from clients.running_workflows import RunningWorkflows
from clients.standstill import PATIENCE, StandstillWatch
from console.customers.card import CardPages
from console.customers.pay import PaymentPages
from console.customers.register import RegistrationPages
from console.customers.returned_cards import ReturnedCards
from console.customers.sweeper import sweeping
from console.reviewers.audit import AuditPages
from console.reviewers.brake import BrakePages
from console.reviewers.bulk import Bulk
from console.reviewers.coverage import CoveragePages
from console.reviewers.invoice.invoice import InvoicePages
from console.reviewers.invoices import InvoicesPages
from console.reviewers.live import Live
from console.reviewers.login import Login
from console.reviewers.month import MonthPages
from console.reviewers.page_frame import PageFrame
from console.reviewers.signed_in import Sessions
from console.web.front_door import FrontDoor
from console.web.known_browsers import KnownBrowsers
from console.web.pages import Pages
from console.web.proxies import TrustedProxies
from console.web.security import BODY_MAX_BYTES, FORM_FIELDS_MAX, BodyLimit, SecurityHeaders
from console.web.throttle import RequestThrottle
from inbound.health import Health
from inbound.inbox import Inbox
from inbound.monitor import Monitor
from inbound.stripe_webhooks import StripeWebhooks
from settings import Settings

_STRIPE_PAGES = "https://*.stripe.com"


def create_app(settings: Settings, adapters: Adapters, client: Client) -> FastAPI:
    """Raises ``InvalidInput`` if there is no address or secret for the links of customers."""
    links = settings.links
    if not links.base_url or not links.secret:
        raise InvalidInput(
            "set BILLING_CONSOLE_URL (where customers and Stripe reach the console) and BILLING_LINK_SECRET"
        )
    pages = Pages(settings.company, settings.mail_from)
    registrar = connect_registrar(settings, adapters, client)
    cards = Cards(client, adapters.payments, adapters.ledger, registrar)
    alerts = connect_alerts(settings, adapters, connect_digest_trigger(settings, client))
    inbox = Inbox(adapters.ledger, connect_reconciliation(settings, adapters, client), cards, alerts)
    bulk = Bulk(client, adapters.ledger)
    watch = StandstillWatch(adapters.ledger, RunningWorkflows(client, patience=PATIENCE))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with inbox.open(), bulk.open(), sweeping(registrar):
            yield

    app = FastAPI(
        title="Monthly billing",
        redirect_slashes=False,  # would go to an address made of the host that the client names
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        max_body_size=BODY_MAX_BYTES,
        form_limits={"max_fields": FORM_FIELDS_MAX},
    )
    proxies = TrustedProxies(settings.console_trusted_proxies, settings.console_sso_header)
    for router in (
        *_signing_in(app, settings, adapters, pages, proxies),
        *_of_machines(adapters, client, inbox, watch),
        *_of_reviewers(app, settings, adapters, client, pages, bulk, watch),
        *_of_customers(settings, adapters, client, pages, registrar, ReturnedCards(cards, inbox), proxies),
    ):
        app.router.routes += router.routes
    app.mount("/static", StaticFiles(directory=Path(__file__).with_name("static")))
    pages.handle_errors(app)
    _guard(app, settings, pages, proxies)
    return app


def _guard(app: FastAPI, settings: Settings, pages: Pages, proxies: TrustedProxies) -> None:
    """Middleware around everything, also around the answer to a defect of ours."""
    base_url, sandbox = settings.links.base_url, settings.sandbox
    form_targets = f"http://127.0.0.1:{settings.sandbox_stripe_port}" if sandbox else _STRIPE_PAGES
    limited = BodyLimit(app.build_middleware_stack(), lambda request: pages.refusal(request, 413))
    hosts = () if sandbox else (urlsplit(base_url).hostname or "",)
    guarded = FrontDoor(limited, hosts, proxies, pages.refusal)
    app.middleware_stack = SecurityHeaders(guarded, form_targets=form_targets, https=base_url.startswith("https:"))


def _signing_in(
    app: FastAPI, settings: Settings, adapters: Adapters, pages: Pages, proxies: TrustedProxies
) -> Iterator[APIRouter]:
    base_url, https = settings.links.base_url, settings.links.base_url.startswith("https:")
    app.state.sessions = Sessions(adapters.ledger, proxies, https)
    browsers = KnownBrowsers(settings.links.secret, https)
    login = Login(adapters.ledger, app.state.sessions, connect_passwords(), proxies, browsers, pages, base_url)
    login.handle_refusals(app)
    yield login.router


def _of_machines(adapters: Adapters, client: Client, inbox: Inbox, watch: StandstillWatch) -> Iterator[APIRouter]:
    yield Health(adapters.ledger, client).router
    yield Monitor(adapters.ledger, watch).router
    yield StripeWebhooks(adapters.payments, inbox).router


def _of_reviewers(
    app: FastAPI,
    settings: Settings,
    adapters: Adapters,
    client: Client,
    pages: Pages,
    bulk: Bulk,
    watch: StandstillWatch,
) -> Iterator[APIRouter]:
    """Routers whose addresses begin with a period come last."""
    ledger = adapters.ledger
    app.state.live = live = Live(watch.pulse)
    desk = PageFrame(pages, ledger, settings.now)
    desk.handle_refusals(app)
    yield AuditPages(desk, ledger).router
    yield BrakePages(ledger, desk).router
    yield MonthPages(desk, ledger, live, watch).router
    yield CoveragePages(desk, ledger, client).router
    yield InvoicesPages(desk, ledger, watch, bulk).router
    comparer, links = connect_sheet_comparer(settings, adapters), (settings.temporal_ui_url, settings.sheet_url)
    yield InvoicePages(client, ledger, adapters.payments, adapters.mail, comparer, desk, *links).router


def _of_customers(
    settings: Settings,
    adapters: Adapters,
    client: Client,
    pages: Pages,
    registrar: Registrar,
    returned: ReturnedCards,
    proxies: TrustedProxies,
) -> Iterator[APIRouter]:
    payments, ledger, links = adapters.payments, adapters.ledger, settings.links
    throttle = RequestThrottle(ledger, links.secret, proxies.client)
    yield PaymentPages(client, payments, ledger, returned, links, pages).router
    yield CardPages(payments, ledger, returned, links, pages).router
    yield RegistrationPages(registrar, returned, throttle, links, pages, settings.company, settings.newcomers).router
