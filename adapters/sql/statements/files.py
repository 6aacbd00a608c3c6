"""Statement files in the ledger: begun, gone on with, done; and their lines."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, delete, func, select, update

from adapters.sql.core.database import SqlDatabase, in_thread
from adapters.sql.core.statements import insert_new
from adapters.sql.schema.journal import incoming_payments, journal_entries
from adapters.sql.schema.statements import known_payers, statement_files, statement_lines
from adapters.sql.statements.bookings import settle
from adapters.sql.statements.lines import take_in
from billing.receivables.journal import AccountKind, PaymentName
from billing.statements.bank_account import BankTerms
from billing.statements.keys import FilePart
from billing.statements.outcomes import FileHead, LineOutcome, LineRow, PayerRow
from billing.statements.payouts import TypedPayout
from billing.statements.ports import RailSums

_F, _L, _I, _E = statement_files.c, statement_lines.c, incoming_payments.c, journal_entries.c
_P = known_payers.c


class _Rehearsed(Exception):
    """Undoes the transaction of a rehearsal."""

    def __init__(self, rows: list[LineRow]) -> None:
        super().__init__("rehearsed")
        self.rows = rows


class SqlStatements(SqlDatabase):
    """The part of ``SqlLedger`` about bank statements."""

    @in_thread
    def begin_statement(self, head: FileHead) -> FileHead:
        with self._writing(f"begin the import of {head.name}") as connection:
            insert_new(connection, statement_files, [head.model_dump()])
            row = connection.execute(select(statement_files).where(*_is(head))).mappings().one()
            return FileHead.model_validate(dict(row))

    @in_thread
    def take_lines(
        self, terms: BankTerms, head: FileHead, part: FilePart, at: datetime, is_rehearsal: bool = False
    ) -> list[LineRow]:
        try:
            with self._writing(f"take lines of {head.name} in") as connection:
                rows = take_in(connection, terms, head, part, at)
                if is_rehearsal:
                    raise _Rehearsed(rows)
                return rows
        except _Rehearsed as rehearsed:
            return rehearsed.rows

    @in_thread
    def finish_statement(self, head: FileHead, at: datetime) -> FileHead:
        with self._writing(f"finish the import of {head.name}") as connection:
            connection.execute(update(statement_files).where(*_is(head), _F.done_at.is_(None)).values(done_at=at))
            return FileHead.model_validate(
                dict(connection.execute(select(statement_files).where(*_is(head))).mappings().one())
            )

    @in_thread
    def statement_files(self, rail: str = "", limit: int = 1000) -> list[FileHead]:
        query = select(statement_files).order_by(_F.at.desc(), _F.rail.desc(), _F.digest.desc()).limit(limit)
        with self._reading("list its statement files") as connection:
            rows = connection.execute(query.where(_F.rail == rail) if rail else query).mappings()
            return [FileHead.model_validate(dict(row)) for row in rows]

    @in_thread
    def statement_lines(self, rail: str, digest: str, limit: int = 1000, offset: int = 0) -> list[LineRow]:
        is_its = _L.rail == rail, _L.file == digest
        query = select(statement_lines).where(*is_its).order_by(_L.position).limit(limit).offset(offset)
        with self._reading("list the lines of a statement") as connection:
            return [_row(dict(row)) for row in connection.execute(query).mappings()]

    @in_thread
    def known_payers(self, rail: str = "", limit: int = 1000) -> list[PayerRow]:
        query = select(known_payers).order_by(_P.rail, _P.account).limit(limit)
        with self._reading("list who has paid") as connection:
            rows = connection.execute(query.where(_P.rail == rail) if rail else query).mappings()
            return [PayerRow.model_validate(dict(row)) for row in rows]

    @in_thread
    def forget_payer(self, rail: str, account: str) -> bool:
        """Whether it was known; a line from it is nobody's again, until a person says whose."""
        with self._writing("forget who has paid by an account") as connection:
            return connection.execute(delete(known_payers).where(_P.rail == rail, _P.account == account)).rowcount > 0

    @in_thread
    def settle_unmatched(self, terms: BankTerms, typed: TypedPayout, at: datetime) -> int:
        with self._writing(f"settle money of {typed.of_rail}") as connection:
            return settle(connection, terms, typed, at)

    @in_thread
    def statement_sums(self, rail: str, currency: str, since: date, until: date) -> tuple[int, int]:
        """What the lines of these days, the last excluded, were booked as, by the lines and by the payments."""
        booked = [outcome for outcome in LineOutcome if outcome.is_booked and outcome is not LineOutcome.SETTLED]
        days = _L.booked_on >= since, _L.booked_on < until
        is_its = _L.rail == rail, _L.currency == currency, _L.outcome.in_(booked), *days
        is_payment = _I.rail == _L.payment_rail, _I.digest == _L.payment
        lines = select(func.sum(_L.amount_minor), func.sum(_I.amount_minor))
        lines = lines.select_from(statement_lines.outerjoin(incoming_payments, and_(*is_payment))).where(*is_its)
        with self._reading(f"add the statements of {rail} up") as connection:
            by_lines, by_payments = connection.execute(lines).one()
        return int(by_lines or 0), int(by_payments or 0)

    @in_thread
    def statement_balance(self, rail: str, currency: str) -> RailSums:
        booked = [outcome for outcome in LineOutcome if outcome.is_booked]
        lines = select(func.sum(_L.amount_minor)).where(_L.rail == rail, _L.currency == currency)
        lines = lines.where(_L.outcome.in_(booked))
        by_hand = select(func.sum(_I.amount_minor)).where(_I.rail == rail, _I.by.is_not(None), _I.currency == currency)
        of_rail = _E.rail == rail, _E.kind == AccountKind.CLEARING, _E.currency == currency
        with self._looking(f"compare {rail} with its statements") as connection:
            sums = (
                connection.scalar(query)
                for query in (lines, by_hand, select(func.sum(_E.amount_minor)).where(*of_rail))
            )
            return RailSums(*(int(found or 0) for found in sums))


def _is(head: FileHead) -> tuple[Any, ...]:
    return _F.rail == head.rail, _F.digest == head.digest


def _row(row: dict[str, Any]) -> LineRow:
    name = PaymentName(row["payment_rail"], row["payment"]) if row["payment"] else None
    return LineRow.model_validate({**row, "payment": name})
