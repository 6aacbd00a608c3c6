"""The bank's statements at the end of a run: what it passes on of its app's payments, and what others send meanwhile.

They are a day late: what the app has told stands there on the day after. A day comes twice, in another format each
time, and longer.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta

from billing.receivables.instructions import InstructionKind, InstructionRequest
from billing.receivables.journal import PaymentName
from billing.statements.outcomes import ImportReport
from bootstrap import Adapters, connect_payment_desk
from bootstrap_statements import connect_statements
from sandbox.bank.contracts import CONTRACTS, Contract, Dialect
from sandbox.bank.store import AccountLine
from sandbox.judge.rails.bank_book import STATEMENTS
from sandbox.stand_ins.control import control, download
from sandbox.stand_ins.subscribers import SUBSCRIBERS, Owned, owners
from services.statements import Upload
from settings import Settings

_FORMATS = ("mt940", "camt053", "1c", "camt054")
_SENDERS = 4
_LATE = timedelta(days=1)


class StatementsEnd:
    """``done`` counts lines by what became of them; ``wrong`` is what came twice."""

    def __init__(self, settings: Settings, adapters: Adapters) -> None:
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._port = settings.sandbox_bank_port
        self._folder = settings.data_dir
        self._statements = connect_statements(settings, adapters.ledger)
        self._desk = connect_payment_desk(settings, adapters)

    async def come(self) -> None:
        """The app's payments first, in one format; then, with what others have sent, in the others."""
        await control(self._port, "days", {"late": _LATE.days})
        lines = [line for contract in CONTRACTS for line in await self._handed_over(contract)]
        await self._import(_FORMATS[0], lines)
        senders = owners(self._folder / SUBSCRIBERS).items()
        sent = [
            await self._send(*sender) for sender in [each for each in senders if not each[1].is_personal][:_SENDERS]
        ]
        for kind in _FORMATS:
            await self._import(kind, [*lines, *sent])
        for line in sent:
            if not line.is_named:
                await self._claim(line)
        if again := [
            report for kind in _FORMATS for report in await self._import(kind, [*lines, *sent]) if report.rows
        ]:
            self.wrong.append(f"{len(again)} statements were taken in twice")

    async def _handed_over(self, contract: Contract) -> list[AccountLine]:
        """One contract payment by payment, the others in one sum each."""
        wanted = {"rail": contract.rail, "one_by_one": contract.dialect is Dialect.OSMP}
        return [AccountLine.model_validate(line) for line in await control(self._port, "settlements", wanted)]

    async def _send(self, number: str, owner: Owned) -> AccountLine:
        """Two equal transfers of each may come; half of them say whose they are."""
        is_named = int(number[-2]) % 2 == 0
        text = f"Account {number}" if is_named else "Thank you"
        sent = {"amount": "7.50", "payer": "Somebody", "customer_id": owner.customer_id, "text": text}
        line = await control(self._port, "transfers", {**sent, "is_named": is_named})
        return AccountLine.model_validate(line)

    async def _import(self, kind: str, lines: list[AccountLine]) -> list[ImportReport]:
        """Of each day that has lines."""
        reports = []
        for day in sorted({line.day for line in lines}):
            content = await download(self._port, f"statements?kind={kind}&day={day}")
            report = await self._statements.take(Upload(f"{day}.{kind}", content), "cleo", _now())
            self.done.update({f"{total.outcome} by statement": total.lines for total in report.totals})
            reports.append(report)
        return reports

    async def _claim(self, line: AccountLine) -> None:
        """The sender has called."""
        await control(self._port, "claims", {"reference": line.reference})
        request = InstructionRequest(
            instruction_id=f"claim-{line.reference}",
            kind=InstructionKind.ASSIGN,
            payment=PaymentName.of(STATEMENTS, line.reference),
            customer_id=line.customer_id,
            by="cleo",
            reason="chaos",
            via="chaos",
        )
        await self._desk.instruct(request, _now())


def _now() -> datetime:
    """When the statement is there."""
    return datetime.now(UTC) + _LATE
