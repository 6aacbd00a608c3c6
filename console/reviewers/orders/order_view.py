"""The values of an order's page: what it waits for, and its money movement by movement."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from billing.receivables.journal import Balance, Cause, PaymentName, Subject, Transaction
from console.reviewers.wording import money
from orders.order import Answered, Order, OrderStage, OrderStanding, Rejected, ReleaseKind
from orders.ports import OrderLogEntry, OrderVersion
from orders.unreleased import unpaid_minor

_CAUSES = {
    Cause.NOTICE: "Due",
    Cause.VOID: "Not due any more",
    Cause.ALLOCATION: "Paid by credit",
    Cause.FREED: "Became credit",
    Cause.PAYMENT: "Paid",
    Cause.REFUND: "Given back",
    Cause.CHARGEBACK: "Taken back",
}


class Movement(NamedTuple):
    """A movement of what is owed for the order: ``minor`` more or less, and what was outstanding after it."""

    move: Transaction
    what: str
    minor: int
    owed_minor: int


def movements(subject: Subject, moves: Sequence[Transaction]) -> Iterator[Movement]:
    """``moves`` are those of the order's receivable, which is for ``subject``; oldest first."""
    owed_minor = 0
    for move in moves:
        minor = unpaid_minor(subject, move)
        owed_minor += minor
        what = "Assigned" if move.cause is Cause.ALLOCATION and move.payment else _CAUSES.get(move.cause)
        yield Movement(move, what or move.cause.replace("_", " ").capitalize(), minor, owed_minor)


def payments_of(moves: Sequence[Transaction]) -> list[PaymentName]:
    """The incoming payments that have moved what is owed, each once."""
    return list(dict.fromkeys(move.payment for move in moves if move.payment))


def left_credit_minor(order: Order, balance: Balance) -> int:
    """How much of what came for the order is credit of its customer now."""
    came, left = balance.credit_from(order.subject, order.currency), -balance.carried_minor(order.currency)
    return max(0, min(came, left))


def waits_for(standing: OrderStanding) -> str:
    """What has to happen next, in a sentence; "" if nothing has."""
    order, stage = standing.order, standing.stage
    if stage is OrderStage.HALTED and order.halt is not None:
        return f"Nothing more is released until somebody resumes. {order.halt.text.capitalize()}."
    if stage is OrderStage.REJECTED:
        return "Production has refused a release for good. Mend what it names, then send the release again."
    if stage is OrderStage.AWAITING_RELEASE:
        return "It is paid, and should have been released. Is a worker running? See: python starter.py doctor"
    if stage is OrderStage.RELEASED:
        return "It is released. Production has not answered yet, and is asked until it does."
    kind = next((kind for kind in order.kinds if order.release(kind) is None), None)
    if kind is None or order.end is not None:
        return ""
    missing = money(order.missing_minor(kind, standing.owed_minor), order.currency)
    if kind is ReleaseKind.SHIPMENT:
        return f"In production. {missing} more, and it is shipped."
    return f"{missing} more, and production begins."


def answer_of(answer: Answered | Rejected | None) -> tuple[str, str]:
    """The colour and the word of production's answer."""
    if answer is None:
        return "wait", "not answered yet"
    return ("good", "taken") if isinstance(answer, Answered) else ("bad", "refused")


def earlier(agreements: Sequence[OrderVersion], order: Order) -> list[OrderVersion]:
    """The versions that were replaced, the newest first."""
    return [each for each in reversed(agreements) if each.version != order.version]


def done_by(log: Sequence[OrderLogEntry], username: str, what: str) -> OrderLogEntry | None:
    """What the user has just done."""
    return next((entry for entry in reversed(log) if (entry.by, entry.what) == (username, what)), None)
