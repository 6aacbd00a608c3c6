"""``python -m inbound``, the real process: without Temporal, without workers, and with nothing personal in its log."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest
import stripe

from adapters.sql.ledger import SqlLedger
from billing.customers.account_numbers import personal_digest
from billing.subscribers.service import CallState, ServiceCause
from bootstrap import SANDBOX_ORDERS_SECRET
from bootstrap_adapters import SANDBOX_WEBHOOK_SECRET
from inbound import READY
from sandbox.stack.ports import free_port
from sandbox.stack.processes import Child, logged
from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.provisioning import switched
from sandbox.timeline import until
from tests.contract.biller_fixtures import NUMBER, PERSONAL, Bank, numbered
from tests.contract.event_fixtures import SECONDS
from tests.contract.gateway_fixtures import Clock
from tests.contract.ledger_fixtures import AT
from tests.contract.service_fixtures import DUE, SUSPENDED, WHY, subscribe
from tests.contract.test_orders_http import ORDER, Shop
from tests.contract.test_provisioning import network


@asynccontextmanager
async def inbound(url: str, folder: Path, **variables: str) -> AsyncIterator[httpx.AsyncClient]:
    async with inbound_child(url, folder, **variables) as (_, http):
        yield http


@asynccontextmanager
async def inbound_child(
    url: str, folder: Path, *options: str, **variables: str
) -> AsyncIterator[tuple[Child, httpx.AsyncClient]]:
    port = free_port()
    environment = {
        "PYTHONPATH": str(Path.cwd()),
        "TEMPORAL_ADDRESS": "127.0.0.1:1",
        "BILLING_LEDGER_URL": url,
        "BILLING_DATA_DIR": str(folder),
        "BILLING_INBOUND_PORT": str(port),
        "BILLING_LOG_LEVEL": "DEBUG",
        **variables,
    }
    command, log = [sys.executable, "-m", "inbound", *options], folder / "inbound.log"
    async with (
        Child("inbound", command, log=log, ready=logged(READY), env=environment, cwd=folder) as child,
        local_http(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        yield child, http


async def test_banks_are_answered_without_temporal_and_no_account_is_in_any_log(
    ledger: SqlLedger, url: str, tmp_path: Path
) -> None:
    await numbered(ledger)
    await ledger.keep_personal("acme", personal_digest(PERSONAL, "sandbox"), PERSONAL[-4:], "ann", AT)
    async with inbound(url, tmp_path) as http:
        bank = Bank(http, ledger, Clock())
        assert (await http.get("/readyz")).json() == {"ledger": "ok"}
        asked = [await bank.kaspi("check", txn_id="1", account=account) for account in (NUMBER, PERSONAL)]
        assert {answer.json()["sum"] for answer in asked} == {"10.00"}
        paid = await bank.osmp("pay", txn_id="1", account=PERSONAL, sum="4.00")
        assert "<result>0</result>" in paid.text
        await bank.osmp("pay", txn_id="1", account=PERSONAL, sum="5.00")
        await bank.osmp("pay", txn_id="2", account="900101310506", sum="5.00")  # nobody's
        await bank.kaspi("pay", txn_id="x", account=PERSONAL, sum="5.00")
        await bank.kaspi("pay", "nothing", account=PERSONAL)
        await http.get(f"/billers/local-bank/bills/{PERSONAL}")
        reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
        writer.write(f"GET /billers/bank-app?account={PERSONAL} HTTP/nine\r\n\r\n".encode())
        await reader.read()
        writer.close()
    written = (tmp_path / "inbound.log").read_text()
    assert "terminals: payment 1 is booked as 1" in written
    assert "terminals: payment 2 is not booked: not_found" in written
    for digits in (PERSONAL, "900101310506", NUMBER):
        assert digits not in written


async def test_all_that_machines_call_is_answered_and_kept_without_temporal(
    ledger: SqlLedger, url: str, tmp_path: Path
) -> None:
    async with inbound(url, tmp_path) as http:
        shop = Shop(http)
        placed = await shop.post(ORDER, SANDBOX_ORDERS_SECRET)
        assert placed.status_code == 201, placed.text
        stored = [await http.post("/webhooks/stripe", content=EVENT, headers=by_stripe(EVENT)) for _ in range(2)]
        assert [answer.text for answer in stored] == ["stored\n", "stored already\n"]
        assert (await http.post("/webhooks/stripe", content=EVENT)).status_code == 400
        assert (await http.post("/webhooks/wayforpay/wayforpay", content=b"{}")).status_code == 400
        assert (await http.get("/healthz")).status_code == 200
        assert (await http.get("/healthz/billing")).status_code == 503
        assert "billing_workflows_failing NaN" in (await http.get("/metrics")).text
    assert await ledger.order("1042") is not None
    assert await ledger.event_received_at("evt_1") is not None


async def test_several_processes_share_the_port_and_book_each_payment_once(
    ledger: SqlLedger, url: str, tmp_path: Path
) -> None:
    await numbered(ledger)
    async with inbound_child(url, tmp_path, "--processes", "2") as (child, http):
        await until(both_ready(child), SECONDS)
        bank = Bank(http, ledger, Clock())
        payments = [bank.osmp("pay", txn_id=str(n % 20), account=NUMBER, sum="1.00") for n in range(40)]
        assert all("<result>0</result>" in answer.text for answer in await asyncio.gather(*payments))
        assert await child.stop() == 0
    assert len(await bank.booked()) == 20
    assert await bank.owed() == (0, -10_00), "10.00 was owed, and 20.00 was paid"


@pytest.mark.parametrize("victim", ["first", "other"])
async def test_processes_that_share_a_port_end_together(
    ledger: SqlLedger, url: str, tmp_path: Path, victim: str
) -> None:
    """Whatever keeps the first one running starts them all again, and finds the port free."""
    async with inbound_child(url, tmp_path, "--processes", "2") as (child, _):
        await until(both_ready(child), SECONDS)
        first = psutil.Process(child.pid)
        others = [each for each in first.children() if each.name().startswith("python")]
        assert len(others) == 2
        (first if victim == "first" else others[0]).kill()
        _, alive = await asyncio.to_thread(psutil.wait_procs, others, SECONDS)
        assert not alive
        assert await child.exited() == (-signal.SIGKILL if victim == "first" else 1)


def both_ready(child: Child) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return child.output().count(READY) == 2

    return look


async def test_who_pays_by_a_banks_app_is_restored_by_the_process_that_books_it(
    ledger: SqlLedger, url: str, tmp_path: Path
) -> None:
    await numbered(ledger)
    await subscribe(ledger)
    await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
    async with network(tmp_path) as (_, network_port, journal):
        variables = {"BILLING_SANDBOX_PROVISIONING_PORT": str(network_port)}
        async with inbound(url, tmp_path, **variables) as http:
            bank = Bank(http, ledger, Clock())
            await bank.osmp("pay", txn_id="1", account=NUMBER, sum="10.00")

            async def is_restored() -> bool:
                return switched(journal) == {NUMBER: "active"}

            await until(is_restored, SECONDS)
    history = await ledger.service_changes(NUMBER)
    assert (history[-1].cause, history[-1].call) == (ServiceCause.PAID, CallState.DONE)


EVENT = json.dumps(
    {
        "id": "evt_1",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": 1_700_000_000,
        "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
    }
)


def by_stripe(body: str) -> dict[str, str]:
    return {"Stripe-Signature": stripe.WebhookSignature.generate_signature_header(body, SANDBOX_WEBHOOK_SECRET)}
