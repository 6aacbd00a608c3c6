"""Shared by the tests of billers: three contracts with banks on a real socket, and a customer who owes 10.00 EUR."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from adapters.sql.ledger import SqlLedger
from billing.billers.biller import Contract, Dialect
from billing.customers.account_numbers import personal_digest
from billing.events.signature import HEADER, signed
from billing.receivables.payment_list import PaymentFilter
from inbound.billers.routes import BillerRoutes
from process.proxies import TrustedProxies
from sandbox.stand_ins.control import local_http
from services.biller import Biller
from tests.contract.conftest import Serve
from tests.contract.gateway_fixtures import Clock, owing
from tests.contract.journal_fixtures import announced, drafted

SECRET = "secret-of-the-contract-0123456789abcdef"
PERSONAL_SECRET = "p" * 32
NUMBER, CLOSED, STRANGE, MISTYPED = "1000009", "2000008", "3000007", "1000008"
PERSONAL = "900101300007"
"""Made by the rule: nobody's."""
_ANY: dict[str, Any] = {"currency": "eur", "timezone": "Asia/Almaty", "least_minor": 100, "most_minor": 100_000_000}
LOCAL = (ip_network("127.0.0.1"),)
CONTRACTS = [
    Contract(rail="bank-app", dialect=Dialect.KASPI, addresses=LOCAL, **_ANY),
    Contract(rail="terminals", dialect=Dialect.OSMP, addresses=LOCAL, **_ANY),
    Contract(rail="local-bank", dialect=Dialect.NEUTRAL, secret=SECRET, user="bank", password=SECRET, **_ANY),
]


@dataclass
class Bank:
    """The bank's side: what it asks and tells, and what our books have of it."""

    http: httpx.AsyncClient
    ledger: SqlLedger
    clock: Clock

    async def kaspi(self, command: str, rail: str = "bank-app", **parameters: str) -> httpx.Response:
        return await self.http.get(f"/billers/{rail}", params={"command": command, **parameters})

    async def osmp(self, command: str, **parameters: str) -> httpx.Response:
        return await self.kaspi(command, "terminals", **parameters)

    async def bill(self, account: str = NUMBER, **headers: str) -> httpx.Response:
        path = f"/billers/local-bank/bills/{account}"
        return await self.http.get(path, headers=headers or {HEADER: signature(path.encode())})

    async def told(self, body: bytes, **headers: str) -> httpx.Response:
        of_body = {"Content-Type": "application/json", HEADER: signature(body)}
        return await self.http.post("/billers/local-bank/payments", content=body, headers=of_body | headers)

    async def pay(self, rail: str, txn_id: str, account: str = NUMBER, total: str = "10.00") -> httpx.Response:
        """In the dialect of the rail."""
        if rail == "local-bank":
            body = f'{{"id": "{txn_id}", "account": "{account}", "sum": "{total}"}}'
            return await self.told(body.encode())
        return await self.kaspi("pay", rail, txn_id=txn_id, account=account, sum=total)

    async def booked(self) -> list[tuple[str, str, int]]:
        """Rail, reference and minor units of all that has arrived."""
        page = await self.ledger.incoming_payments(PaymentFilter())
        return sorted((row.rail, row.reference, row.amount_minor) for row in page.rows)

    async def owed(self, customer_id: str = "acme") -> tuple[int, int]:
        """What is owed, and the credit (below 0)."""
        balance = await self.ledger.balance(customer_id)
        return sum(item.amount_minor for item in balance.owed), balance.carried_minor("eur")

    async def alerts(self) -> list[str]:
        return [alert.text for alert in await self.ledger.alerts()]


def signature(signed_bytes: bytes, secret: str = SECRET) -> str:
    return signed(signed_bytes, [secret], datetime.now(UTC))


def routes(ledger: SqlLedger, clock: Clock, *contracts: Contract, proxies: TrustedProxies | None = None) -> FastAPI:
    app = FastAPI(openapi_url=None)
    billers = {each.rail: Biller(each, ledger, PERSONAL_SECRET, clock) for each in contracts}
    app.router.routes += BillerRoutes(billers, proxies or TrustedProxies(()), PERSONAL_SECRET).router.routes
    return app


async def numbered(ledger: SqlLedger) -> None:
    """A customer who owes 10.00 EUR, with an account number, one that was closed, and a personal number."""
    await owing(ledger)
    at = announced(drafted(1000)).notice_at
    await ledger.open_number("acme", NUMBER, "ann", "contract 17", at)
    await ledger.open_number("acme", CLOSED, "ann", "contract 3", at)
    await ledger.close_number(CLOSED, "ann", "moved", at)
    await ledger.keep_personal("acme", personal_digest(PERSONAL, PERSONAL_SECRET), PERSONAL[-4:], "ann", at)


@pytest.fixture
async def bank(ledger: SqlLedger, serve: Serve) -> AsyncIterator[Bank]:
    await numbered(ledger)
    clock = Clock()
    clock.now = announced(drafted(1000)).charge_at  # the bill is due
    async with local_http(base_url=await serve(routes(ledger, clock, *CONTRACTS))) as http:
        yield Bank(http, ledger, clock)
