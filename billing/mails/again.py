"""Mails that a person may have sent once more: those on record that still say what is true."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from billing.collections.debt import Debt
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.mails.mail import CustomerMailKind, MessageRow
from billing.period import Period

SENDABLE = (CustomerMailKind.NOTICE, CustomerMailKind.RECEIPT, CustomerMailKind.REMINDER)
PAUSE = timedelta(minutes=5)
"""Between two times that people have the same mail sent again."""


class Asked(NamedTuple):
    """A person's request; one ``command_id`` sends one mail."""

    customer_id: str
    period: Period
    kind: CustomerMailKind
    by: str
    why: str
    command_id: str


def refuses_again(
    kind: CustomerMailKind, month: Month, debt: Debt | None, messages: Sequence[MessageRow]
) -> str | None:
    """Why the mail of ``month``, which left ``debt``, is not sent again; None: it may be."""
    if kind not in SENDABLE or not any(row.kind is kind for row in messages):
        return "it was not sent before"
    is_owed = debt is not None and not debt.settled
    match kind:
        case CustomerMailKind.NOTICE if month.outcome is Stage.BILLED:
            return None if is_owed else "the bill is paid"
        case CustomerMailKind.NOTICE if month.outcome is not None or month.charging is not None:
            return "the charge that it announces has begun"
        case CustomerMailKind.NOTICE if not month.announced:
            return "what it announces no longer holds; another notice follows by itself"
        case CustomerMailKind.REMINDER if not is_owed:
            return "nothing is owed for this month any more"
    return None


def sent_lately(kind: CustomerMailKind, messages: Sequence[MessageRow], now: datetime, but: str) -> MessageRow | None:
    """The mail that a person had sent again within ``PAUSE``, other than the one with the Message-ID ``but``."""
    lately = (row for row in messages if row.kind is kind and row.asked_by and row.message_id != but)
    return next((row for row in lately if now - row.at < PAUSE), None)
