"""What the journal says about a collection: payments that people have recorded, and what they have written off."""

from datetime import datetime

from billing.collections.collection import Collection
from billing.collections.stages import CollectionStage
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import Balance, Cause, Subject, Transaction, moved, receivable, written_off

BY_HAND = "by hand"
"""The rail of payments that people record."""


def payments_by_hand(collection: Collection) -> list[IncomingPayment]:
    """The payments that people have recorded; each is booked once."""
    return [
        IncomingPayment(
            rail=BY_HAND,
            reference=f"{collection.customer_id} {collection.period} {received.reference}",
            customer_id=collection.customer_id,
            subject=Subject.month(collection.period),
            amount_minor=received.amount_minor,
            currency=collection.currency,
            paid_at=received.at,
            by=received.by,
        )
        for received in collection.received
        if received.by is not None
    ]


def write_off(collection: Collection, balance: Balance, at: datetime) -> Transaction | None:
    """The transaction that gives up what is still owed; None if nothing is, or the collection is not written off."""
    customer_id, subject = collection.customer_id, Subject.month(collection.period)
    owed_minor = balance.owed_for(subject, collection.currency)
    if collection.outcome is not CollectionStage.WRITTEN_OFF or owed_minor <= 0:
        return None
    return Transaction(
        key=f"{customer_id} {collection.period} {Cause.WRITE_OFF} {collection.revision}",
        cause=Cause.WRITE_OFF,
        at=at,
        customer_id=customer_id,
        entries=moved(
            owed_minor, collection.currency, written_off(customer_id, subject), receivable(customer_id, subject)
        ),
    )
