"""The bank's calls: ``check`` before a payer pays, ``pay`` until the company's answer is final; faults on demand.

Ten connections at once for each contract. What is not answered finally survives a restart.
"""

import asyncio
import re
from collections import defaultdict
from contextlib import suppress
from typing import Literal
from urllib.parse import urlsplit

import httpx
from pydantic import Field

from sandbox.bank.contracts import CONNECTIONS, Contract
from sandbox.bank.dialects import Answer, NotTheProtocol, Verdict, check_request, pay_request, read_answer
from sandbox.bank.store import AppPayment, PaymentState, Store
from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.faults import Fault, FaultRules

AGAIN_SECONDS = 2.0
_STATES = {Verdict.OK: PaymentState.TAKEN, Verdict.REFUSED: PaymentState.REFUSED}


class CallFault(Fault):
    """A failure of the bank, decided for each payment by the first rule that fires.

    twice: over two connections at once. break_line: once it is sent, the line breaks, and nobody reads the answer.
    without_check: nobody has asked what is owed. again: repeated, although its answer was final. other_sum: so, too,
    and with another sum.
    """

    kind: Literal["twice", "break_line", "without_check", "again", "other_sum"]
    rail: re.Pattern[str] = Field(default=re.compile(""))


class Caller:
    """``interval_seconds`` pass between two tries of one payment."""

    def __init__(self, store: Store) -> None:
        self.faults = FaultRules[CallFault]()
        self.interval_seconds = AGAIN_SECONDS
        self._store = store
        self._slots: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(CONNECTIONS))
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def check(self, contract: Contract, account: str, txn_id: str = "") -> Answer | None:
        """What the account owes; None: the line broke, or the answer was none."""
        txn_id = txn_id or self._store.new_number(contract)
        try:
            return read_answer(contract, txn_id, await self._send(contract, check_request(contract, txn_id, account)))
        except (httpx.HTTPError, NotTheProtocol):
            return None

    async def buy(self, contract: Contract, account: str, amount: str, seconds: float = 0) -> AppPayment | None:
        """A payer pays; None: it did not come to that, by the answer to ``check``.

        Waits for a final answer, at most ``seconds``; the bank asks on in any case.
        """
        fault = self.faults.firing(lambda rule: bool(rule.rail.search(contract.rail)))
        kind, txn_id = fault.kind if fault else "", self._store.new_number(contract)
        if kind != "without_check":
            owed = await self.check(contract, account, txn_id)
            if owed is not None and owed.verdict is Verdict.REFUSED:
                return None
        payment = self._store.new_payment(contract, account, amount, txn_id)
        task = self._begin(payment, kind)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(task), seconds or contract.limit_seconds)
        return self._store.payments[payment.key]

    def resume(self) -> None:
        """Goes on with what a restart has interrupted."""
        for payment in list(self._store.payments.values()):
            if payment.state is PaymentState.SENDING and payment.key not in self._tasks:
                self._begin(payment, "")

    @property
    def is_busy(self) -> bool:
        return bool(self._tasks)

    def _begin(self, payment: AppPayment, kind: str) -> asyncio.Task[None]:
        task = self._tasks[payment.key] = asyncio.create_task(self._pay(payment, kind))
        task.add_done_callback(lambda _: self._tasks.pop(payment.key, None))
        return task

    async def _pay(self, payment: AppPayment, kind: str) -> None:
        """Until the answer is final; once more after that, if the bank has lost its head."""
        contract = self._store.contracts[payment.rail]
        if kind == "break_line":
            await self._break(contract, _paying(contract, payment))
        if kind == "twice":
            await asyncio.gather(self._try(contract, payment), self._try(contract, payment))
        while self._store.payments[payment.key].state is PaymentState.SENDING:
            if not await self._try(contract, payment):
                await asyncio.sleep(self.interval_seconds)
        if kind in ("again", "other_sum"):
            other = payment.model_copy(update={"sum": f"1{payment.sum}"} if kind == "other_sum" else {})
            while not await self._try(contract, other):
                await asyncio.sleep(self.interval_seconds)

    async def _try(self, contract: Contract, payment: AppPayment) -> bool:
        """Whether an answer came that is final. The first final one counts; all of them are kept."""
        answer: Answer | None = None
        with suppress(httpx.HTTPError, NotTheProtocol):
            answer = read_answer(contract, payment.txn_id, await self._send(contract, _paying(contract, payment)))
        known = self._store.payments[payment.key]
        changes: dict[str, object] = {"attempts": known.attempts + 1}
        if answer is not None and answer.verdict in _STATES:
            changes["answers"] = [*known.answers, answer.text]
            if known.state is PaymentState.SENDING:
                changes |= {"state": _STATES[answer.verdict], "code": answer.code, "number": answer.number}
        self._store.put_payment(known.model_copy(update=changes))
        return answer is not None and answer.verdict in _STATES

    async def _send(self, contract: Contract, request: httpx.Request) -> httpx.Response:
        async with self._slots[contract.rail], local_http(timeout=contract.limit_seconds) as http:
            return await http.send(request)

    async def _break(self, contract: Contract, request: httpx.Request) -> None:
        """Sends the whole request, and closes the line at once."""
        host = urlsplit(str(request.url))
        head = [f"{request.method} {request.url.raw_path.decode()} HTTP/1.1", f"Host: {host.netloc}"]
        head += [f"{name}: {value}" for name, value in request.headers.items() if name.lower() != "host"]
        with suppress(OSError):
            async with self._slots[contract.rail]:
                _, writer = await asyncio.open_connection(host.hostname, host.port)
                writer.write("\r\n".join([*head, "", ""]).encode() + request.content)
                await writer.drain()
                writer.close()
                await writer.wait_closed()


def _paying(contract: Contract, payment: AppPayment) -> httpx.Request:
    paid_at = f"{contract.local(payment.taken_at):%Y%m%d%H%M%S}"
    return pay_request(contract, payment.txn_id, payment.account, payment.sum, paid_at)
