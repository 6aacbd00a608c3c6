"""A bank's register of one day: its lines, and how each stands beside the journal.

What is kept of a line are facts and what a person has decided; its state follows from these and from the payments that
are booked, whenever somebody looks. So a payment that arrives late changes it by itself.
"""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from billing.model import Author, Code, Count, Few, Id, Instant, Line, Minor, MinorSum, Model, Words
from billing.money import format_amount
from billing.receivables.incoming import Reference


class RegisterTerms(NamedTuple):
    """What a contract says about its register. Days are those of its time zone.

    ``due_hour``: by when the register of the day before is there; None: nobody misses one.
    """

    rail: str
    currency: str
    timezone: str
    due_hour: int | None = None

    def bounds(self, day: date) -> tuple[datetime, datetime]:
        """The instants at which the day begins and ends, in UTC."""
        begins, ends = (datetime.combine(each, time(), ZoneInfo(self.timezone)) for each in (day, _after(day)))
        return begins.astimezone(UTC), ends.astimezone(UTC)

    def day_of(self, instant: datetime) -> date:
        return instant.astimezone(ZoneInfo(self.timezone)).date()

    def is_overdue(self, day: date, now: datetime) -> bool:
        """Whether the register of the day should have come."""
        if self.due_hour is None:
            return False
        return now >= datetime.combine(_after(day), time(self.due_hour), ZoneInfo(self.timezone))


class RegisterLine(NamedTuple):
    """A payment in a register; an amount below 0 was taken back from the payment ``original``.

    ``account`` is what the payer had typed, of a personal number its last digits; ``personal`` is that one's digest.
    """

    reference: str
    account: str
    amount_minor: int
    paid_at: datetime
    original: str | None = None
    personal: str | None = None


class RegisterFile(Model):
    """A file that was taken in; the same content of the same day is taken in once. ``by`` None: from the folder."""

    rail: Code
    day: date
    digest: Code
    name: Line
    currency: Code
    lines: Count
    paid_minor: MinorSum
    reversed_minor: MinorSum
    by: Author | None
    at: Instant


class LineState(StrEnum):
    CONFIRMED = "confirmed"  # in the register and in the journal, with one amount
    MISSING = "missing"  # not in the journal: to be booked, once a person confirms it
    REVERSED = "reversed"  # a payment was taken back: to be booked, once a person confirms it
    DIFFERENT = "different"  # in both, with another amount
    EXTRA = "extra"  # in the journal only
    REJECTED = "rejected"  # a person has said why it stays as it is

    @property
    def is_open(self) -> bool:
        return self not in (LineState.CONFIRMED, LineState.REJECTED)

    @property
    def is_bookable(self) -> bool:
        return self in (LineState.MISSING, LineState.REVERSED)


class LineDecision(StrEnum):
    BOOKED = "booked"
    REJECTED = "rejected"


class RegisterRow(Model):
    """A line as it stands; ``amount_minor`` None: the register does not have it, ``booked_minor``: the journal."""

    rail: Code
    day: date
    reference: Reference
    account: Line
    currency: Code
    amount_minor: Minor | None
    booked_minor: Minor | None
    paid_at: Instant
    original: Id | None = None
    state: LineState
    decision: LineDecision | None = None
    decided_by: Author | None = None
    decided_why: Words | None = None
    decided_at: Instant | None = None

    @property
    def title(self) -> str:
        return f"{self.reference} ({self.rail}, register of {self.day})"


class Tally(Model):
    """The lines of a day in one state; what the register and the journal have of them, in minor units."""

    state: LineState
    count: Count
    register_minor: MinorSum
    booked_minor: MinorSum

    def in_words(self, currency: str) -> str:
        """``2 missing (30.00 EUR)``; of different ones, both sums."""
        minor = self.booked_minor if self.state is LineState.EXTRA else self.register_minor
        amount = format_amount(minor, currency)
        if self.state is LineState.DIFFERENT:
            amount = f"{amount}, booked {format_amount(self.booked_minor, currency)}"
        return f"{self.count:,} {self.state} ({amount})"


class RegisterDay(Model):
    """A day of a rail in both books. ``taken_at`` None: no register of it has come, and nothing is compared."""

    rail: Code
    day: date
    currency: Code
    files: Count
    taken_at: Instant | None
    tallies: Few[Tally]

    @property
    def open(self) -> tuple[Tally, ...]:
        return tuple(tally for tally in self.tallies if tally.state.is_open)

    @property
    def in_words(self) -> str:
        return ", ".join(tally.in_words(self.currency) for tally in self.tallies) or "nothing, in either book"

    @property
    def open_in_words(self) -> str:
        return ", ".join(tally.in_words(self.currency) for tally in self.open)

    @property
    def register_minor(self) -> int:
        return sum(tally.register_minor for tally in self.tallies)


def file_of(
    terms: RegisterTerms, day: date, digest: str, name: str, lines: list[RegisterLine], by: str | None, at: datetime
) -> RegisterFile:
    """What is kept of a file."""
    sums: Counter[bool] = Counter()
    for line in lines:
        sums[line.amount_minor > 0] += line.amount_minor
    return RegisterFile(
        rail=terms.rail,
        day=day,
        digest=digest,
        name=name,
        currency=terms.currency,
        lines=len(lines),
        paid_minor=sums[True],
        reversed_minor=sums[False],
        by=by,
        at=at,
    )


def _after(day: date) -> date:
    return day + timedelta(days=1)
