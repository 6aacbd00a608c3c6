"""A process that answers a bank, and kills itself at one place of a payment: before its nth statement, before its
commit, or between commit and answer. The bank hears nothing, and asks again.
"""

import asyncio
import multiprocessing
import os
import signal
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import event

from adapters.sql.ledger import SqlLedger
from adapters.sql.receivables.billers import SqlBillers
from billing.billers.biller import Answered
from sandbox.stack.stand_ins import serve
from tests.contract.biller_fixtures import CONTRACTS, routes
from tests.contract.gateway_fixtures import Clock

COMMIT, ANSWER = "commit", "answer"
Place = int | str
"""The number of a statement, or one of the two above; 0: nowhere."""


def answering(url: str, port: int, place: Place) -> None:
    asyncio.run(_answering(url, port, place))


async def _answering(url: str, port: int, place: Place) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    asyncio.get_running_loop().add_reader(parent.sentinel, os._exit, 1)  # must not outlive the test
    ledger = await SqlLedger.connect(url)
    await ledger.ping()
    _die_at(ledger, place)
    clock = Clock()
    clock.now = datetime.now(UTC)
    async with serve(routes(ledger, clock, *CONTRACTS), port):
        await asyncio.Event().wait()


def _die_at(ledger: SqlLedger, place: Place) -> None:
    paying, seen, pay = False, 0, SqlBillers.pay_account

    async def watched(self: SqlBillers, *arguments: Any) -> Answered:
        nonlocal paying
        paying = True
        answer = await pay(self, *arguments)
        if place == ANSWER:
            _die()
        return answer

    def before_statement(*_: Any) -> None:
        nonlocal seen
        seen += paying
        if paying and seen == place:
            _die()

    def before_commit(*_: Any) -> None:
        if paying and place == COMMIT:
            _die()

    SqlBillers.pay_account = watched  # type: ignore[assignment,method-assign]
    event.listen(ledger._engine, "before_cursor_execute", before_statement)
    event.listen(ledger._engine, "commit", before_commit)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
