"""The journal as it is read by people and programs: its entries, and the trial balance."""

from billing.model import Author, Code, Count, Id, Instant, Line, Minor, MinorSum, Model, Words
from billing.receivables.journal import AccountKind, Cause


class AccountTotal(Model):
    """A line of the trial balance: all accounts of a kind, on one rail, in one currency; debit positive."""

    kind: AccountKind
    rail: Code | None
    currency: Code
    opening_minor: MinorSum
    debited_minor: MinorSum
    credited_minor: MinorSum

    @property
    def closing_minor(self) -> int:
        return self.opening_minor + self.debited_minor - self.credited_minor


class JournalRow(Model):
    """An entry with its transaction, for accounting. ``reference`` is that of the payment which moves, on its rail."""

    number: Count
    at: Instant
    cause: Cause
    key: Line
    customer_id: Id | None
    kind: AccountKind
    subject: Line | None
    rail: Code | None
    currency: Code
    amount_minor: Minor
    due_at: Instant | None
    reference: Id | None
    by: Author | None
    reason: Words | None
