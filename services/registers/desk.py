"""The desk of registers: files are taken in whole, and what they have beside the journal waits for a person.

::

    taken = await desk.take("bank-app", date(2026, 11, 27), "register.csv", content, "ann", now)
    row = await desk.confirm("bank-app", "20261127000017", "ann", "by the register", now)
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Protocol

from billing.errors import InvalidInput
from billing.registers.mapping import DEFAULT_MAPPING, RegisterMapping, mapping_of
from billing.registers.ports import RegisterPage, Registers, Taken
from billing.registers.register import LineState, RegisterDay, RegisterLine, RegisterRow, RegisterTerms, file_of

FILE_MAX_BYTES = 20_000_000
_PAGE = 1000


class RegisterReader(Protocol):
    def __call__(
        self, content: bytes, terms: RegisterTerms, day: date, mapping: RegisterMapping, /
    ) -> list[RegisterLine]:
        """The lines of a file. Raises ``InvalidInput``, without an account in the message."""


class RegisterDesk:
    """``terms``: of the rails that are contracts with banks, by name."""

    def __init__(self, ledger: Registers, read: RegisterReader, terms: Mapping[str, RegisterTerms]) -> None:
        self._ledger = ledger
        self._read = read
        self._terms = terms

    @property
    def rails(self) -> Sequence[str]:
        return tuple(self._terms)

    def terms(self, rail: str) -> RegisterTerms:
        """Raises ``InvalidInput`` for a rail that is no contract with a bank."""
        if rail not in self._terms:
            names = ", ".join(self._terms) or "none is configured"
            raise InvalidInput(f"{rail!r} has no registers; name a rail of kind biller: {names}")
        return self._terms[rail]

    async def take(
        self,
        rail: str,
        day: date,
        name: str,
        content: bytes,
        by: str | None,
        now: datetime,
        mapping: Sequence[str] = (),
        advance: Callable[[int], None] = lambda count: None,
    ) -> Taken:
        """Takes a file in, page by page; ``mapping`` is kept for the next ones. After a failure, a repeat goes on.

        A file that was taken in before is not read again, for a corrected one may have come since; except by another
        ``mapping``.

        Raises ``InvalidInput``: then nothing of it was taken in.
        """
        terms, day = self.terms(rail), _within_reason(day)
        if day > terms.day_of(now):
            raise InvalidInput(f"{day} is still to come; name the day that the register is of")
        if len(content) > FILE_MAX_BYTES:
            raise InvalidInput(
                f"it is larger than {FILE_MAX_BYTES // 1_000_000} MB; ask the bank for a file of one day"
            )
        before = await self._ledger.register_mapping(rail) or DEFAULT_MAPPING
        used = mapping_of(list(mapping), before)
        digest = hashlib.sha256(content).hexdigest()
        known = {(file.rail, file.day): file for file in await self._ledger.registers_with(digest)}
        if (rail, day) in known and used == before:
            return Taken(day=await self._ledger.register_day(terms, day), is_new=False)
        lines = await asyncio.to_thread(self._read, content, terms, day, used)
        file = file_of(terms, day, digest, name, lines, by, now)
        if other := next((file for of, file in known.items() if lines and of != (rail, day)), None):
            raise InvalidInput(
                f"it was taken in already, as the register of {other.rail} of {other.day}; if that was wrong, withdraw "
                f"that first: python starter.py payments register reject {other.rail} --day {other.day}"
            )
        for start in range(0, len(lines), _PAGE):
            page = lines[start : start + _PAGE]
            await self._ledger.save_register_lines(terms, day, page)
            advance(len(page))
        if used != before:
            await self._ledger.keep_mapping(rail, used, by or "", now)
        return await self._ledger.close_register(terms, file)

    async def day_of(self, rail: str, named: date, name: str, content: bytes) -> date:
        """The day of a file whose name has the day ``named``: some banks write the day after there.

        The one of most of its payments. A file without any is of the day before if that one's register is missing.
        """
        terms, before = self.terms(rail), _within_reason(named) - timedelta(days=1)
        same = await self._ledger.registers_with(hashlib.sha256(content).hexdigest())
        if known := [file.day for file in same if (file.rail, file.name) == (rail, name)]:
            return known[0] if known[0] in (named, before) else named
        mapping = await self._ledger.register_mapping(rail) or DEFAULT_MAPPING
        for day in (named, before):
            with suppress(InvalidInput):
                lines = await asyncio.to_thread(self._read, content, terms, day, mapping)
                days = Counter(terms.day_of(line.paid_at) for line in lines)
                is_missing = not lines and before in await self._ledger.days_without_register(terms, before, named)
                return before if is_missing or days[before] > days[named] else named
        return named

    async def days(self, rail: str = "", before: date | None = None) -> list[RegisterDay]:
        """The last ``DAYS_SHOWN`` days of which a register has come, as they stand now; the newest first."""
        named = await self._ledger.register_days(rail, before)
        return [await self._ledger.register_day(self._terms[of], day) for of, day in named if of in self._terms]

    async def day(self, rail: str, day: date) -> RegisterDay:
        """How the day stands now."""
        return await self._ledger.register_day(self.terms(rail), _within_reason(day))

    async def lines(self, rail: str, day: date, everything: bool = False, limit: int = 1000) -> RegisterPage:
        """The lines of a day that are open, or ``everything``."""
        return await self._ledger.register_lines(self.terms(rail), _within_reason(day), limit, everything)

    async def confirm(
        self, rail: str, reference: str, by: str, reason: str, now: datetime, seen_minor: int | None = None
    ) -> RegisterRow:
        """Books a line, if it still has the amount that was seen. Raises ``NotFound`` and ``InvalidInput``."""
        return await self._ledger.confirm_register_line(self.terms(rail).rail, reference, by, reason, now, seen_minor)

    async def reject(self, rail: str, reference: str, by: str, reason: str, now: datetime) -> RegisterRow:
        """Leaves a line as it is, and has that told. Raises ``NotFound`` and ``InvalidInput``."""
        return await self._ledger.reject_register_line(self.terms(rail).rail, reference, by, reason, now)

    async def withdraw(self, rail: str, day: date, by: str, reason: str, now: datetime) -> int:
        """Forgets a day's files, which were another rail's or day's. Raises ``NotFound`` and ``InvalidInput``."""
        return await self._ledger.withdraw_register(self.terms(rail).rail, _within_reason(day), by, reason, now)

    async def to_book(self, rail: str, day: date) -> AsyncIterator[RegisterRow]:
        """All that can be booked of a day: payments first, then what was taken back of them. Book each as it comes."""
        terms, of = self.terms(rail), _within_reason(day)
        for state in (LineState.MISSING, LineState.REVERSED):
            after = ""
            while rows := await self._ledger.bookable_lines(terms, of, state, after):
                for row in rows:
                    yield row
                after = rows[-1].reference


def _within_reason(day: date) -> date:
    """Raises ``InvalidInput`` for a day at an end of the calendar, which has no neighbours."""
    if not 2000 <= day.year < 3000:
        raise InvalidInput(f"{day} is no day of which a bank has a register")
    return day
