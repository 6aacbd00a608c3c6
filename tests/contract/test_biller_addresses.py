"""From where banks may call: foreign addresses, constants, and doctor, who finds a proxy that nobody trusts."""

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from adapters.sql.ledger import SqlLedger
from billing.billers.biller import AccountDue, Contract
from billing.errors import BillingError
from billing.events.signature import HEADER
from cli.receivables.billers import reached
from process.proxies import TrustedProxies
from sandbox.stand_ins.control import local_http
from tests.contract.biller_fixtures import (
    CONTRACTS,
    NUMBER,
    PERSONAL,
    PERSONAL_SECRET,
    SECRET,
    Bank,
    bank,
    routes,
    signature,
)
from tests.contract.conftest import Serve
from tests.contract.gateway_fixtures import Clock

__all__ = ["bank"]  # fixture


# -- where it comes from


class Untouched:
    """A ledger in which nobody may look anything up."""

    async def account_due(self, *_: Any) -> AccountDue | None:
        raise AssertionError("looked up for a foreign address")

    answered = pay_account = account_due


def kaspi(address: str, **changes: Any) -> Contract:
    return replace(CONTRACTS[0], addresses=(ip_network(address),), **changes)


async def _served(serve: Serve, contract: Contract, ledger: Any, *proxies: str) -> AsyncIterator[httpx.AsyncClient]:
    trusted = TrustedProxies([ip_network(proxy) for proxy in proxies])
    async with local_http(base_url=await serve(routes(ledger, Clock(), contract, proxies=trusted))) as http:
        yield http


@pytest.mark.parametrize(
    ("proxies", "forwarded", "status"),
    [
        ([], None, 403),
        ([], "203.0.113.7", 403),  # nobody vouches for it
        (["127.0.0.1"], None, 403),
        (["127.0.0.1"], "203.0.113.8", 403),
        (["127.0.0.1"], "203.0.113.7, 198.51.100.9", 403),  # forged before the address that our proxy has seen
        (["127.0.0.1"], "198.51.100.9, 203.0.113.7", 503),  # ours: it would be looked up
        (["127.0.0.1"], "nonsense", 403),
    ],
)
async def test_a_foreign_address_is_refused_before_anything_is_looked_up(
    serve: Serve, caplog: pytest.LogCaptureFixture, proxies: list[str], forwarded: str | None, status: int
) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    query = {"command": "check", "txn_id": "1", "account": PERSONAL}
    with caplog.at_level(logging.INFO):
        async for http in _served(serve, kaspi("203.0.113.7"), Untouched(), *proxies):
            answer = await http.get("/billers/bank-app", params=query, headers=headers)
    assert answer.status_code == status
    lines = [record.getMessage() for record in caplog.records if record.name.startswith(("inbound", "services"))]
    assert len(lines) == 1
    assert PERSONAL not in lines[0]


async def test_an_agreed_constant_is_demanded(serve: Serve, bank: Bank) -> None:
    contract = kaspi("127.0.0.1", data1="agreed")
    query = {"command": "check", "txn_id": "1", "account": NUMBER}
    async for http in _served(serve, contract, bank.ledger):
        assert (await http.get("/billers/bank-app", params=query)).status_code == 403
        assert (await http.get("/billers/bank-app", params=query | {"data1": "agreed"})).status_code == 200


async def test_who_is_not_doctor_finds_no_probe(bank: Bank) -> None:
    path = "/billers/bank-app/probe"
    assert (await bank.http.get(path)).status_code == 404
    assert (await bank.http.get(path, headers={HEADER: signature(path.encode(), SECRET)})).status_code == 404


# -- limits, and what is not sure


async def test_doctor_notices_a_proxy_that_is_not_trusted_whatever_its_address(ledger: SqlLedger, serve: Serve) -> None:
    """It adds the client to the header, and nobody believes it: the bank is refused at each call."""
    direct = await serve(routes(ledger, Clock(), CONTRACTS[0]))
    app = FastAPI()

    @app.get("/{path:path}")
    async def pass_on(request: Request, path: str) -> Response:
        hops = ", ".join([*request.headers.getlist("x-forwarded-for"), "198.51.100.7"])
        async with local_http(base_url=direct) as http:
            answer = await http.get(f"/{path}", headers={HEADER: request.headers[HEADER], "X-Forwarded-For": hops})
        return Response(answer.content, answer.status_code, media_type="application/json")

    assert "is reached, from 127.0.0.1" in await reached(CONTRACTS[0], direct, PERSONAL_SECRET)
    with pytest.raises(BillingError, match=r"a proxy at 127\.0\.0\.1 .* is not trusted: set BILLING_CONSOLE"):
        await reached(CONTRACTS[0], await serve(app), PERSONAL_SECRET)
