"""Doubts about money that is in the books, but perhaps not where somebody meant it to be. A person hears of each."""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from billing.model import Model, Words
from billing.money import format_amount
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import AccountKind, SubjectKind, Transaction


class DoubtKind(StrEnum):
    UNMATCHED = "unmatched"  # nobody knows whose it is
    REPEATED = "repeated"  # equal to another payment of the same day
    CLOSED = "closed"  # credit of an account that is closed, and perhaps erased
    CURRENCY = "currency"  # credit in a currency in which the customer is not billed
    NOT_OWED = "not_owed"  # nothing is owed for what it names
    EXCESS = "excess"  # more than was owed for what it names, as of a charge that was announced before a part arrived
    ENDED = "ended"  # for an order that was cancelled, or has expired
    PART = "part"  # of a bill that is not due yet, which is paid whole or not at all


class Doubt(Model):
    """``text`` is a sentence for people, with the amount and the customer."""

    kind: DoubtKind
    text: Words


class OrderState(StrEnum):
    """What became of an order that money names."""

    UNKNOWN = "unknown"  # to this customer
    BILLED = "billed"
    ENDED = "ended"


class AccountState(NamedTuple):
    """What of a customer matters to money that arrives; ``owed_minor`` is owed for what it names after all.

    ``left_minor`` is left of all credit that came for that, once it has paid its part; None: the money names nothing.
    ``is_charged``: by our own charge of a card, which reconciliation compares with its month.
    ``order``: None unless the money names one, or the fee of one.
    """

    currency: str
    is_closed: bool
    owed_minor: int = 0
    left_minor: int | None = None
    is_charged: bool = False
    order: OrderState | None = None


def leaves_doubts(payment: IncomingPayment, posted: Transaction) -> bool:
    """Whether ``doubts`` can find any: a charge that pays its month never does."""
    return payment.by is not None or any(entry.account.kind in _UNPAYING for entry in posted.entries)


def doubts(payment: IncomingPayment, posted: Transaction, account: AccountState | None, equal: str) -> Iterator[Doubt]:
    """What people should know about ``payment`` as it was ``posted``.

    ``account`` is its customer's, and ``equal`` the title of another payment with the same customer, amount, day and
    rail, or "".
    """
    if payment.customer_id is None:
        text = f"{payment.amount} has arrived as {payment.title}, and nobody knows whose it is"
        yield Doubt(kind=DoubtKind.UNMATCHED, text=text)
    if equal:
        text = (
            f"payment {payment.title} of {payment.amount} is equal to {equal}, booked before: same payer, amount and "
            "day; if it is the same money, give one of them back"
        )
        yield Doubt(kind=DoubtKind.REPEATED, text=text)
    credited_minor = -sum(entry.amount_minor for entry in posted.entries if entry.account.kind is AccountKind.CREDIT)
    if account is not None and account.left_minor is not None:
        credited_minor = min(credited_minor, account.left_minor)
    if account is None or credited_minor <= 0:
        return
    credited = f"{format_amount(credited_minor, payment.currency)} of payment {payment.title}"
    is_paying = any(entry.account.kind in _PAYING for entry in posted.entries)
    if account.order is not None:
        yield _of_order(payment, credited, account.order)
        return
    if account.is_closed:
        text = f"{credited} is credit of {payment.customer_id}, whose account is closed: no draft will use it"
        yield Doubt(kind=DoubtKind.CLOSED, text=text)
    elif payment.currency != account.currency:
        other = account.currency.upper()
        text = f"{credited} is credit of {payment.customer_id}, who is billed in {other}: no draft will use it"
        yield Doubt(kind=DoubtKind.CURRENCY, text=text)
    if payment.subject is None:
        return
    is_reported = payment.by is None  # by its rail: nobody has seen what it paid
    if is_paying and is_reported:
        text = f"{credited} is more than was owed for the {payment.subject}: it is credit of {payment.customer_id}"
        yield Doubt(kind=DoubtKind.EXCESS, text=text)
    elif not is_paying and account.owed_minor > 0:
        text = (
            f"{credited} is credit of {payment.customer_id}: the bill for the {payment.subject} is not due yet, and is "
            "paid whole or not at all"
        )
        yield Doubt(kind=DoubtKind.PART, text=text)
    elif not (is_paying or account.is_charged):
        text = f"{payment.customer_id} owes nothing for the {payment.subject}: {credited} is their credit"
        yield Doubt(kind=DoubtKind.NOT_OWED, text=text)


def _of_order(payment: IncomingPayment, credited: str, order: OrderState) -> Doubt:
    """Of money for an order nothing is left for a draft: it goes back, or pays the buyer's next order.

    Who has paid a fee is, or is going to be, billed: a draft uses it, too.
    """
    whose = f"{credited} is credit of {payment.customer_id}"
    is_of_order = payment.subject is not None and payment.subject.kind is SubjectKind.ORDER
    instead = f"give it back, or their next {'order' if is_of_order else 'bill or order'} uses it"
    match order:
        case OrderState.ENDED:
            return Doubt(kind=DoubtKind.ENDED, text=f"{whose}: the {payment.subject} is not open any more; {instead}")
        case OrderState.BILLED:
            text = f"{whose}: it is more than was owed for the {payment.subject}; {instead}"
            return Doubt(kind=DoubtKind.EXCESS, text=text)
        case OrderState.UNKNOWN:
            text = f"{whose}, who has no {payment.subject}; if it is opened for them, this pays it"
            return Doubt(kind=DoubtKind.NOT_OWED, text=text)


_UNPAYING = frozenset({AccountKind.CREDIT, AccountKind.UNMATCHED})
_PAYING = frozenset({AccountKind.RECEIVABLE, AccountKind.WRITTEN_OFF})
