"""What no bank should send, and from where nobody should call: the protocol's answer, and nothing in the books."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI, Request, Response

from adapters.sql.core import database
from adapters.sql.ledger import SqlLedger
from billing.billers.biller import AccountDue, Contract
from billing.errors import BillingError, LedgerUnavailable
from billing.events.signature import HEADER
from billing.receivables.journal import PaymentName
from cli.receivables.billers import reached
from process.proxies import TrustedProxies
from sandbox.stand_ins.control import local_http
from services import biller as services_biller
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


@pytest.mark.parametrize(
    ("parameters", "kaspi", "osmp"),
    [
        ({"sum": "ten"}, 5, 300),
        ({"sum": "1e3"}, 5, 300),
        ({"sum": "12,50"}, 5, 300),
        ({"sum": ""}, 5, 300),
        ({"sum": "0.001"}, 5, 300),
        ({"sum": "NaN"}, 5, 300),
        ({"sum": "\u0665"}, 5, 300),
        ({"sum": "0"}, 5, 241),
        ({"sum": "0.00"}, 5, 241),
        ({"sum": "-10.00"}, 5, 241),
        ({"sum": "1" + "0" * 15}, 5, 242),
        ({"sum": "9" * 100}, 5, 242),
        ({"sum": "9" * 5000}, 5, 300),
        ({"txn_id": ""}, 5, 300),
        ({"txn_id": "1" * 21}, 5, 300),
        ({"txn_id": "4" * 40}, 5, 300),
        ({"txn_id": "17a"}, 5, 300),
        ({"txn_id": "-1"}, 5, 300),
        ({"txn_id": "<b>&"}, 5, 300),
        ({"account": ""}, 1, 4),
        ({"account": "' OR 1=1 --"}, 1, 4),
        ({"account": "1000009\x00"}, 1, 4),
        ({"account": "9" * 30_000}, 1, 4),
        ({"txn_date": "20261301000000"}, 5, 300),
        ({"txn_date": "yesterday"}, 5, 300),
        ({"txn_date": "9" * 14}, 5, 300),
        ({"command": "cancel"}, 5, 300),
        ({"command": ""}, 5, 300),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_what_cannot_be_read_gets_the_protocols_answer(
    bank: Bank, parameters: dict[str, str], kaspi: int, osmp: int
) -> None:
    wanted = {"command": "pay", "txn_id": "17", "account": NUMBER, "sum": "10.00"} | parameters
    of_kaspi = await bank.http.get("/billers/bank-app", params=wanted)
    assert (of_kaspi.status_code, of_kaspi.json()["result"]) == (200, kaspi)
    of_osmp = await bank.http.get("/billers/terminals", params=wanted)
    assert of_osmp.status_code == 200
    assert f"<result>{osmp}</result>" in of_osmp.text
    assert await bank.booked() == []
    assert len(of_kaspi.content) + len(of_osmp.content) < 600


async def test_a_parameter_that_is_there_twice_is_not_guessed(bank: Bank) -> None:
    query = f"command=pay&txn_id=1&account={NUMBER}&sum=1&sum=1000"
    assert (await bank.http.get(f"/billers/bank-app?{query}")).json()["result"] == 5
    body = {"sum": "1000"}
    both = await bank.http.post(f"/billers/terminals?command=pay&txn_id=1&account={NUMBER}&sum=1", data=body)
    assert "<result>300</result>" in both.text
    for odd in ("a=%ff", "%", "=&&=", "command", "a=1&" * 100):
        assert (await bank.http.get(f"/billers/bank-app?{odd}")).json()["result"] == 5
    assert await bank.booked() == []


async def test_a_body_of_a_megabyte_is_refused_before_it_is_read(bank: Bank) -> None:
    form = b"command=pay&x=" + b"1" * 1_000_000
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await bank.http.post("/billers/terminals", content=form, headers=headers)).status_code == 413
    assert (await bank.told(b'{"id": "' + b"1" * 1_000_000)).status_code == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"id": 17, "account": "1000009", "sum": "10.00"}',
        b'{"id": "17", "account": "1000009", "sum": 10.00}',
        b'{"id": "17", "account": "1000009", "sum": "10.00", "summ": "1"}',
        b'{"id": "x", "account": "1000009", "sum": "10.00"}',
        b'{"id": "17", "account": "1000009", "sum": "10.00", "paid_at": "soon"}',
        b'{"id": "17", "account": "1000009", "sum": "0.001"}',
        b'{"id": "17", "account": "1000009", "sum": "' + b"9" * 200 + b'"}',
    ],
)
async def test_a_body_that_is_no_payment_is_told_so(bank: Bank, body: bytes) -> None:
    answer = await bank.told(body)
    assert answer.status_code == 422
    assert set(answer.json()) <= {"code", "message", "id"}
    assert await bank.booked() == []


async def test_the_neutral_dialect_believes_signatures_and_passwords_only(bank: Bank) -> None:
    body = f'{{"id": "17", "account": "{NUMBER}", "sum": "10.00"}}'.encode()
    for headers in (
        {HEADER: ""},
        {HEADER: signature(body, "x" * 32)},
        {HEADER: signature(body + b" ")},
        {"Authorization": "Basic YmFuazp3cm9uZw=="},
        {"Authorization": "Basic ~"},
        {"Authorization": "Bearer x", HEADER: ""},
    ):
        assert (await bank.told(body, **headers)).status_code == 401
    assert (await bank.bill(NUMBER, **{HEADER: signature(b"/billers/local-bank/bills/2000008")})).status_code == 401
    assert await bank.booked() == []


@pytest.mark.parametrize("more", ["&", "&&", "&flag", "&fio=%C8%E2%E0%ED", "&fio=a&fio=b", "&=", "&note=%zz"])
async def test_money_is_taken_whatever_stands_beside_it(bank: Bank, more: str) -> None:
    query = f"command=pay&txn_id=17&account={NUMBER}&sum=10.00{more}"
    assert (await bank.http.get(f"/billers/bank-app?{query}")).json()["result"] == 0
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    posted = await bank.http.post("/billers/terminals", content=query.encode(), headers=form)
    assert "<result>0</result>" in posted.text
    assert len(await bank.booked()) == 2


async def test_a_request_that_is_no_command_is_logged_with_its_rail(
    bank: Bank, caplog: pytest.LogCaptureFixture
) -> None:
    await bank.http.get(f"/billers/bank-app?command=pay&txn_id=17&account={NUMBER}&sum=10.00&sum=1.00")
    assert "bank-app: refused: a request is malformed" in caplog.text


async def test_a_user_without_a_password_opens_nothing(ledger: SqlLedger, serve: Serve) -> None:
    contract = replace(CONTRACTS[2], password="")
    async with local_http(base_url=await serve(routes(ledger, Clock(), contract))) as http:
        body = b'{"id": "17", "account": "1000009", "sum": "10.00"}'
        headers = {"Authorization": "Basic YmFuazo=", "Content-Type": "application/json"}
        answer = await http.post("/billers/local-bank/payments", content=body, headers=headers)
    assert answer.status_code == 401


async def test_each_rail_answers_in_its_own_dialect_only(bank: Bank) -> None:
    query = {"command": "check", "txn_id": "1", "account": NUMBER}
    for path in ("local-bank", "terminals.xml", "bank-app.json", "nothing", "nothing.xml", "bank-app.xml.xml"):
        assert (await bank.http.get(f"/billers/{path}", params=query)).status_code == 404
    assert (await bank.http.get(f"/billers/bank-app/bills/{NUMBER}")).status_code == 404
    assert (await bank.http.put("/billers/bank-app")).status_code == 405


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


async def test_limits_are_told_by_check_and_money_that_was_taken_is_booked(bank: Bank) -> None:
    for total, code in (("0.99", 241), ("1", 0), ("1000000", 0), ("1000000.01", 242), ("x", 300)):
        answer = await bank.osmp("check", txn_id="1", account=NUMBER, sum=total)
        assert f"<result>{code}</result>" in answer.text
    assert (await bank.kaspi("check", txn_id="1", account=NUMBER, sum="0.99")).json()["result"] == 0
    assert "<result>0</result>" in (await bank.osmp("pay", txn_id="1", account=NUMBER, sum="0.99")).text
    assert await bank.booked() == [("terminals", "1", 99)]


@pytest.mark.parametrize("date", ["29991201000000", "19710701000000"])
async def test_money_with_a_date_that_cannot_be_is_booked_by_our_clock_and_told_once_a_day(
    bank: Bank, date: str
) -> None:
    paid = [await bank.osmp("pay", txn_id=str(each), account=NUMBER, sum="1.00", txn_date=date) for each in (1, 2)]
    assert all("<result>0</result>" in answer.text for answer in paid)
    again = await bank.osmp("pay", txn_id="1", account=NUMBER, sum="1.00", txn_date=date)
    assert again.content == paid[0].content
    record = await bank.ledger.incoming_payment(PaymentName.of("terminals", "1"))
    assert record is not None
    assert record.payment.paid_at == bank.clock.now
    (told,) = [alert.text for alert in await bank.ledger.alerts() if "set its clock" in alert.text]
    assert f"payment 1 of terminals {date[:4]}-" in told


async def test_whoever_is_not_sure_asks_for_a_repeat(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: Any) -> None:
        raise LedgerUnavailable("the ledger could not answer: it is down")

    monkeypatch.setattr(SqlLedger, "pay_account", fails)
    monkeypatch.setattr(SqlLedger, "account_due", fails)
    assert (await bank.pay("bank-app", "1")).status_code == 503
    assert "<result>1</result>" in (await bank.pay("terminals", "1")).text
    neutral = await bank.pay("local-bank", "1")
    assert (neutral.status_code, neutral.headers["Retry-After"], neutral.json()["code"]) == (503, "5", "again")
    assert (await bank.kaspi("check", txn_id="1", account=NUMBER)).status_code == 503


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_a_customer_whose_books_are_locked_holds_up_nobody_else(
    bank: Bank, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.2)
    monkeypatch.setattr(services_biller, "DEADLINE_SECONDS", 2.0)
    async with _locked(url, "acme"):
        answers = await asyncio.gather(*(bank.pay("bank-app", "1") for _ in range(2)))
        assert [answer.status_code for answer in answers] == [503, 503]
        assert (await bank.kaspi("check", txn_id="2", account=NUMBER)).json()["result"] == 0
    assert (await bank.pay("bank-app", "1")).json()["result"] == 0
    assert await bank.booked() == [("bank-app", "1", 1000)]


@asynccontextmanager
async def _locked(url: str, customer_id: str) -> AsyncIterator[None]:
    """Another process has the customer's row, and does nothing."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute("SELECT 1 FROM customers WHERE customer_id = %s FOR UPDATE", [customer_id])
        yield
        await connection.rollback()


async def test_an_answer_that_comes_too_late_is_on_record_for_the_repeat(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services_biller, "DEADLINE_SECONDS", 0.0)
    assert (await bank.pay("bank-app", "1")).status_code == 503
    monkeypatch.undo()
    assert (await bank.pay("bank-app", "1")).json()["result"] == 0
    assert await bank.booked() == [("bank-app", "1", 1000)]
