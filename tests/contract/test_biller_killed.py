"""Wherever a process dies between a bank's payment and our answer, the bank asks again, and the money is booked once.

The bank is the stand-in: it repeats over a real socket until a process answers that is alive.
"""

import asyncio
import multiprocessing
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from billing.billers.biller import Answer, BillerPayment
from billing.customers.account_numbers import AccountKey
from billing.receivables.payment_list import PaymentFilter
from sandbox.bank.api import bank_app
from sandbox.stack.ports import free_port
from sandbox.stack.stand_ins import serve
from sandbox.stand_ins.control import control
from tests import biller_process
from tests.biller_process import ANSWER, COMMIT, Place
from tests.contract.biller_fixtures import NUMBER, SECRET, numbered
from tests.contract.ledger_fixtures import AT
from tests.contract.test_order_statements import before

pytestmark = pytest.mark.limit(900)
RAILS = ("bank-app", "terminals", "local-bank")
_POLL_SECONDS = 0.02
_spawning = multiprocessing.get_context("forkserver")
_spawning.set_forkserver_preload(["tests.biller_process", "tests.built_models"])


async def statements(ledger: SqlLedger) -> int:
    """How many a payment has."""
    payment = BillerPayment("cash", "1", AccountKey(number=NUMBER), 100, "eur", AT, "asked")
    async with before(ledger, 0, lambda: None) as seen:
        await ledger.pay_account(payment, lambda outcome: Answer(outcome.code, b"ok", "text/plain"), AT)
    return len(seen)


async def pays(port: int, rail: str) -> Any:
    return await control(port, "payments", {"rail": rail, "account": NUMBER, "sum": "1.00", "seconds": 60})


@asynccontextmanager
async def killed_once(url: str, port: int, place: Place) -> AsyncIterator[list[int]]:
    """A process on that port that dies at the place, and another one after it; yields how each has ended."""
    ended: list[int] = []

    async def supervise() -> None:
        doomed = place
        while True:
            process = _spawning.Process(target=biller_process.answering, args=(url, port, doomed), daemon=True)
            process.start()
            try:
                while process.is_alive():
                    await asyncio.sleep(_POLL_SECONDS)
                ended.append(process.exitcode or 0)
                doomed = 0
            finally:
                process.kill()
                process.join()

    supervising = asyncio.create_task(supervise())
    try:
        yield ended
    finally:
        supervising.cancel()
        await asyncio.gather(supervising, return_exceptions=True)


async def test_a_process_that_dies_anywhere_within_a_payment_costs_nothing(
    ledger: SqlLedger, url: str, tmp_path: Path
) -> None:
    await numbered(ledger)
    places: list[Place] = [*range(1, await statements(ledger) + 1), COMMIT, ANSWER]
    killed = 0
    async with serve(bank_app(tmp_path / "bank.jsonl")) as bank:
        port = await agreed(bank)
        for number, place in enumerate(places):
            async with killed_once(url, port, place) as ended:
                payment = await pays(bank, RAILS[number % 3])
            killed += ended == [-signal.SIGKILL]
            assert (payment["state"], len(payment["answers"])) == ("taken", 1), f"{place}: {payment}"
        told = (await control(bank, "payments", method="GET"))["payments"]
    assert killed >= len(places) - 2, "a payment that pays another thing may have fewer statements"
    booked = [row for rail in RAILS for row in (await ledger.incoming_payments(PaymentFilter(rail=rail))).rows]
    assert sorted(row.reference for row in booked) == sorted(payment["txn_id"] for payment in told)
    assert {row.amount_minor for row in booked} == {100}
    assert len({payment["number"] for payment in told}) == len(told) == len(places)


async def agreed(bank: int) -> int:
    """The port at which the bank calls us from now on, soon again if nobody answers."""
    await control(bank, "calls", {"interval_seconds": 0.05})
    port = free_port()
    for rail in RAILS:
        address = f"http://127.0.0.1:{port}/billers/{rail}"
        await control(bank, "contracts", {"rail": rail, "url": address, "secret": SECRET})
    return port
