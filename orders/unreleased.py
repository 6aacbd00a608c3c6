"""Orders that are paid and were not released: since when, and what holds them. One rule for coverage and monitors."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from billing.model import Instant, Model
from billing.receivables.journal import AccountKind, Subject, Transaction
from billing.reviewers.brake import Brake
from orders.order import Order, OrderStanding, ReleaseKind

PATIENCE = timedelta(minutes=5)
"""A release is written with the money that pays for it; what has waited longer than this, and is not held, was lost."""


_UNPAID = (AccountKind.RECEIVABLE, AccountKind.WRITTEN_OFF)


class Hold(StrEnum):
    """What holds a release back."""

    HALT = "halt"  # of a person
    BRAKE = "brake"
    DEFECT = "defect"  # nothing does: it should have been released


class Unreleased(Model):
    """An order that is paid enough for ``kind``, ``since`` that instant. ``free_since``: since nothing held it, too."""

    standing: OrderStanding
    kind: ReleaseKind
    hold: Hold
    since: Instant
    free_since: Instant


def hold_of(order: Order, brake: Brake | None) -> Hold:
    """What holds a release of the order back at this moment; ``brake``: the last pull."""
    if order.halt is not None:
        return Hold.HALT
    return Hold.BRAKE if brake is not None and brake.on else Hold.DEFECT


def unreleased(standing: OrderStanding, moves: Iterable[Transaction], brake: Brake | None) -> Unreleased | None:
    """The first release that the order is paid for and does not have; None: there is none, or it has ended.

    ``moves`` are those of its receivable, oldest first.
    """
    order = standing.order
    kind = next(order.paid_releases(standing.owed_minor), None)
    if kind is None:
        return None
    since = paid_since(order, kind, moves)
    free_since = max(since, brake.released_at) if brake is not None and brake.released_at else since
    return Unreleased(standing=standing, kind=kind, hold=hold_of(order, brake), since=since, free_since=free_since)


def paid_since(order: Order, kind: ReleaseKind, moves: Iterable[Transaction]) -> datetime:
    """Since when no more than what ``kind`` allows is owed for the order."""
    since, owed_minor = None, 0
    for move in moves:
        owed_minor += unpaid_minor(order.subject, move)
        since = None if order.missing_minor(kind, owed_minor) else since or move.at
    return since or order.opened_at


def unpaid_minor(subject: Subject, move: Transaction) -> int:
    """How much more of what is for ``subject`` is unpaid by ``move``; what is written off was not paid."""
    return sum(
        entry.amount_minor
        for entry in move.entries
        if entry.account.kind in _UNPAID and entry.account.subject == subject
    )
