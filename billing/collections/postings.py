"""What the journal says about a collection: what people have written off."""

from collections.abc import Iterable
from datetime import datetime

from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.receivables.journal import Balance, Cause, Subject, Transaction, moved, receivable, written_off


def write_offs(collection: Collection, debts: Iterable[Debt], balance: Balance, at: datetime) -> list[Transaction]:
    """The transactions that give up what is still owed of ``debts``, which people have written off."""
    customer_id = collection.customer_id
    subjects = ((Subject.month(debt.period), debt.currency) for debt in debts)
    owed = ((subject, currency, balance.owed_for(subject, currency)) for subject, currency in subjects)
    return [
        Transaction(
            key=f"{customer_id} {subject.name} {Cause.WRITE_OFF} {collection.revision}",
            cause=Cause.WRITE_OFF,
            at=at,
            customer_id=customer_id,
            entries=moved(owed_minor, currency, written_off(customer_id, subject), receivable(customer_id, subject)),
        )
        for subject, currency, owed_minor in owed
        if owed_minor > 0
    ]
