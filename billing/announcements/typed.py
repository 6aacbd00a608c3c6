"""Planned works as people type them: local times, and who is concerned."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from billing.announcements.announcement import Works
from billing.announcements.audience import Audience
from billing.customers.account_numbers import checked_number
from billing.customers.schedule import instant
from billing.errors import InvalidInput
from billing.subscribers.place import read_node
from billing.validation import explain

_FORM = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)", re.ASCII)
_CLOCK = re.compile(r"\d\d:\d\d", re.ASCII)


class TypedWorks(NamedTuple):
    """``starts`` such as ``2026-12-03 10:00``, ``ends`` likewise, or a time of the same day; "": as before."""

    starts: str
    ends: str
    reason: str

    def works(self, timezone: str, before: Works | None = None) -> Works:
        """On the clocks of ``timezone``; what is not typed is as ``before``. Raises ``InvalidInput``."""
        starts_at = _instant(self.starts, timezone) if self.starts or before is None else before.starts_at
        typed_end = self.ends.strip()
        if _CLOCK.fullmatch(typed_end):
            typed_end = f"{starts_at.astimezone(ZoneInfo(timezone)):%Y-%m-%d} {typed_end}"
        ends_at = _instant(typed_end, timezone) if typed_end or before is None else before.ends_at
        reason = self.reason.strip() or (before.reason if before else "")
        if not reason:
            raise InvalidInput("say what is done, in a few words: customers read it")
        try:
            return Works(starts_at=starts_at, ends_at=ends_at, timezone=timezone, reason=reason)
        except ValidationError as error:
            raise InvalidInput(explain(error)) from None


class TypedAudience(NamedTuple):
    nodes: Sequence[str] = ()
    tags: Sequence[str] = ()
    addresses: Sequence[str] = ()
    accounts: Sequence[str] = ()
    everybody: bool = False

    def audience(self) -> Audience:
        """Raises ``InvalidInput``."""
        given = {
            "nodes": tuple(map(read_node, filter(None, self.nodes))),
            "tags": tuple(filter(None, self.tags)),
            "addresses": tuple(filter(None, self.addresses)),
            "accounts": tuple(dict.fromkeys(map(checked_number, filter(None, self.accounts)))),
        }
        try:
            return Audience.model_validate({**given, "everybody": self.everybody})
        except ValidationError as error:
            raise InvalidInput(explain(error)) from None


def _instant(text: str, timezone: str) -> datetime:
    found = _FORM.fullmatch(text.strip())
    try:
        day, clock = found.groups() if found else ("", "")
        at = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC)
        return instant(at.date(), time(at.hour, at.minute), ZoneInfo(timezone))
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{text[:40]!r} is no time; write it like 2026-12-03 10:00, on the clocks of {timezone}"
        ) from None
