"""What of a customer's debt is overdue: nothing that their credit would pay."""

from collections import Counter
from datetime import datetime

from billing.receivables.journal import Balance


def overdue(balance: Balance, at: datetime) -> dict[str, int]:
    """What is overdue at that instant, by currency, above 0: owed, and due by then, less the customer's credit.

    An order, or its fee, is never overdue: nobody is pressed for what they may as well not take.
    """
    sums: Counter[str] = Counter()
    for item in balance.owed:
        is_due = item.due_at is not None and item.due_at <= at and item.subject.kind.is_pressed
        if is_due or item.amount_minor < 0:  # below 0 is credit that a draft has taken over
            sums[item.currency] += item.amount_minor
    for currency, amount_minor in balance.credits.items():
        sums[currency] += min(amount_minor, 0)
    return {currency: amount_minor for currency, amount_minor in sums.items() if amount_minor > 0}
