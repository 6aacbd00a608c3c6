"""The journal as it should be: computed anew from the sheet, the mails, Stripe's own journal and the commands."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from billing.collections.stages import CollectionStage
from billing.invoices.stages import Stage
from billing.receivables.journal import AccountKind, Cause, PaymentName, Transaction
from sandbox.judge.evidence import CustomerEvidence, Evidence, MonthEvidence

_UNDONE = {Cause.VOID: Cause.NOTICE, Cause.SKIP: Cause.DRAFT}
"""What is undone counts against what was done."""


class BookAccount(NamedTuple):
    """An account of one customer, and what has changed it; ``name`` is the month or rail."""

    cause: Cause
    kind: AccountKind
    name: str
    currency: str


Sums = Counter[BookAccount]


def differing_books(evidence: Evidence) -> Iterator[str]:
    for account in evidence.accounts:
        books, expected = _kept(account.transactions), _expected(account)
        for of in sorted(books.keys() | expected.keys()):
            if books[of] != expected[of]:
                yield f"{account.customer_id}: {' '.join(of)} is {books[of]}, should be {expected[of]}"


def _kept(transactions: list[Transaction]) -> Sums:
    """The journal's entries, added up."""
    sums: Sums = Counter()
    for transaction in transactions:
        for entry in transaction.entries:
            cause, account = _UNDONE.get(transaction.cause, transaction.cause), entry.account
            name = account.subject.name if account.subject else account.rail or ""
            sums[BookAccount(cause, account.kind, name, entry.currency)] += entry.amount_minor
    return sums


def _expected(account: CustomerEvidence) -> Sums:
    """The entries that sheet, mails, Stripe and commands call for."""
    sums: Sums = Counter()
    booked = [transaction.payment for transaction in account.transactions if transaction.payment]
    for case in account.cases:
        for cause, debited, credited, amount_minor in _movements(case, booked):
            sums[BookAccount(cause, *debited, case.month.currency)] += amount_minor
            sums[BookAccount(cause, *credited, case.month.currency)] -= amount_minor
    return sums


_Account = tuple[AccountKind, str]


def _movements(case: MonthEvidence, booked: list[PaymentName]) -> Iterator[tuple[Cause, _Account, _Account, int]]:
    """The cause, the accounts debited and credited, and the amount. ``booked``: payments in the journal's order."""
    owed, balance = (AccountKind.RECEIVABLE, str(case.period)), (AccountKind.CREDIT, "")
    due, debt = case.due, case.debt
    is_drafted = case.month.invoice is not None and due.outcome is not Stage.SKIPPED
    taken_minor = due.carried_minor if is_drafted else 0
    yield Cause.DRAFT, owed, balance, taken_minor
    billed_minor = sum(amount for amount in due.amounts.values() if amount is not None) if _is_billed(case) else 0
    yield Cause.NOTICE, owed, (AccountKind.BILLED, case.period), billed_minor
    left_minor = due.total_minor if due.outcome is Stage.CARRIED_FORWARD else 0
    yield Cause.CARRY, balance, owed, left_minor
    unpaid_minor = taken_minor + billed_minor - left_minor
    for rail, amount_minor in _payments(case, booked):
        share_minor = min(amount_minor, max(0, unpaid_minor))
        yield Cause.PAYMENT, (AccountKind.CLEARING, rail), owed, share_minor
        yield Cause.PAYMENT, (AccountKind.CLEARING, rail), balance, amount_minor - share_minor
        unpaid_minor -= share_minor
    if debt is not None and debt.outcome is CollectionStage.WRITTEN_OFF:
        yield Cause.WRITE_OFF, (AccountKind.WRITTEN_OFF, case.period), owed, unpaid_minor


def _payments(case: MonthEvidence, booked: list[PaymentName]) -> list[tuple[str, int]]:
    """The rails and amounts of money for the month, as it was booked: what comes later may be too much."""
    at_stripe = [intent for intent in (*case.intents, *case.links) if intent.charged]
    at_stripe.sort(key=lambda intent: intent.charged_at)
    by_stripe = [(intent.rail, intent.now["id"], intent.now["amount_received"]) for intent in at_stripe]
    transfers = [(row.rail, row.reference, row.amount_minor) for row in case.transfers]
    order = {name: number for number, name in enumerate(booked)}
    paid = sorted(by_stripe + transfers, key=lambda payment: order.get(PaymentName.of(*payment[:2]), len(order)))
    return [(rail, amount_minor) for rail, _, amount_minor in paid]


def _is_billed(case: MonthEvidence) -> bool:
    """A month is billed by its notice, and by a close that needs none."""
    if case.due.outcome is None:
        return case.month.announced
    return case.due.outcome is not Stage.SKIPPED
