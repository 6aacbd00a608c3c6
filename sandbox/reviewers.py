"""What acting reviewers of every kind share: the note of a command that was sent, and whether their digests arrived.

Commands are sent by ``clients.month_commands.update_month``; the demo's reviewers type them instead, as people do.
"""

from datetime import datetime
from typing import NamedTuple

from billing.period import Period
from billing.reviewers.ports import AlertListing


class CommandOutcome(NamedTuple):
    """What a reviewer did and what came of it, or why it was not sent; ``accepted`` None: a signal has no answer."""

    customer_id: str
    period: Period
    at: datetime
    do: str
    by: str
    accepted: bool | None
    result: str


async def alerts_are_sent(ledger: AlertListing) -> bool:
    """Whether the outbox is empty: a digest follows a moment after what it reports."""
    return all(alert.told_at is not None for alert in await ledger.alerts())
