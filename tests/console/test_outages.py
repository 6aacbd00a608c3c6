"""The ledger, Temporal or Stripe is down; and the console as a process of its own, which starts and ends."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from adapters.sql.ledger import SqlLedger
from billing.errors import InvalidInput
from bootstrap import connect_temporal
from console import READY
from console.app import create_app
from sandbox.stack.ports import free_port
from sandbox.stack.processes import Child, logged
from sandbox.stack.stack import ROOT
from sandbox.stack.temporal_server import TemporalServer
from tests.bed import OCTOBER, Bed
from tests.console.conftest import Desk, console

Make = Callable[..., dict[str, Any]]


@asynccontextmanager
async def cuttable(address: str) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """An address that leads to ``address`` until it is cut off."""
    host, _, port = address.partition(":")
    open_ends: list[asyncio.StreamWriter] = []

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
        writer.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        open_ends.extend((writer, far_writer))
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))

    listener = await asyncio.start_server(forward, "127.0.0.1", 0)

    def cut() -> None:
        listener.close()
        for end in open_ends:
            end.close()

    yield f"127.0.0.1:{listener.sockets[0].getsockname()[1]}", cut
    cut()


async def test_while_the_ledger_is_down_stripe_is_asked_to_come_back(bed: Bed, tmp_path: Path, event: Make) -> None:
    ledger = await SqlLedger.connect(f"sqlite:///{tmp_path}/no/such/folder/ledger.db")
    async with console(bed, ledger) as desk:
        answer = await desk.deliver(event("payment_intent.succeeded", {"id": "pi_1", "object": "payment_intent"}))
        assert answer.status_code == 503
        shown = await desk.browser.get(desk.page())
        assert shown.status_code == 503
        assert "no money is taken twice" in shown.text
        ready = await desk.browser.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["temporal"] == "ok"
        assert (await desk.browser.head("/readyz")).status_code == 503
        assert "ledger" in ready.json()["ledger"]
    await ledger.close()


async def test_while_temporal_is_down_the_page_says_what_is_on_record_and_takes_nothing(
    bed: Bed, server: TemporalServer
) -> None:
    async with cuttable(server.address) as (address, cut):
        client = await connect_temporal(bed.settings, address)
        async with console(bed, client=client) as desk:
            month = await desk.overdue()
            await bed.behaves(month.customer, "succeed")
            assert (await desk.browser.get("/readyz")).status_code == 200
            cut()
            assert "Pay €100.00 now" in (await desk.browser.get(desk.page())).text
            refused = await desk.browser.post(f"{desk.page()}/pay")
            assert refused.status_code == 503
            assert "no money is taken twice" in refused.text
            assert (await desk.browser.get("/readyz")).status_code == 503
            assert bed.charged() == []


async def test_while_stripe_is_down_nothing_is_lost_and_the_page_waits_for_the_outcome(desk: Desk) -> None:
    month = await desk.overdue()
    await desk.bed.behaves(month.customer, "succeed")
    await desk.bed.stripe_fault(path="/v1/", kind="status", status=503, times=None, method="*")
    refused = await desk.browser.post(f"{desk.page()}/card")
    assert refused.status_code == 503
    assert f'href="/pay/{desk.page().rpartition("/")[2]}"' in refused.text
    await desk.browser.post(f"{desk.page()}/pay")
    await desk.shows("Your payment is under way")
    await desk.bed.stripe_clear_faults()
    await desk.shows("Pay €100.00 now")
    await desk.browser.post(f"{desk.page()}/pay")
    await desk.shows("Paid, thank you")
    assert desk.bed.charged() == [(OCTOBER, 10000)]


async def test_the_process_starts_says_so_and_ends_on_sigterm(bed: Bed, server: TemporalServer, tmp_path: Path) -> None:
    port = free_port()
    environment = {
        "PYTHONPATH": str(ROOT),
        "TEMPORAL_ADDRESS": server.address,
        "BILLING_DATA_DIR": str(bed.folder),
        "BILLING_CONSOLE_PORT": str(port),
        "BILLING_SANDBOX_STRIPE_PORT": str(bed.ports.stripe),
    }
    command = [sys.executable, "-m", "console"]
    log = tmp_path / "console.log"
    async with Child("console", command, log=log, ready=logged(READY), env=environment, cwd=tmp_path) as child:
        os.kill(child.pid, signal.SIGTERM)
        assert await asyncio.wait_for(child.exited(), 60) == 0
    assert f"http://127.0.0.1:{port}" in log.read_text()


def test_without_an_address_for_customers_there_is_no_console(bed: Bed) -> None:
    real = bed.settings.model_copy(update={"stripe_api_key": SecretStr("sk_test_1")})
    with pytest.raises(InvalidInput, match="BILLING_CONSOLE_URL"):
        create_app(real, bed.adapters, bed.client)


async def test_health(desk: Desk) -> None:
    assert (await desk.browser.get("/healthz")).status_code == 200
    ready = await desk.browser.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ledger": "ok", "temporal": "ok"})
    for path in ("/healthz", "/readyz"):
        head = await desk.browser.head(path)
        assert (head.status_code, head.content) == (200, b""), "as many load balancers ask"
