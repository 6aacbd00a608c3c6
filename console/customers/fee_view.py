"""A service order as its customer sees it: what is owed for its fee, or was paid. Pure."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from billing.period import Period
from billing.receivables.journal import Balance
from billing.receivables.overdue import overdue
from orders.procedures.steps import PaymentOutcome, PaymentStep
from orders.service.ports import ServiceShown
from orders.service.service_order import ServiceOrder


class FeeState(StrEnum):
    PAYABLE = "payable"
    PAUSED = "paused"  # the emergency brake is on
    PAID = "paid"
    NOTHING = "nothing"  # not asked for yet, not any more, or let pass


class FeeView(NamedTuple):
    """``title`` is the fee's, or the order's if none is owed."""

    state: FeeState
    title: str
    owed_minor: int = 0


def fee_view(shown: ServiceShown, balance: Balance, is_paused: bool = False) -> FeeView:
    order = shown.order
    owed_minor = balance.owed_for(order.subject, order.currency)
    if owed_minor > 0:
        return FeeView(FeeState.PAUSED if is_paused else FeeState.PAYABLE, _title(shown), owed_minor)
    is_paid = any(step.outcome == PaymentOutcome.SETTLED for step in shown.steps) and order.cancelled is None
    return FeeView(FeeState.PAID if is_paid else FeeState.NOTHING, order.procedure.title)


def _title(shown: ServiceShown) -> str:
    """Of the fee that was asked for last."""
    procedure = shown.order.procedure
    for record in reversed(shown.steps):
        step = procedure.step(record.step)
        if isinstance(step, PaymentStep) and step.fee is not None:
            return procedure.fee(step.fee).title
    return procedure.title


def oldest_overdue(order: ServiceOrder, balance: Balance, at: datetime) -> Period | None:
    """The month to be paid first, if the order waits until nothing is overdue."""
    step = order.now_at
    if order.is_closed or not (isinstance(step, PaymentStep) and step.nothing_owed) or not overdue(balance, at):
        return None
    owed = (item for item in balance.owed if item.subject.kind.is_pressed and item.amount_minor > 0)
    due = (item for item in owed if item.due_at is not None and item.due_at <= at)
    return min((Period(item.subject.name) for item in due), default=None)
