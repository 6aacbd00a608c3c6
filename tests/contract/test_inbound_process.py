"""``python -m inbound``, the real process: without Temporal, without workers, and with nothing personal in its log."""

import asyncio
import sys
from pathlib import Path

from adapters.sql.ledger import SqlLedger
from billing.customers.account_numbers import personal_digest
from inbound import READY
from sandbox.stack.ports import free_port
from sandbox.stack.processes import Child, logged
from sandbox.stand_ins.control import local_http
from tests.contract.biller_fixtures import NUMBER, PERSONAL, Bank, numbered
from tests.contract.gateway_fixtures import Clock
from tests.contract.ledger_fixtures import AT


async def test_banks_are_answered_without_temporal_and_no_account_is_in_any_log(
    ledger: SqlLedger, url: str, tmp_path: Path
) -> None:
    await numbered(ledger)
    await ledger.keep_personal("acme", personal_digest(PERSONAL, "sandbox"), PERSONAL[-4:], "ann", AT)
    port = free_port()
    environment = {
        "PYTHONPATH": str(Path.cwd()),
        "TEMPORAL_ADDRESS": "127.0.0.1:1",
        "BILLING_LEDGER_URL": url,
        "BILLING_DATA_DIR": str(tmp_path),
        "BILLING_INBOUND_PORT": str(port),
        "BILLING_LOG_LEVEL": "DEBUG",
    }
    log = tmp_path / "inbound.log"
    command = [sys.executable, "-m", "inbound"]
    async with (
        Child("inbound", command, log=log, ready=logged(READY), env=environment, cwd=tmp_path),
        local_http(base_url=f"http://127.0.0.1:{port}") as http,
    ):
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
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /billers/bank-app?account={PERSONAL} HTTP/9.9\r\n\r\n".encode())
        await reader.read()
        writer.close()
    written = log.read_text()
    assert "terminals: payment 1 is booked as 1" in written
    assert "terminals: payment 2 is not booked: not_found" in written
    for digits in (PERSONAL, "900101310506", NUMBER):
        assert digits not in written
