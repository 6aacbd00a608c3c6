"""Shared by the tests of gateways: WayForPay's stand-in on a real socket, a ledger, and what stands between them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI

from adapters.sql.ledger import SqlLedger
from adapters.wayforpay.shop import WayForPay
from billing.payments.checkouts import Checkout, CheckoutRequest, CheckoutState
from billing.receivables.incoming import PaymentRecord
from billing.receivables.journal import PaymentName, Subject
from billing.receivables.payment_list import PaymentFilter
from inbound.inbox import Inbox
from inbound.wayforpay_callbacks import WayForPayCallbacks
from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.faults import Faults
from sandbox.timeline import until
from sandbox.wayforpay.api import ByCall, wayforpay_app
from sandbox.wayforpay.store import MERCHANT, SECRET
from services.alerts import Alerts
from services.checkouts import Checkouts
from services.gateways.gateway import Gateway
from services.gateways.reader import GatewayReader
from tests.contract.conftest import Serve
from tests.contract.journal_fixtures import announced, drafted
from tests.contract.ledger_fixtures import NOVEMBER

RAIL = "wayforpay"
NOW = datetime.now(UTC)
SUBJECT = Subject.month(NOVEMBER)


@dataclass
class Stand:
    """The gateway's side: what payers and the shop's cabinet do there, and what it has."""

    url: str
    http: httpx.AsyncClient

    async def control(self, where: str, **body: Any) -> Any:
        return (await self.http.post(f"/_control/{where}", json=body)).raise_for_status().json()

    async def fails(self, kind: str, call: str, **rule: Any) -> None:
        """The next of these calls, such as REFUND."""
        await self.control("faults", kind=kind, path=f"^/api/{call}$", **rule)

    async def orders(self) -> list[dict[str, Any]]:
        return list((await self.http.get("/_control/orders")).json())

    async def order(self, reference: str) -> dict[str, Any]:
        return next(order for order in await self.orders() if order["reference"] == reference)

    async def callbacks(self) -> list[dict[str, Any]]:
        """Oldest first."""
        return list((await self.http.get("/_control/callbacks")).json()["callbacks"][::-1])

    async def pay(self, link: Checkout, answer: str = "pay") -> int:
        return (await self.http.post(str(link.url), data={"answer": answer})).status_code

    async def pay_static(self, order: str, amount: str = "10.00", currency: str = "EUR") -> str:
        """The reference that the gateway has made."""
        form = {"order": order, "amount": amount, "currency": currency}
        return (await self.http.post(f"/static/{MERCHANT}", data=form)).text

    async def accepted(self) -> None:
        """Waits until nothing is called back any more."""

        async def look() -> bool:
            return all(callback["state"] != "pending" for callback in await self.callbacks())

        await until(look, 30)


@pytest.fixture
async def stand(serve: Serve, tmp_path: Path) -> AsyncIterator[Stand]:
    url = await serve(cast(Any, ByCall(Faults(wayforpay_app(tmp_path / "wayforpay.jsonl")))))
    async with local_http(base_url=url) as http:
        yield Stand(url, http)


def shop_at(stand: Stand, secret: str = SECRET, rail: str = RAIL) -> WayForPay:
    return WayForPay(rail, MERCHANT, secret, "www.market.ua", "order", f"{stand.url}/api")


@pytest.fixture
async def shop(stand: Stand) -> AsyncIterator[WayForPay]:
    shop = shop_at(stand)
    yield shop
    await shop.close()


class _Digest:
    async def wake(self) -> None:
        """Nobody reads it here: the outbox is looked at."""


class Clock:
    """By which is booked; tests move it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **time: float) -> None:
        self.now += timedelta(**time)


class Company:
    """A customer who owes 10.00 EUR for November, our ledger, and a shop at the gateway."""

    def __init__(self, ledger: SqlLedger, shop: WayForPay, stand: Stand, service_url: str = "") -> None:
        self.ledger = ledger
        self.shop = shop
        self.stand = stand
        self.clock = Clock()
        self.alerts = Alerts(ledger, _Digest(), enabled=True)
        self.gateway = Gateway(shop, RAIL, ledger, service_url, self.clock, self.alerts)
        self.checkouts = Checkouts(
            cast(Any, None), ledger, "https://pay.example/checkout", gateways={RAIL: self.gateway}
        )
        self.reader = GatewayReader({RAIL: self.gateway}, ledger, self.clock)
        self.inbox = Inbox(ledger, cast(Any, None), cast(Any, None), self.alerts, {RAIL: self.gateway})

    async def open(self, **changes: Any) -> Checkout:
        expires_at = self.clock() + timedelta(days=1)
        return await self.checkouts.open(request(**{"expires_at": expires_at} | changes), self.clock())

    async def read(self) -> None:
        """One look at the gateway's list."""
        await self.reader.read(self.gateway, datetime.now(UTC) + timedelta(seconds=1))

    async def owed(self) -> tuple[dict[str, int], int]:
        """What is owed by subject, and the credit (below 0)."""
        balance = await self.ledger.balance("acme")
        return {item.subject.name: item.amount_minor for item in balance.owed}, balance.carried_minor("eur")

    async def booked(self) -> list[int]:
        """All that has arrived and gone back on the rail."""
        page = await self.ledger.incoming_payments(PaymentFilter(rail=RAIL))
        return sorted(row.amount_minor for row in page.rows)

    async def record(self, reference: str) -> PaymentRecord:
        found = await self.ledger.incoming_payment(PaymentName.of(RAIL, reference))
        assert found is not None
        return found

    async def state(self, link: Checkout) -> CheckoutState:
        found = await self.ledger.checkout(link.checkout_id)
        assert found is not None
        return found.state

    async def told(self) -> list[str]:
        return [alert.text for alert in await self.ledger.alerts()]

    async def until_booked(self, *amounts: int) -> None:
        async def look() -> bool:
            return await self.booked() == sorted(amounts)

        await until(look, 30)

    async def inbox_is_empty(self) -> None:
        async def look() -> bool:
            return not await self.ledger.open_events()

        await until(look, 30)


def request(**changes: Any) -> CheckoutRequest:
    values: dict[str, Any] = {
        "rail": RAIL,
        "customer_id": "acme",
        "payer_id": "",
        "subject": SUBJECT,
        "description": "Invoice for November 2026",
        "expires_at": NOW + timedelta(days=1),
        "by": "ann",
        "reason": "asked by phone",
    }
    return CheckoutRequest.model_validate(values | changes)


async def owing(ledger: SqlLedger) -> None:
    month = announced(drafted(1000))
    await ledger.record(month, month.notice_at)


@pytest.fixture
async def company(ledger: SqlLedger, shop: WayForPay, stand: Stand) -> Company:
    """Without a public address: nothing is called back."""
    await owing(ledger)
    company = Company(ledger, shop, stand)
    company.clock.now = announced(drafted(1000)).charge_at  # the bill is due
    return company


@asynccontextmanager
async def called_back(company: Company, serve: Serve) -> AsyncIterator[str]:
    """The company with the route of callbacks, whose address it is, and with its inbox at work."""
    app = FastAPI(openapi_url=None)
    callbacks = WayForPayCallbacks({RAIL: company.gateway}, company.inbox, company.clock)
    app.router.routes += callbacks.router.routes
    address = f"{await serve(app)}/webhooks/wayforpay/{RAIL}"
    company.gateway._service_url = address
    await company.stand.control("service-url", url=address)
    await company.stand.control("callbacks", interval_seconds=0.05)
    async with company.inbox.open():
        yield address
