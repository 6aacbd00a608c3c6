"""What the ledger keeps of registers. Every method may be called again after any failure."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from billing.model import Count, Many, Model
from billing.registers.mapping import RegisterMapping
from billing.registers.register import LineState, RegisterDay, RegisterFile, RegisterLine, RegisterRow, RegisterTerms

DAYS_SHOWN = 14
"""How many days a list of registers has: each is added up as it stands."""


class RegisterPage(Model):
    """Lines of a day: open ones first. ``count`` is how many there are."""

    rows: Many[RegisterRow]
    count: Count


class Taken(Model):
    """A file that was taken in, ``is_new`` or before, and how its day stands since."""

    day: RegisterDay
    is_new: bool


class Mappings(Protocol):
    async def register_mapping(self, rail: str) -> RegisterMapping | None: ...

    async def keep_mapping(self, rail: str, mapping: RegisterMapping, by: str, at: datetime) -> None: ...


class RegisterDays(Protocol):
    async def register_day(self, terms: RegisterTerms, day: date) -> RegisterDay:
        """How the day stands now; three indexed queries."""

    async def days_without_register(self, terms: RegisterTerms, since: date, until: date) -> list[date]:
        """The days, the second excluded, of which no register has come, though money or another one had by then."""

    async def rail_totals(self, terms: RegisterTerms, since: date, until: date) -> tuple[int, int]:
        """What registers and the clearing account have of payments of these days, the second excluded, in minor units.

        What people have given back by hand is in both: nobody but they can tell. What a person has left out of the
        books, as that very refund or the bank's own test, is in neither.
        """


class Registers(Mappings, RegisterDays, Protocol):
    async def save_register_lines(self, terms: RegisterTerms, day: date, lines: Sequence[RegisterLine]) -> None:
        """Keeps some lines of a file that is being taken in. What is on record and as before, does not change.

        Nor does what an erasure has left of a line: the file that is taken in again has the person's number still.
        """

    async def close_register(self, terms: RegisterTerms, file: RegisterFile) -> Taken:
        """Keeps the file, once all its lines are, and puts what is open into the alerts' outbox: one alert a state of
        the day. Raises ``InvalidInput`` if it is another rail's or day's.
        """

    async def registers_with(self, digest: str) -> list[RegisterFile]:
        """The files with this content, of any rail and day."""

    async def register_days(self, rail: str = "", before: date | None = None) -> list[tuple[str, date]]:
        """The last ``DAYS_SHOWN`` days, ``before`` that one, of which a register has come; the newest first."""

    async def register_lines(
        self, terms: RegisterTerms, day: date, limit: int = 1000, everything: bool = False
    ) -> RegisterPage:
        """The lines of a day that are open, or ``everything``."""

    async def bookable_lines(self, terms: RegisterTerms, day: date, state: LineState, after: str) -> list[RegisterRow]:
        """A page of the day's lines in this state, by their references: those ``after`` that one ("": the first)."""

    async def confirm_register_line(
        self, rail: str, reference: str, by: str, reason: str, at: datetime, seen_minor: int | None = None
    ) -> RegisterRow:
        """Books the payment, or what was taken back of one; a repeat changes nothing.

        ``seen_minor``: the amount that the person saw, if any. Raises ``NotFound``, and ``InvalidInput``, which says
        what to do instead.
        """

    async def reject_register_line(self, rail: str, reference: str, by: str, reason: str, at: datetime) -> RegisterRow:
        """Keeps why nothing is booked, and has it told; it can be confirmed later all the same. Raises as above."""

    async def withdraw_register(self, rail: str, day: date, by: str, reason: str, at: datetime) -> int:
        """Forgets the files of a day, and those of its lines that nobody has decided: they can be taken in again, for
        any rail and day. Returns how many files; has it told. Raises ``NotFound``, so also a repeat does.
        """

    async def tell_missing_register(self, terms: RegisterTerms, day: date, at: datetime) -> None:
        """Puts it into the alerts' outbox, once, that no register of the day has come."""

    async def tell_refused_register(self, rail: str, name: str, digest: str, why: str, at: datetime) -> None:
        """Puts it into the alerts' outbox, once for each content, that a file cannot be taken in."""
