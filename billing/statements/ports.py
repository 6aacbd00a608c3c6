"""What importing statements asks of the ledger and of the reader. Every method may be repeated after any failure."""

from datetime import date, datetime
from typing import NamedTuple, Protocol

from billing.statements.bank_account import BankTerms
from billing.statements.keys import FilePart
from billing.statements.mapping import CsvMapping
from billing.statements.outcomes import FileHead, LineRow
from billing.statements.payouts import TypedPayout
from billing.statements.statement import Statement


class StatementReader(Protocol):
    def read(self, content: bytes, currency: str, mapping: CsvMapping | None) -> Statement:
        """The statement in a file; ``currency`` is the account's. Raises ``InvalidInput``."""


class RailSums(NamedTuple):
    """Of a bank's rail in one currency: by booked lines, by what people have recorded, by the clearing account."""

    lines_minor: int
    by_hand_minor: int
    clearing_minor: int


class StatementBooks(Protocol):
    async def begin_statement(self, head: FileHead) -> FileHead:
        """Keeps that the file is being imported; returns it as it is kept, perhaps from before."""

    async def take_lines(
        self, terms: BankTerms, head: FileHead, part: FilePart, at: datetime, is_rehearsal: bool = False
    ) -> list[LineRow]:
        """Takes in, in one transaction, the lines that are new, and returns them; a rehearsal undoes it."""

    async def finish_statement(self, head: FileHead, at: datetime) -> FileHead:
        """Keeps that all of its lines are in."""

    async def statement_files(self, rail: str = "", limit: int = 1000) -> list[FileHead]:
        """The newest first."""

    async def statement_lines(self, rail: str, digest: str, limit: int = 1000, offset: int = 0) -> list[LineRow]:
        """The lines that this file was the first to have, in their order."""

    async def settle_unmatched(self, terms: BankTerms, typed: TypedPayout, at: datetime) -> int:
        """Moves unmatched money as a person says, and returns the amount.

        Raises ``NotFound`` or ``InvalidInput``: none of it is unmatched, the rail has taken less, or it takes two.
        """

    async def csv_mapping(self, rail: str) -> CsvMapping | None: ...

    async def keep_mapping(self, rail: str, mapping: CsvMapping, by: str, at: datetime) -> None: ...


class StatementRegister(Protocol):
    async def statement_files(self, rail: str = "", limit: int = 1000) -> list[FileHead]:
        """The newest first."""

    async def statement_sums(self, rail: str, currency: str, since: date, until: date) -> tuple[int, int]:
        """What the lines of these days (the last excluded) were booked as: by the lines, and by their payments."""

    async def statement_balance(self, rail: str, currency: str) -> RailSums: ...
