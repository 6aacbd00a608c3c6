"""A line of a file as text, and instants as banks write them."""

from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from billing.errors import InvalidInput

_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%Y%m%d%H%M%S",
    "%Y-%m-%d",
    "%d.%m.%Y",
)


class RawLine(NamedTuple):
    """The cells of a line; "": there is none."""

    reference: str
    account: str
    amount: str
    paid_at: str
    original: str = ""
    currency: str = ""
    is_reversal: bool = False
    decimal: str = "."


class Unreadable(NamedTuple):
    """Why a line has no cells."""

    reason: str

    def __str__(self) -> str:
        return self.reason


def instant_of(text: str, date_format: str, timezone: str) -> datetime:
    """The instant that a bank writes by its own clock, in UTC. Raises ``InvalidInput``."""
    for known in (date_format,) if date_format else _FORMATS:
        try:
            local = datetime.strptime(text, known)  # noqa: DTZ007 - the zone is the contract's
        except ValueError:
            continue
        if 2000 <= local.year < 2999:
            return local.replace(tzinfo=local.tzinfo or ZoneInfo(timezone)).astimezone(UTC)
    example = f"as {date_format}" if date_format else "as 2026-11-27 13:04:05, or map date_format"
    raise InvalidInput(f"{text[:40]!r} is no date; it has to be written {example}")
