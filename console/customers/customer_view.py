"""A month as its customer sees it: its situation, and the payments on offer. Pure."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from billing.collections.collection import Collection
from billing.collections.dunning import CardRemedy
from billing.collections.stages import CollectionStage, NewCardTry
from billing.invoices.month import Month
from billing.invoices.stages import UNPAID_OUTCOMES, Stage
from billing.payments.payment import PaymentStatus
from billing.payments.ports import ChargeRow


class Situation(StrEnum):
    PAYABLE = "payable"  # by card, now: the remedy says how
    PENDING = "pending"  # the outcome is not known yet, or the next step is under way
    PAID = "paid"
    OTHERWISE = "otherwise"  # the rest is to be paid by transfer
    PAUSED = "paused"  # the emergency brake is on: nobody can pay by card for now
    PERSON = "person"  # we have to look into it
    NOTHING = "nothing"  # nothing is owed here


class CustomerView(NamedTuple):
    """``paid_at`` with ``PAID``; ``remedy`` and the codes of the last refusal with ``PAYABLE``."""

    situation: Situation
    outstanding_minor: int = 0
    paid_at: datetime | None = None
    remedy: CardRemedy = CardRemedy.RETRY
    code: str = ""
    new_card: bool = False  # the payment under way is the first try of a new card
    slow: bool = False  # an outside service is down

    @property
    def can_pay(self) -> bool:
        return self.situation is Situation.PAYABLE and self.remedy is not CardRemedy.NEW_CARD

    @property
    def can_change_card(self) -> bool:
        return self.situation is Situation.PAYABLE


def customer_view(
    month: Month,
    collection: Collection | None,
    charges: Sequence[ChargeRow],
    paused: bool = False,
    is_stopped: bool = False,
) -> CustomerView:
    """A payment that succeeded counts at once, even before it is recorded elsewhere. ``paused``: the brake is on.

    ``is_stopped``: the collection's workflow is closed or makes no progress, so that nobody would take a payment.
    """
    paid_at = [charge.at for charge in charges if charge.status == PaymentStatus.SUCCEEDED]
    if collection is None or collection.closed:
        if collection is not None and collection.closed and collection.outcome is CollectionStage.RECOVERED:
            return CustomerView(Situation.PAID, paid_at=collection.closed.at)
        if month.closed and month.outcome is Stage.PAID:
            return CustomerView(Situation.PAID, paid_at=month.closed.at)
        if collection is None and month.outcome in UNPAID_OUTCOMES:
            situation = Situation.PERSON if is_stopped else Situation.PENDING
            return CustomerView(situation, month.invoice.total_minor if month.invoice else 0)
        return CustomerView(Situation.NOTHING)
    if paid_at:
        return CustomerView(Situation.PAID, paid_at=paid_at[0])
    if is_stopped:
        return CustomerView(Situation.PERSON, collection.outstanding_minor)
    shown = _open(collection)
    is_paused = bool(collection.brake) or (paused and shown.situation is Situation.PAYABLE)
    stays = shown.situation is Situation.PERSON or collection.release is not None
    return CustomerView(Situation.PAUSED, shown.outstanding_minor) if is_paused and not stays else shown


def _open(collection: Collection) -> CustomerView:
    owed = collection.outstanding_minor
    if collection.failure:
        return CustomerView(Situation.PERSON, owed)
    if collection.attempt or collection.looking or collection.release:
        new_card = isinstance(collection.attempt, NewCardTry)
        return CustomerView(Situation.PENDING, owed, new_card=new_card, slow=bool(collection.outage))
    if not collection.by_card:
        return CustomerView(Situation.OTHERWISE, owed)
    answer = collection.answer
    code = (answer.decline_code or answer.code) if answer else ""
    return CustomerView(Situation.PAYABLE, owed, remedy=collection.remedy, code=code)
