"""The application: settings, adapters and a Temporal client -> routes, and a task that handles what webhooks told."""

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

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with inbox.open(), bulk.open(), sweeping(registrar):
            yield

    app = FastAPI(
        title="Monthly billing",
        redirect_slashes=False,  # to an address made of whatever host the client says
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        max_body_size=BODY_MAX_BYTES,
        form_limits={"max_fields": FORM_FIELDS_MAX},
    )
    https = links.base_url.startswith("https:")
    proxies = TrustedProxies(settings.console_trusted_proxies, settings.console_sso_header)
    app.state.sessions = Sessions(adapters.ledger, proxies, https)
    browsers = KnownBrowsers(links.secret, https)
    login = Login(adapters.ledger, app.state.sessions, connect_passwords(), proxies, browsers, pages, links.base_url)
    app.router.routes += login.router.routes
    login.handle_refusals(app)
    app.router.routes += Health(adapters.ledger, client).router.routes
    watch = StandstillWatch(adapters.ledger, RunningWorkflows(client, patience=PATIENCE))
    app.router.routes += Monitor(adapters.ledger, watch).router.routes
    app.router.routes += StripeWebhooks(adapters.payments, inbox).router.routes
    app.state.live = live = Live(watch.pulse)
    desk = PageFrame(pages, adapters.ledger, settings.now)
    for router in _of_reviewers(settings, adapters, client, desk, live, watch, bulk):
        app.router.routes += router.routes
    throttle = RequestThrottle(adapters.ledger, links.secret, proxies.client)
    returned = ReturnedCards(cards, inbox)
    for router in _of_customers(settings, adapters, client, pages, registrar, returned, throttle):
        app.router.routes += router.routes
    app.mount("/static", StaticFiles(directory=Path(__file__).with_name("static")))
    pages.handle_errors(app)
    form_targets = f"http://127.0.0.1:{settings.sandbox_stripe_port}" if settings.sandbox else _STRIPE_PAGES
    # Outermost: the answer to a defect of ours has them too.
    limited = BodyLimit(app.build_middleware_stack(), lambda request: pages.refusal(request, 413))
    hosts = () if settings.sandbox else (urlsplit(links.base_url).hostname or "",)
    guarded = FrontDoor(limited, hosts, proxies, pages.refusal)
    app.middleware_stack = SecurityHeaders(guarded, form_targets=form_targets, https=https)
    return app


def _of_reviewers(
    settings: Settings,
    adapters: Adapters,
    client: Client,
    desk: PageFrame,
    live: Live,
    watch: StandstillWatch,
    bulk: Bulk,
) -> Iterator[APIRouter]:
    """Those whose addresses begin with a period come last."""
    ledger = adapters.ledger
    yield AuditPages(desk, ledger).router
    yield BrakePages(ledger, desk).router
    yield MonthPages(desk, ledger, live, watch).router
    yield CoveragePages(desk, ledger, client).router
    yield InvoicesPages(desk, ledger, watch, bulk).router
    comparing, where = connect_sheet_comparer(settings, adapters), (settings.temporal_ui_url, settings.sheet_url)
    yield InvoicePages(client, ledger, adapters.payments, adapters.mail, comparing, desk, *where).router


def _of_customers(
    settings: Settings,
    adapters: Adapters,
    client: Client,
    pages: Pages,
    registrar: Registrar,
    returned: ReturnedCards,
    throttle: RequestThrottle,
) -> Iterator[APIRouter]:
    payments, ledger, links = adapters.payments, adapters.ledger, settings.links
    yield PaymentPages(client, payments, ledger, returned, links, pages).router
    yield CardPages(payments, ledger, returned, links, pages).router
    yield RegistrationPages(registrar, returned, throttle, links, pages, settings.company, settings.newcomers).router
