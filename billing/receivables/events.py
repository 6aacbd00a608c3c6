"""What other systems should know of the journal: the events that follow from posted transactions.

A receivable is settled while a bill for it is in force and no more is owed for it. Its event follows when that comes
true: again after a dispute, and again for a corrected bill that is paid already.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from billing.events.event import Event, EventType, event_id
from billing.model import Code, Id, Instant, Many, Minor, Model
from billing.receivables.journal import AccountKind, Cause, Subject, SubjectKind, Transaction


class Debt(NamedTuple):
    """Names what is owed by a customer for a subject, in one currency."""

    customer_id: str
    subject: Subject
    currency: str


class Standing(NamedTuple):
    """How a debt stands: what is owed, and whether a bill for it is in force."""

    owed_minor: int = 0
    is_billed: bool = False

    @property
    def is_settled(self) -> bool:
        return self.is_billed and self.owed_minor <= 0

    def after(self, cause: Cause, change_minor: int) -> "Standing":
        """After a transaction of this cause."""
        is_billed = {Cause.NOTICE: True, Cause.VOID: False}.get(cause, self.is_billed)
        return Standing(self.owed_minor + change_minor, is_billed)


class SubjectData(Model):
    """What an event is about: a month, and the currency of its amounts."""

    subject_kind: SubjectKind
    subject: Code
    currency: Code


class BillData(SubjectData):
    """``amount_minor`` is billed for the subject itself; ``total_minor`` falls due, with the balance taken over.

    ``due_at`` None: nothing falls due; the next bill takes over what there is.
    """

    amount_minor: Minor
    total_minor: Minor
    due_at: Instant | None


class VoidedBillData(SubjectData):
    """The bill of this amount no longer holds; a corrected one may follow."""

    amount_minor: Minor


class SettledData(SubjectData):
    """Nothing is owed for the subject any more; ``cause`` is the transaction's that settled it."""

    cause: Cause


class Share(Model):
    """A part of a payment, and where it went; below 0, where it was taken from."""

    account: AccountKind
    subject_kind: SubjectKind | None
    subject: Code | None
    amount_minor: Minor


class PaymentData(Model):
    """Money that arrived, or went back (below 0), or was assigned; the shares add up to its amount."""

    rail: Code
    reference: Id
    currency: Code
    amount_minor: Minor
    shares: Many[Share]


def debts(posted: Iterable[Transaction]) -> set[Debt]:
    """The debts that the transactions change."""
    return {debt for transaction in posted for debt in _changes(transaction)}


def events_of(posted: Iterable[Transaction], before: Mapping[Debt, Standing]) -> Iterator[Event]:
    """The events of transactions that are posted together; ``before`` is how their ``debts`` stood until then."""
    standings, last = dict(before), dict[Debt, Transaction]()
    open_meanwhile = {debt for debt, standing in before.items() if not standing.is_settled}
    for transaction in posted:
        for debt, amount_minor in _changes(transaction).items():
            last[debt], standings[debt] = transaction, standings[debt].after(transaction.cause, amount_minor)
            if not standings[debt].is_settled:
                open_meanwhile.add(debt)
        yield from _facts(transaction, standings)
    for debt, transaction in last.items():
        if debt in open_meanwhile and standings[debt].is_settled:
            data = SettledData(**_subject(debt), cause=transaction.cause)
            yield _event(EventType.RECEIVABLE_SETTLED, transaction, data, f"{debt.subject} {debt.currency}")


def _changes(transaction: Transaction) -> Counter[Debt]:
    """By how much the transaction changes what is owed."""
    changes: Counter[Debt] = Counter()
    for entry in transaction.entries:
        account = entry.account
        if account.kind is AccountKind.RECEIVABLE and account.customer_id and account.subject:
            changes[Debt(account.customer_id, account.subject, entry.currency)] += entry.amount_minor
    return changes


def _facts(transaction: Transaction, standings: Mapping[Debt, Standing]) -> Iterator[Event]:
    """The events of one transaction, once it has led to ``standings``."""
    match transaction.cause:
        case Cause.NOTICE | Cause.VOID:
            (debt,) = _changes(transaction)
            amount_minor = -_sum(transaction, AccountKind.BILLED)
            if transaction.cause is Cause.VOID:
                data: Model = VoidedBillData(**_subject(debt), amount_minor=-amount_minor)
                yield _event(EventType.BILL_VOIDED, transaction, data)
                return
            due = next((entry for entry in transaction.entries if entry.due_at), None)
            total_minor, due_at = (due.amount_minor, due.due_at) if due else (standings[debt].owed_minor, None)
            data = BillData(**_subject(debt), amount_minor=amount_minor, total_minor=total_minor, due_at=due_at)
            yield _event(EventType.BILL_ISSUED, transaction, data)
        case Cause.PAYMENT | Cause.REVERSAL:
            yield _event(EventType.PAYMENT_BOOKED, transaction, _payment(transaction, AccountKind.CLEARING))
        case Cause.ALLOCATION:
            yield _event(EventType.PAYMENT_ASSIGNED, transaction, _payment(transaction, AccountKind.UNMATCHED))


def _payment(transaction: Transaction, source: AccountKind) -> PaymentData:
    assert transaction.payment is not None
    return PaymentData(
        rail=transaction.payment.rail,
        reference=transaction.payment.reference,
        currency=transaction.entries[0].currency,
        amount_minor=_sum(transaction, source),
        shares=tuple(
            Share(
                account=entry.account.kind,
                subject_kind=entry.account.subject.kind if entry.account.subject else None,
                subject=entry.account.subject.name if entry.account.subject else None,
                amount_minor=-entry.amount_minor,
            )
            for entry in transaction.entries
            if entry.account.kind is not source
        ),
    )


def _sum(transaction: Transaction, kind: AccountKind) -> int:
    return sum(entry.amount_minor for entry in transaction.entries if entry.account.kind is kind)


def _subject(debt: Debt) -> dict[str, Any]:
    return {"subject_kind": debt.subject.kind, "subject": debt.subject.name, "currency": debt.currency}


def _event(kind: EventType, transaction: Transaction, data: Model, about: str = "") -> Event:
    """The event of a transaction; ``about`` tells several of one type apart."""
    return Event(
        id=event_id(f"{transaction.key} {kind} {about}".rstrip()),
        type=kind,
        created_at=transaction.at,
        customer_id=transaction.customer_id,
        data=data,
    )
