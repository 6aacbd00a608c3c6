"""A bank account's statement as it was read from a file, in whatever format.

::

    statement = Statement(file_format=FileFormat.MT940, account="KZ…", currency="kzt", lines=(…), …)
    statement.check(account, today)   # raises InvalidInput: another account, balances that do not add up, …
"""

from collections.abc import Iterable
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise

from billing.errors import InvalidInput
from billing.model import Code, Count, Id, Line, Minor, MinorSum, Model, Rows, Words
from billing.money import format_amount

FILE_MAX_BYTES = 20_000_000
LINES_MAX = 100_000
_OLDEST = 1990
_AHEAD = timedelta(days=1)  # of UTC, somewhere on earth


class FileFormat(StrEnum):
    MT940 = "mt940"
    CAMT_053 = "camt.053"
    CAMT_054 = "camt.054"  # notifications: no balances, and each is a part of a day
    ONE_C = "1c"  # 1CClientBankExchange
    CSV = "csv"


class Entry(Model):
    """An entry of the bank's that has several lines; ``number`` no other of the file has."""

    number: Count
    amount_minor: Minor
    reference: Id | None = None


class StatementLine(Model):
    """One movement. ``amount_minor``: positive, money has arrived; negative, it went out.

    ``number`` is that of the payer's document, ``payer`` and ``payer_account`` are the other side's in either
    direction. ``text`` keeps the line breaks of the file: a word may run over them. ``is_reversal``: the bank undoes a
    movement. ``batch`` names the notification that has the line, where a file is not the whole day;
    ``entry`` is the sum of which it is a part.
    """

    booked_on: date
    amount_minor: Minor
    bank_reference: Id | None = None
    number: Id | None = None
    payer_account: Line | None = None
    payer: Line | None = None
    text: Words = ""
    is_reversal: bool = False
    batch: Id | None = None
    entry: Entry | None = None


class Statement(Model):
    """``account`` and balances None: the file does not say. Days are those of the bank, both included."""

    file_format: FileFormat
    account: Line | None
    currency: Code | None
    since: date | None
    until: date | None
    opening_minor: MinorSum | None
    closing_minor: MinorSum | None
    lines: Rows[StatementLine]

    @property
    def in_minor(self) -> int:
        return sum(line.amount_minor for line in self.lines if line.amount_minor > 0)

    @property
    def out_minor(self) -> int:
        return -sum(line.amount_minor for line in self.lines if line.amount_minor < 0)

    def check(self, account: str, currency: str, today: date) -> None:
        """Raises ``InvalidInput`` unless it is this account's, adds up, and has no day that is still to come."""
        if self.account is None and self.file_format is not FileFormat.CSV:
            raise InvalidInput("the file does not say of which account it is; export it again, with the account")
        if self.account is not None and not is_same_account(self.account, account):
            raise InvalidInput(
                f"the file is the statement of account {_shown(self.account)}, not of {_shown(account)}; "
                "choose the right file, or name its rail with --rail"
            )
        if self.currency is not None and self.currency != currency:
            raise InvalidInput(f"the file is in {self.currency.upper()}, and the account in {currency.upper()}")
        days = [line.booked_on for line in self.lines]
        if days and min(days).year < _OLDEST:
            raise InvalidInput(f"a line is dated {min(days)}; check the format of its dates")
        if days and max(days) > today + _AHEAD:
            raise InvalidInput(f"a line is dated {max(days)}, which is still to come; check the format of its dates")
        self.check_balances(currency)

    def check_balances(self, currency: str) -> None:
        """Raises ``InvalidInput`` if opening + in - out is not closing."""
        if self.opening_minor is None or self.closing_minor is None:
            return
        found_minor = self.opening_minor + self.in_minor - self.out_minor
        if found_minor != self.closing_minor:
            opening, came, went, is_, says = (
                format_amount(minor, currency)
                for minor in (self.opening_minor, self.in_minor, self.out_minor, found_minor, self.closing_minor)
            )
            raise InvalidInput(
                f"the balances do not add up: {opening} + {came} - {went} is {is_}, and the file says {says}. Lines "
                "are missing or damaged; export the statement again"
            )


def too_large(size_bytes: int) -> str:
    """Why a file of that size is refused, unread."""
    return (
        f"the file has {size_bytes // 1_000_000} MB, and a statement {FILE_MAX_BYTES // 1_000_000} MB at most; "
        "export a shorter time"
    )


def check_count(lines: int) -> None:
    """Raises ``InvalidInput`` for more lines than a file may have; called before they are read."""
    if lines > LINES_MAX:
        raise InvalidInput(f"the file has more than {LINES_MAX:,} lines; export a shorter time")


def joined(parts: list[Statement]) -> Statement:
    """The statements of one file, which follow each other, as one. Raises ``InvalidInput``."""
    if not parts:
        raise InvalidInput("the file has no statement")
    if not _is_chain(parts) and _is_chain(parts[::-1]):
        parts = parts[::-1]  # the newest first
    first, last = parts[0], parts[-1]
    for part in parts:
        if part.currency:
            part.check_balances(part.currency)
    for before, after in pairwise(parts):
        currencies = {part.currency for part in (before, after) if part.currency or part.lines}
        if before.account != after.account or len(currencies) > 1:
            accounts = f"{_shown(before.account or '')} and {_shown(after.account or '')}"
            raise InvalidInput(f"the file has statements of several accounts, {accounts}; export each by itself")
        if not _is_chain([before, after]):
            raise InvalidInput(
                f"between {before.until} and {after.since} the file lacks lines: one statement does not begin with the "
                "balance at which the one before ends; export the whole time"
            )
    return first.evolve(
        currency=next((part.currency for part in parts if part.currency), None),
        since=_earliest(part.since for part in parts),
        until=max((part.until for part in parts if part.until), default=None),
        closing_minor=last.closing_minor if first.opening_minor is not None else None,
        lines=tuple(line for part in parts for line in part.lines),
    )


def _is_chain(parts: list[Statement]) -> bool:
    ends = ((before.closing_minor, after.opening_minor) for before, after in pairwise(parts))
    return all(closing is None or opening is None or closing == opening for closing, opening in ends)


def _earliest(days: Iterable[date | None]) -> date | None:
    return min((day for day in days if day), default=None)


def is_same_account(one: str, other: str) -> bool:
    """Whether two texts name one account: spaces and case do not count, nor the bank that MT940 writes before it."""
    first, second = (plain_account(text) for text in (one, other))
    return first == second or first.endswith(f"/{second}")


def plain_account(account: str) -> str:
    return "".join(account.split()).upper().replace("-", "")


def _shown(account: str) -> str:
    return account if len(account) <= 40 else f"{account[:40]}…"
