"""Statements of bank accounts, imported: read, checked, matched page by page, and remembered.

::

    statements = Statements(reader, ledger, accounts, rails, alerts)
    report = await statements.take(Upload("november.txt", content), by="ann", now=now)
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from billing.errors import BillingError, InvalidInput
from billing.payments.rails import CARDS, Rail
from billing.statements.bank_account import BankAccount, BankTerms
from billing.statements.keys import FilePart, keyed, side_by_side
from billing.statements.mapping import CsvMapping
from billing.statements.outcomes import FileHead, ImportReport, LineOutcome, LineRow, OutcomeTotal
from billing.statements.payouts import TypedPayout
from billing.statements.ports import StatementBooks, StatementReader
from billing.statements.statement import FileFormat, Statement
from services.alerts import Alerts

PAGE_LINES = 25
"""In one transaction: whoever waits for the ledger meanwhile waits for a tenth of a second."""
_TELL_SECONDS = 3.0  # what is to be told is in the ledger's outbox, and the next digest has it in any case


class Upload(NamedTuple):
    """A file as it came. ``rail`` "": it is of the only account. ``mapping`` None: CSV is read as it was before."""

    name: str
    content: bytes
    rail: str = ""
    mapping: CsvMapping | None = None


class Statements:
    """``alerts`` None: the caller sees to it that what is in the ledger's outbox is told."""

    def __init__(
        self,
        reader: StatementReader,
        ledger: StatementBooks,
        accounts: Mapping[str, BankAccount],
        rails: Mapping[str, Rail],
        alerts: Alerts | None = None,
        personal_secret: str = "",
        four_eyes: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.accounts = accounts
        self._reader = reader
        self._ledger = ledger
        self._rails = frozenset({CARDS, *rails})
        self._alerts = alerts
        self._personal_secret = personal_secret
        self._four_eyes = four_eyes

    async def take(
        self,
        upload: Upload,
        by: str,
        now: datetime,
        is_rehearsal: bool = False,
        advance: Callable[[int, int], None] | None = None,
    ) -> ImportReport:
        """Imports a file; a repeat, also after a crash in the middle, goes on and changes nothing twice.

        ``advance`` is told how many of how many lines are done. Raises ``InvalidInput``: then nothing was taken in.
        """
        terms = self._terms(upload.rail)
        mapping = upload.mapping or await self._ledger.csv_mapping(terms.rail)
        statement = await asyncio.to_thread(self._read, terms, upload.content, mapping, now)
        head = _head(terms, upload, statement, mapping, by, now)
        if not is_rehearsal:
            if upload.mapping is not None:
                await self._ledger.keep_mapping(terms.rail, upload.mapping, by, now)
            head = await self._ledger.begin_statement(head)
        rows = await self._taken(terms, head, statement, now, is_rehearsal, advance or _nobody)
        if not is_rehearsal:
            head = await self._ledger.finish_statement(head, now)
            await self._tell()
        return _report(head, rows, is_rehearsal)

    def payouts_to(self, rail: str) -> tuple[str, ...]:
        """The rails that hand over to this one; (): it is no bank account of ours, or gets no payouts."""
        return tuple(self.accounts[rail].settlements) if rail in self.accounts else ()

    async def settle(self, typed: TypedPayout, now: datetime) -> int:
        """Books that unmatched money is what a rail hands over; returns it. A repeat raises ``InvalidInput``."""
        terms = self._terms(typed.payment.rail)
        if typed.of_rail not in terms.bank.settlements:
            rails = ", ".join(terms.bank.settlements) or "none"
            raise InvalidInput(f"{typed.of_rail!r} hands over nothing to {terms.rail}; those that do: {rails}")
        if typed.fee_minor < 0:
            raise InvalidInput("the fee cannot be below zero")
        return await self._ledger.settle_unmatched(terms, typed, now)

    def _terms(self, rail: str) -> BankTerms:
        if not self.accounts:
            raise InvalidInput("no bank account has statements: set BILLING_RAILS and BILLING_BANK_ACCOUNTS")
        if not rail and len(self.accounts) > 1:
            raise InvalidInput(f"whose statement is it? Name its rail: {', '.join(self.accounts)}")
        name = rail or next(iter(self.accounts))
        if name not in self.accounts:
            raise InvalidInput(f"{name!r} is no bank account with statements; name one of: {', '.join(self.accounts)}")
        return BankTerms(name, self.accounts[name], self._rails | {name}, self._personal_secret, self._four_eyes)

    def _read(self, terms: BankTerms, content: bytes, mapping: CsvMapping | None, now: datetime) -> Statement:
        statement = self._reader.read(content, terms.bank.currency, mapping)
        statement.check(terms.bank.account, terms.bank.currency, terms.today(now))
        return statement

    async def _taken(
        self,
        terms: BankTerms,
        head: FileHead,
        statement: Statement,
        now: datetime,
        is_rehearsal: bool,
        advance: Callable[[int, int], None],
    ) -> list[LineRow]:
        lines = await asyncio.to_thread(keyed, statement.lines)
        lines.sort(key=lambda each: each.line.booked_on)  # settlements hand over the oldest receipts first
        keys = frozenset(each.key for each in lines)
        rows: list[LineRow] = []
        lines = side_by_side(lines)
        for start in range(0, len(lines), PAGE_LINES):
            part = FilePart(lines[start : start + PAGE_LINES], keys)
            rows += await self._ledger.take_lines(terms, head, part, now, is_rehearsal)
            advance(start + len(part.lines), len(lines))
        return sorted(rows, key=lambda row: row.position)

    async def _tell(self) -> None:
        if self._alerts is not None:
            with suppress(BillingError, TimeoutError):
                async with asyncio.timeout(_TELL_SECONDS):
                    await self._alerts.resume()


def _reading(statement: Statement, mapping: CsvMapping | None) -> str:
    if statement.file_format is not FileFormat.CSV or mapping is None:
        return statement.file_format
    return f"{statement.file_format} {_digest(mapping.model_dump_json().encode())}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _nobody(_done: int, _all: int) -> None: ...


def _head(
    terms: BankTerms, upload: Upload, statement: Statement, mapping: CsvMapping | None, by: str, now: datetime
) -> FileHead:
    return FileHead(
        rail=terms.rail,
        digest=_digest(upload.content),
        name=" ".join(upload.name.split())[-200:] or "statement",
        file_format=statement.file_format,
        reading=_reading(statement, mapping),
        currency=terms.bank.currency,
        since=statement.since,
        until=min(statement.until, terms.today(now)) if statement.until else None,  # some write the end of the year
        opening_minor=statement.opening_minor,
        closing_minor=statement.closing_minor,
        lines=len(statement.lines),
        by=by,
        at=now,
    )


def _report(head: FileHead, rows: Sequence[LineRow], is_rehearsal: bool) -> ImportReport:
    counts = Counter(row.outcome for row in rows)
    sums: Counter[LineOutcome] = Counter()
    for row in rows:
        sums[row.outcome] += row.amount_minor
    totals = tuple(
        OutcomeTotal(outcome=outcome, lines=counts[outcome], amount_minor=sums[outcome])
        for outcome in LineOutcome
        if counts[outcome]
    )
    known = head.lines - len(rows)
    return ImportReport(file=head, totals=totals, known=known, rows=tuple(rows), is_rehearsed=is_rehearsal)
