"""A month as its customer sees it: its situation, and the payments on offer; and all that they owe. Pure."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.collections.dunning import CardRemedy
from billing.collections.stages import OWN_PAYMENT, CollectionStage, NewCardTry
from billing.invoices.month import Month
from billing.invoices.stages import UNPAID_OUTCOMES, Stage
from billing.payments.payment import ChargeStatus, PaymentStatus
from billing.payments.ports import ChargeRow
from billing.period import Period


class Situation(StrEnum):
    PAYABLE = "payable"  # by card, now: the remedy says how
    BILL = "bill"  # on any rail, but not by a card that we would charge
    PENDING = "pending"  # the outcome is not known yet, or the next step is under way
    PAID = "paid"
    OTHERWISE = "otherwise"  # the rest is to be paid by transfer
    PAUSED = "paused"  # the emergency brake is on: nobody can pay by card for now
    PERSON = "person"  # we have to look into it
    NOTHING = "nothing"  # nothing is owed here


class CustomerView(NamedTuple):
    """``paid_at`` with ``PAID``; ``remedy``, and the code and instant of the last try, with ``PAYABLE``."""

    situation: Situation
    outstanding_minor: int = 0
    paid_at: datetime | None = None
    remedy: CardRemedy = CardRemedy.RETRY
    code: str = ""
    tried_at: datetime | None = None
    again: bool = False  # it was not the first try
    declined: bool = False  # by the bank; else the card could not even be tried, or has to be confirmed
    new_card: bool = False  # the payment under way is the first try of a new card
    slow: bool = False  # an outside service is down

    @property
    def can_pay(self) -> bool:
        return self.situation is Situation.PAYABLE and self.remedy is not CardRemedy.NEW_CARD

    @property
    def can_change_card(self) -> bool:
        return self.situation is Situation.PAYABLE

    @property
    def has_link(self) -> bool:
        """Whether a page that takes any card may be offered."""
        return self.situation in (Situation.PAYABLE, Situation.BILL, Situation.OTHERWISE)


class OwedMonth(NamedTuple):
    debt: Debt
    view: CustomerView


class CustomersPage(NamedTuple):
    """What a customer sees by the link of a month: that month, and everything that is ``owed``, the oldest first.

    ``collection`` has the debt of the month, if it was not paid when it was charged.
    """

    month: Month
    collection: Collection | None
    view: CustomerView
    owed: tuple[OwedMonth, ...]

    @property
    def situation(self) -> Situation:
        """Of several months, one that can be paid comes before one whose outcome is not known yet."""
        situations = [owed.view.situation for owed in self.owed] if len(self.owed) > 1 else [self.view.situation]
        return min(situations, key=list(Situation).index)

    def payable(self, period: Period | None) -> list[Period]:
        """The months that can be paid by card now: ``period``, or all."""
        return [each.debt.period for each in self.owed if each.view.can_pay and period in (None, each.debt.period)]

    def has_link(self, period: Period) -> bool:
        """Whether the month can be paid by a link now."""
        views = [each.view for each in self.owed if each.debt.period == period]
        return any(view.has_link for view in views or ([self.view] if period == self.month.period else []))

    @property
    def can_change_card(self) -> bool:
        return any(each.view.can_change_card for each in self.owed)


def customer_view(
    month: Month,
    collection: Collection | None,
    charges: Sequence[ChargeRow],
    paused: bool = False,
    is_stopped: bool = False,
    owed_minor: int = 0,
) -> CustomerView:
    """A payment that succeeded counts at once, even before it is recorded elsewhere. ``paused``: the brake is on.

    ``is_stopped``: the collection's workflow is closed or makes no progress, so that nobody would take a payment.
    ``owed_minor`` is what the ledger says is owed for a bill, which can be paid whatever stands still.
    """
    debt = collection.debt(month.period) if collection else None
    if collection is None or debt is None or debt.settled:
        if debt is not None and debt.settled and debt.outcome is CollectionStage.RECOVERED:
            return CustomerView(Situation.PAID, paid_at=debt.settled.at)
        if month.closed and month.outcome is Stage.PAID:
            return CustomerView(Situation.PAID, paid_at=month.closed.at)
        if debt is None and month.closed and month.outcome is Stage.BILLED:
            is_paid = owed_minor <= 0
            return CustomerView(Situation.PAID, paid_at=month.closed.at) if is_paid else _bill(owed_minor)
        if debt is None and month.outcome in UNPAID_OUTCOMES:
            situation = Situation.PERSON if is_stopped else Situation.PENDING
            return CustomerView(situation, month.invoice.total_minor if month.invoice else 0)
        return CustomerView(Situation.NOTHING)
    return debt_view(collection, debt, charges, paused, is_stopped)


def debt_view(
    collection: Collection,
    debt: Debt,
    charges: Sequence[ChargeRow],
    paused: bool = False,
    is_stopped: bool = False,
) -> CustomerView:
    """As ``customer_view``, of an open debt."""
    paid_at = [charge.at for charge in charges if charge.status == PaymentStatus.SUCCEEDED]
    if paid_at:
        return CustomerView(Situation.PAID, paid_at=paid_at[0])
    if debt.method is None:
        return _bill(debt.outstanding_minor)
    if is_stopped:
        return CustomerView(Situation.PERSON, debt.outstanding_minor)
    shown = _open(collection, debt)
    is_paused = bool(collection.brake) or (paused and shown.situation is Situation.PAYABLE)
    stays = shown.situation is Situation.PERSON or debt.release is not None
    return CustomerView(Situation.PAUSED, shown.outstanding_minor) if is_paused and not stays else shown


def _bill(owed_minor: int) -> CustomerView:
    return CustomerView(Situation.BILL, owed_minor)


def _open(collection: Collection, debt: Debt) -> CustomerView:
    owed = debt.outstanding_minor
    if collection.failure:
        return CustomerView(Situation.PERSON, owed)
    if debt.is_moving or debt.is_uncounted:
        new_card = isinstance(debt.attempt, NewCardTry)
        return CustomerView(Situation.PENDING, owed, new_card=new_card, slow=bool(collection.outage))
    if not debt.by_card:
        return CustomerView(Situation.OTHERWISE, owed)
    own = [entry.at for entry in collection.entries if entry.month == debt.period and entry.what == OWN_PAYMENT]
    later = [*own, *([debt.tried_at] if debt.tried_at else [])]
    return CustomerView(
        Situation.PAYABLE,
        owed,
        remedy=debt.remedy,
        code=(debt.answer.decline_code or debt.answer.code) if debt.answer else "",
        tried_at=max(later, default=debt.opened_at),
        again=bool(later),
        declined=debt.answer is not None and debt.answer.status is ChargeStatus.DECLINED,
    )
