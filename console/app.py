"""The application: settings, adapters and a Temporal client -> routes, and the tasks that run beside them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles
from temporalio.client import Client

from billing.errors import InvalidInput
from bootstrap import (
    Adapters,
    connect_alerts,
    connect_checkouts,
    connect_digest_trigger,
    connect_dispatcher,
    connect_order_desk,
    connect_passwords,
    connect_payment_desk,
    connect_registrar,
    connect_send_again,
    connect_sheet_comparer,
)
from bootstrap_announcements import connect_announcement_desk
from bootstrap_billers import connect_payment_ways
from bootstrap_inbound import connect_newcomers, connect_room
from bootstrap_procedures import connect_procedures
from bootstrap_registers import connect_register_desk
from bootstrap_services import connect_service_desk
from bootstrap_statements import connect_statements
from bootstrap_texts import connect_quoted_answers, phone_reader
from console.customers.card import CardPages
from console.customers.checkout import CheckoutPages
from console.customers.fee import FeePages
from console.customers.gateway_links import GatewayLinks
from console.customers.own_page import OwnPage
from console.customers.own_requests import PROCEDURE as REQUEST
from console.customers.own_requests import OwnRequests
from console.customers.pay import PaymentPages
from console.customers.promise import OwnPromisePages
from console.customers.register import RegistrationPages
from console.customers.request_page import OwnRequestPages
from console.customers.returned_cards import ReturnedCards
from console.customers.sweeper import sweeping
from console.departments.board import BoardPages
from console.departments.files import TaskFilePages
from console.departments.task import TaskPages
from console.departments.task_list import TaskListPages
from console.reviewers.announcements.announcement import AnnouncementPages
from console.reviewers.announcements.announcement_list import AnnouncementListPages
from console.reviewers.audit import AuditPages
from console.reviewers.brake import BrakePages
from console.reviewers.bulk import Bulk
from console.reviewers.coverage import CoveragePages
from console.reviewers.invoice.invoice import InvoicePages
from console.reviewers.invoice.promise import PromisePages
from console.reviewers.invoice.send_again import SendAgainPages
from console.reviewers.invoices import InvoicesPages
from console.reviewers.live import Live
from console.reviewers.login import Login
from console.reviewers.money.payment import IncomingPaymentPages
from console.reviewers.money.payment_list import PaymentListPages
from console.reviewers.money.record import RecordPages
from console.reviewers.money.registers import RegisterPages
from console.reviewers.money.statements import StatementPages
from console.reviewers.month.month import MonthPages
from console.reviewers.orders.open_order import OpenOrderPages
from console.reviewers.orders.order import OrderPages, pulse_of
from console.reviewers.orders.order_list import OrderListPages
from console.reviewers.orders.service_list import ServiceListPage
from console.reviewers.orders.service_order import ServiceOrderPages, service_pulse_of
from console.reviewers.page_frame import PageFrame
from console.reviewers.procedures import ProcedurePages
from console.reviewers.remedy import RemedyPages
from console.reviewers.signed_in import Sessions
from console.reviewers.subscribers.account import AccountPages
from console.reviewers.subscribers.account_list import AccountListPages
from console.reviewers.temporal_links import TemporalLinks
from console.web.front_door import FrontDoor
from console.web.known_browsers import KnownBrowsers
from console.web.pages import Pages
from console.web.security import BODY_MAX_BYTES, FORM_FIELDS_MAX, BodyLimit, SecurityHeaders
from console.web.throttle import RequestThrottle
from process.proxies import TrustedProxies
from settings import Settings

_STRIPE_PAGES, _WAYFORPAY_PAGES = "https://*.stripe.com", "https://*.wayforpay.com"
_REGISTRATIONS_SECONDS, _LINKS_SECONDS = 300.0, 30.0
"""The pauses between sweeps."""


def create_app(settings: Settings, adapters: Adapters, client: Client) -> FastAPI:
    """Raises ``InvalidInput`` if there is no address or secret for the links of customers."""
    if not settings.links.base_url or not settings.links.secret:
        raise InvalidInput(
            "set BILLING_CONSOLE_URL (where customers and Stripe reach the console) and BILLING_LINK_SECRET"
        )
    return _Console(settings, adapters, client).app()


class _Console:
    """The parts that pages share, and the routers that are made of them."""

    def __init__(self, settings: Settings, adapters: Adapters, client: Client) -> None:
        self._settings = settings
        self._adapters = adapters
        self._client = client
        self._links = settings.links
        self._https = settings.links.base_url.startswith("https:")
        self._pages = Pages(settings.company, settings.mail_from, settings.mode)
        self._proxies = TrustedProxies(
            settings.console_trusted_proxies, settings.console_sso_header, settings.behind_unknown_proxy
        )
        self._registrar = connect_registrar(settings, adapters, client)
        self._checkouts = connect_checkouts(settings, adapters)
        digest = connect_digest_trigger(settings, client)
        self._alerts = connect_alerts(settings, adapters, digest)
        self._dispatcher = connect_dispatcher(settings, adapters, client, digest)
        self._machines = connect_room(settings, adapters, client, self._alerts, self._proxies, of_pages=True)
        self._ways = connect_payment_ways(settings, adapters.ledger)
        self._bulk = Bulk(client, adapters.ledger)
        self._procedures = connect_procedures(settings)
        self._service_desk = connect_service_desk(settings, adapters)

    def app(self) -> FastAPI:
        app = FastAPI(
            title="Monthly billing",
            redirect_slashes=False,  # would go to an address made of the host that the client names
            lifespan=self._lifespan,
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            max_body_size=BODY_MAX_BYTES,
            form_limits={"max_fields": FORM_FIELDS_MAX},
        )
        of_machines = self._machines.routers
        for router in (*self._signing_in(app), *of_machines, *self._of_reviewers(app), *self._of_customers()):
            app.router.routes += router.routes
        app.mount("/static", StaticFiles(directory=Path(__file__).with_name("static")))
        self._pages.handle_errors(app)
        self._guard(app)
        return app

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        async with (
            self._machines.inbox.open(),
            self._bulk.open(),
            self._dispatcher.open(),
            sweeping("registrations", lambda: self._registrar.sweep(datetime.now(UTC)), _REGISTRATIONS_SECONDS),
            sweeping("untold alerts", self._alerts.resume, _REGISTRATIONS_SECONDS),
            sweeping("payment links", lambda: self._checkouts.sweep(self._settings.now()), _LINKS_SECONDS),
        ):
            yield

    def _guard(self, app: FastAPI) -> None:
        """Middleware around everything, also around the answer to a defect of ours."""
        sandbox, refusal = self._settings.sandbox, self._pages.refusal
        form_targets = _STRIPE_PAGES
        if sandbox:
            ports = (self._settings.sandbox_stripe_port, self._settings.sandbox_wayforpay_port)
            form_targets = " ".join(f"http://127.0.0.1:{port}" for port in ports)
        elif self._adapters.shops:
            form_targets = f"{_STRIPE_PAGES} {_WAYFORPAY_PAGES}"
        most = self._settings.document_max_bytes
        limited = BodyLimit(app.build_middleware_stack(), lambda request: refusal(request, 413), most)
        hosts = () if sandbox else (urlsplit(self._links.base_url).hostname or "",)
        guarded = FrontDoor(limited, hosts, self._proxies, refusal)
        app.middleware_stack = SecurityHeaders(guarded, form_targets=form_targets, https=self._https)

    def _signing_in(self, app: FastAPI) -> Iterator[APIRouter]:
        ledger, base_url = self._adapters.ledger, self._links.base_url
        app.state.sessions = sessions = Sessions(ledger, self._proxies, self._https)
        browsers = KnownBrowsers(self._links.secret, self._https)
        login = Login(ledger, sessions, connect_passwords(), self._proxies, browsers, self._pages, base_url)
        login.handle_refusals(app)
        yield login.router

    def _of_reviewers(self, app: FastAPI) -> Iterator[APIRouter]:
        """Routers whose addresses begin with a period come last."""
        settings, client, watch = self._settings, self._client, self._machines.watch
        ledger, payments, mail = self._adapters.ledger, self._adapters.payments, self._adapters.mail
        live, live_orders = Live(watch.pulse), Live(self._order_pulse)
        app.state.live = live, live_orders
        desk = PageFrame(self._pages, ledger, settings.now)
        desk.handle_refusals(app)
        yield AuditPages(desk, ledger).router
        yield BrakePages(ledger, desk).router
        yield from self._of_money(desk)
        procedures = self._procedures
        service_list = ServiceListPage(desk, ledger, procedures)
        yield OrderListPages(desk, ledger, service_list, live_orders, settings.now).router
        orders = connect_order_desk(settings, self._adapters, self._alerts)
        yield (service := ServiceOrderPages(desk, ledger, self._service_desk, self._links, settings.now)).router
        yield OrderPages(desk, ledger, orders, service, live_orders, settings.now).router
        read_phone, secret = phone_reader(settings), settings.personal_key
        yield AccountListPages(desk, ledger, read_phone, secret, procedures, settings.now).router
        yield AccountPages(desk, ledger, self._links, procedures, settings.now).router
        works = connect_announcement_desk(settings, ledger)
        yield AnnouncementListPages(desk, ledger, works, settings.now).router
        yield AnnouncementPages(desk, ledger, works, settings.now).router
        quoted = connect_quoted_answers(settings, ledger)
        yield TaskListPages(desk, ledger, settings.departments, settings.now).router
        yield (task_pages := TaskPages(desk, ledger, quoted, settings.document_max_bytes, settings.now)).router
        yield TaskFilePages(task_pages, ledger, settings.document_max_bytes, settings.now).router
        yield ProcedurePages(desk, procedures).router
        yield OpenOrderPages(
            desk,
            ledger,
            self._service_desk,
            procedures,
            connect_newcomers(settings),
            secret,
            read_phone,
            settings.now,
        ).router
        yield BoardPages(desk, ledger, procedures).router
        yield MonthPages(desk, ledger, live, watch, settings.now).router
        yield RemedyPages(desk, client, ledger, payments).router
        yield CoveragePages(desk, ledger, client).router
        yield InvoicesPages(desk, ledger, watch, self._bulk, TemporalLinks.to(settings.temporal_ui_url, client)).router
        yield PromisePages(client).router
        yield SendAgainPages(connect_send_again(settings, self._adapters)).router
        comparer = connect_sheet_comparer(settings, self._adapters)
        elsewhere = (settings.temporal_ui_url, settings.sheet_url)
        yield InvoicePages(client, ledger, payments, mail, self._ways, comparer, desk, *elsewhere).router

    def _of_money(self, desk: PageFrame) -> Iterator[APIRouter]:
        settings, ledger = self._settings, self._adapters.ledger
        money = connect_payment_desk(settings, self._adapters, self._alerts)
        statements = connect_statements(settings, ledger, self._alerts)
        payment_pages = IncomingPaymentPages(desk, ledger, money, statements, settings.now)
        yield PaymentListPages(desk, ledger, settings.rails).router
        yield payment_pages.router
        yield RecordPages(desk, money, payment_pages, settings.now).router
        yield RegisterPages(desk, connect_register_desk(settings, ledger), settings.now).router
        yield StatementPages(desk, statements, ledger, settings.now).router

    async def _order_pulse(self, number: str) -> str:
        """Of one order, or "": of all."""
        ledger = self._adapters.ledger
        if not number:
            return await ledger.orders_pulse()
        standing = await ledger.order(number)
        return pulse_of(standing) if standing else await service_pulse_of(ledger, number)

    def _of_customers(self) -> Iterator[APIRouter]:
        payments, ledger, links, pages = self._adapters.payments, self._adapters.ledger, self._links, self._pages
        company, newcomers = self._settings.company, self._settings.newcomers
        throttle = RequestThrottle(ledger, links.secret, self._proxies)
        returned = ReturnedCards(self._machines.cards, self._machines.inbox)
        gateways = GatewayLinks(self._checkouts, ledger, self._settings.rails, self._settings.now)
        ways, now = self._ways, self._settings.now
        requests = OwnRequests(ledger, self._service_desk, self._procedures.get(REQUEST))
        yield PaymentPages(self._client, payments, ledger, returned, links, pages, gateways, ways, requests, now).router
        yield OwnRequestPages(ledger, requests, throttle, links, pages, now).router
        yield OwnPage(ledger, links, pages, now).router
        yield FeePages(ledger, links, pages, gateways, ways, now).router
        yield OwnPromisePages(self._client, links, pages).router
        yield CardPages(payments, ledger, returned, links, pages).router
        yield CheckoutPages(self._checkouts, pages, self._settings.now).router
        yield RegistrationPages(self._registrar, returned, throttle, links, pages, company, newcomers).router
