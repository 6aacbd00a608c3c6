"""The end of a run for the bank: it gets its last answers, and sends its registers and statements.

In each register a payment is missing that we have, and one is there that we never heard of. The statements come when
all is over: they repeat what the app has told, some of it net of commission in one sum.
"""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from billing.registers.register import LineState
from bootstrap import Adapters
from bootstrap_registers import connect_register_desk
from sandbox.bank.contracts import CONTRACTS, Contract
from sandbox.bank.store import AppPayment, PaymentState
from sandbox.chaos.bank.statements_end import StatementsEnd
from sandbox.stand_ins.control import control, download
from sandbox.timeline import until
from settings import Settings

_SECONDS = 120.0
_MAPPING = ["original=original"]


class BankEnd:
    """``wrong`` is what does not come to an end, or was not told."""

    def __init__(self, settings: Settings, adapters: Adapters) -> None:
        self.wrong: list[str] = []
        self.done: Counter[str] = Counter()
        self._port = settings.sandbox_bank_port
        self._registers = connect_register_desk(settings, adapters.ledger)
        self._statements = StatementsEnd(settings, adapters)

    async def come(self) -> None:
        """Nothing breaks any more."""
        try:
            await until(self._is_answered, _SECONDS)
        except TimeoutError:
            self.wrong.append("the bank still waits for final answers")
        for contract in CONTRACTS:
            await self._register_comes(contract)
        await self._statements.come()
        self.wrong += self._statements.wrong
        self.done.update(self._statements.done)

    async def _register_comes(self, contract: Contract) -> None:
        """Of each day; people look at it at last, and confirm what can be booked."""
        paid = await self._paid(contract)
        if not paid:
            return
        rail, last = contract.rail, paid[-1]
        untold = {"rail": rail, "account": last.account, "sum": "1.23", "is_told": False}
        await control(self._port, "payments", untold)
        await control(self._port, f"registers/{rail}", {"leave_out": [last.txn_id]})
        found = Counter[LineState]()
        for day in sorted({contract.local(payment.taken_at).date() for payment in await self._paid(contract)}):
            content = await download(self._port, f"registers/{rail}?day={day}")
            taken = await self._registers.take(rail, day, f"{rail}-{day}.csv", content, "cleo", _now(), _MAPPING)
            found.update({tally.state: tally.count for tally in taken.day.tallies})
            async for row in self._registers.to_book(rail, day):
                await self._registers.confirm(rail, row.reference, "cleo", "by the register", _now())
        self.done.update({f"{state} by {rail}'s register": count for state, count in found.items()})
        if (found[LineState.MISSING], found[LineState.EXTRA]) != (1, 1):
            self.wrong.append(f"the register of {rail} has {dict(found)}, and should have one missing and one extra")

    async def _paid(self, contract: Contract) -> list[AppPayment]:
        """What the bank has taken, oldest first."""
        found = [AppPayment.model_validate(payment) for payment in (await self._book())["payments"]]
        return [each for each in found if each.rail == contract.rail and each.state is PaymentState.TAKEN]

    async def _is_answered(self) -> bool:
        return not (await self._book())["busy"]

    async def _book(self) -> dict[str, Any]:
        book: dict[str, Any] = await control(self._port, "payments", method="GET")
        return book


def _now() -> datetime:
    return datetime.now(UTC)
