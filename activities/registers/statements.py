"""A bank account's statements held against its clearing account: the chain of files, and the sums."""

from collections.abc import Iterator
from typing import Protocol

from activities.registers.processors import RegisterResult
from billing.accounting.discrepancy import Discrepancy, DiscrepancyKind, RailTotal
from billing.money import format_amount
from billing.period import Period
from billing.statements.chain import Gap, gaps
from billing.statements.outcomes import FileHead
from billing.statements.ports import RailSums, StatementRegister
from services import clock


class _Ledger(StatementRegister, Protocol):
    """The stores it uses."""


class StatementsRegister:
    """The statements of one account beside the journal. Every method may be called again after any failure."""

    def __init__(self, rail: str, currency: str, ledger: _Ledger) -> None:
        self.rail = rail
        self._currency = currency
        self._ledger = ledger

    async def compare(self, period: Period) -> RegisterResult:
        """Compares the lines of a month with what they were booked as, and in the current month all that the clearing
        account has with all lines; a gap between two files is a finding of the second's month. Repairs nothing.

        Raises ``LedgerUnavailable``.
        """
        since, until = period.first_day, period.next().first_day
        lines_minor, booked_minor = await self._ledger.statement_sums(self.rail, self._currency, since, until)
        findings = [self._differs(period, lines_minor, booked_minor)] if lines_minor != booked_minor else []
        if period == Period.at(clock.now(), "UTC"):
            findings += self._whole(period, await self._ledger.statement_balance(self.rail, self._currency))
        files = await self._ledger.statement_files(self.rail, _FILES_MAX)
        findings += [self._gap(period, gap) for gap in gaps(files) if since <= gap.before < until]
        findings += [
            self._open(period, file) for file in files if not file.done_at and Period.at(file.at, "UTC") == period
        ]
        names = {"rail": self.rail, "currency": self._currency}
        total = RailTotal(**names, register_minor=lines_minor, clearing_minor=booked_minor)
        return RegisterResult(findings, (total,) if lines_minor or booked_minor else ())

    def _differs(self, period: Period, lines_minor: int, booked_minor: int) -> Discrepancy:
        text = (
            f"the statements of {self.rail} have {self._amount(lines_minor)} of {period}, and its payments "
            f"{self._amount(booked_minor)}; find out who changed the ledger, and restore it"
        )
        return _finding(DiscrepancyKind.AMOUNT, period, text)

    def _whole(self, period: Period, sums: RailSums) -> Iterator[Discrepancy]:
        expected = sums.lines_minor + sums.by_hand_minor
        if expected != sums.clearing_minor:
            text = (
                f"the clearing account of {self.rail} has {self._amount(sums.clearing_minor)}, and its statements, "
                f"with what people have recorded, {self._amount(expected)}; find out who changed the ledger"
            )
            yield _finding(DiscrepancyKind.AMOUNT, period, text)

    def _gap(self, period: Period, gap: Gap) -> Discrepancy:
        text = (
            f"between {gap.after} and {gap.before} statements of {self.rail} are missing: one ends with "
            f"{self._amount(gap.closing_minor)}, the next begins with {self._amount(gap.opening_minor)}; import the "
            "days between: python starter.py payments import FILE"
        )
        return _finding(DiscrepancyKind.MISSING, period, text)

    def _open(self, period: Period, file: FileHead) -> Discrepancy:
        text = (
            f"the import of {file.name} ({self.rail}) was interrupted; import the same file again, which goes on: "
            "python starter.py payments import FILE"
        )
        return _finding(DiscrepancyKind.FAILED, period, text)

    def _amount(self, minor: int) -> str:
        return format_amount(minor, self._currency)


_FILES_MAX = 10_000


def _finding(kind: DiscrepancyKind, period: Period, text: str) -> Discrepancy:
    return Discrepancy(kind=kind, customer_id="", period=period, text=text)
