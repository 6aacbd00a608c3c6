"""What other systems should know of the journal: the events that follow from posted transactions.

A receivable is settled while a bill for it is in force and no more is owed for it. Its event follows when that comes
true: again after a dispute, and again for a corrected bill that is paid already.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from billing.events.event import Event, EventType, event_id
from billing.model import Code, Id, Instant, Many, Minor, Model
from billing.period import Period
from billing.receivables.incoming import PaymentKind
from billing.receivables.journal import AccountKind, Cause, Entry, PaymentName, Subject, SubjectKind, Transaction


class Receivable(NamedTuple):
    """Names what is owed by a customer for a subject, in one currency."""

    customer_id: str
    subject: Subject
    currency: str


class Standing(NamedTuple):
    """How a receivable stands: what is owed, and whether a bill for it is in force."""

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


class PaymentHead(NamedTuple):
    """What an incoming payment is called on its rail, and what it is."""

    reference: str
    kind: PaymentKind


class Share(Model):
    """A part of a payment, and where it went; below 0, where it was taken from.

    The subject of credit is what it had come for.
    """

    account: AccountKind
    subject_kind: SubjectKind | None
    subject: Code | None
    amount_minor: Minor

    @property
    def is_for_month(self) -> bool:
        """Whether it changes what is owed for a month."""
        return self.account is AccountKind.RECEIVABLE and self.subject_kind is SubjectKind.MONTH


class PaymentData(Model):
    """The customer's part of money that arrived, or went back (below 0), or was assigned: the shares add up to it."""

    rail: Code
    reference: Id
    kind: PaymentKind
    currency: Code
    amount_minor: Minor
    shares: Many[Share]

    @property
    def months(self) -> list[Period]:
        """The months whose receivables it changes."""
        return [Period(share.subject) for share in self.shares if share.is_for_month and share.subject]


def concerns_collection(event: Event) -> bool:
    """Whether a collection has to know: money for a month has arrived, or has gone back."""
    return isinstance(event.data, PaymentData) and bool(event.data.months)


def receivables(posted: Iterable[Transaction]) -> set[Receivable]:
    """The receivables that the transactions change."""
    return {receivable for transaction in posted for receivable in _changes(transaction)}


def events_of(
    posted: Iterable[Transaction], before: Mapping[Receivable, Standing], payments: Mapping[PaymentName, PaymentHead]
) -> Iterator[Event]:
    """The events of transactions that are posted together; ``before`` is how their ``receivables`` stood until then.

    An event is about one customer: a payment that concerns several is told to each, with their part of it.
    """
    standings, last = dict(before), dict[Receivable, Transaction]()
    open_meanwhile = {receivable for receivable, standing in before.items() if not standing.is_settled}
    for transaction in posted:
        for receivable, amount_minor in _changes(transaction).items():
            last[receivable] = transaction
            standings[receivable] = standings[receivable].after(transaction.cause, amount_minor)
            if not standings[receivable].is_settled:
                open_meanwhile.add(receivable)
        if transaction.cause in (Cause.NOTICE, Cause.VOID):
            yield _of_bill(transaction, standings)
        elif transaction.payment is not None:
            yield from _of_payment(transaction, payments[transaction.payment])
    for receivable, transaction in last.items():
        if receivable in open_meanwhile and standings[receivable].is_settled:
            data = SettledData(**_subject(receivable), cause=transaction.cause)
            about = f"{receivable.subject} {receivable.currency}"
            yield _event(EventType.RECEIVABLE_SETTLED, transaction, receivable.customer_id, data, about)


def _changes(transaction: Transaction) -> Counter[Receivable]:
    """By how much the transaction changes what is owed."""
    changes: Counter[Receivable] = Counter()
    for entry in transaction.entries:
        account = entry.account
        if account.kind is AccountKind.RECEIVABLE and account.customer_id and account.subject:
            changes[Receivable(account.customer_id, account.subject, entry.currency)] += entry.amount_minor
    return changes


def _of_bill(transaction: Transaction, standings: Mapping[Receivable, Standing]) -> Event:
    """``standings`` are those that the transaction has led to."""
    (receivable,) = _changes(transaction)
    billed = (entry.amount_minor for entry in transaction.entries if entry.account.kind is AccountKind.BILLED)
    amount_minor = -sum(billed)
    if transaction.cause is Cause.VOID:
        void = VoidedBillData(**_subject(receivable), amount_minor=-amount_minor)
        return _event(EventType.BILL_VOIDED, transaction, receivable.customer_id, void)
    due = next((entry for entry in transaction.entries if entry.due_at), None)
    total_minor, due_at = (due.amount_minor, due.due_at) if due else (standings[receivable].owed_minor, None)
    bill = BillData(**_subject(receivable), amount_minor=amount_minor, total_minor=total_minor, due_at=due_at)
    return _event(EventType.BILL_ISSUED, transaction, receivable.customer_id, bill)


def _of_payment(transaction: Transaction, payment: PaymentHead) -> Iterator[Event]:
    assert transaction.payment is not None
    is_assigned = transaction.cause is Cause.ALLOCATION
    source = AccountKind.UNMATCHED if is_assigned else AccountKind.CLEARING
    shares: defaultdict[str | None, list[Share]] = defaultdict(list)
    for entry in transaction.entries:
        if entry.account.kind is not source:
            shares[entry.account.customer_id].append(_share(entry))
    for customer_id, own in shares.items():
        data = PaymentData(
            rail=transaction.payment.rail,
            reference=payment.reference,
            kind=payment.kind,
            currency=transaction.entries[0].currency,
            amount_minor=sum(share.amount_minor for share in own),
            shares=tuple(own),
        )
        kind = EventType.PAYMENT_ASSIGNED if is_assigned else EventType.PAYMENT_BOOKED
        yield _event(kind, transaction, customer_id, data)


def _share(entry: Entry) -> Share:
    subject = entry.account.subject
    return Share(
        account=entry.account.kind,
        subject_kind=subject.kind if subject else None,
        subject=subject.name if subject else None,
        amount_minor=-entry.amount_minor,
    )


def _subject(receivable: Receivable) -> dict[str, Any]:
    return {
        "subject_kind": receivable.subject.kind,
        "subject": receivable.subject.name,
        "currency": receivable.currency,
    }


def _event(kind: EventType, transaction: Transaction, customer_id: str | None, data: Model, about: str = "") -> Event:
    """An event of the transaction; ``about`` tells several of one type and customer apart."""
    cause = f"{transaction.key} {kind} {customer_id or ''} {about}"
    return Event(id=event_id(cause), type=kind, created_at=transaction.at, customer_id=customer_id, data=data)
