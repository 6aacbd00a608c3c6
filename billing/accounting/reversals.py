"""Refunds and disputes, as reconciliation adds them up and tells them."""

from collections.abc import Sequence

from billing.accounting.discrepancy import Discrepancy, DiscrepancyKind
from billing.money import format_amount
from billing.payments.payment import Payment, Reversal, ReversalKind
from billing.payments.ports import ReversalRow


def in_words(reversal: Reversal, payment: Payment) -> str:
    amount = format_amount(reversal.amount_minor, reversal.currency)
    kind = "Dispute" if reversal.kind is ReversalKind.DISPUTE else "Refund"
    reason = f" ({reversal.reason})" if reversal.reason else ""
    return f"{kind} of {amount}{reason}: {reversal.code}\n{reversal.reversal_id} of payment {payment.payment_id}"


def refunded_minor(rows: Sequence[ReversalRow]) -> dict[str, int]:
    """Refunded amounts by payment."""
    sums: dict[str, int] = {}
    for row in rows:
        if row.kind is ReversalKind.REFUND and row.status.has_moved:
            sums[row.payment_id] = sums.get(row.payment_id, 0) + row.amount_minor
    return sums


def reversal_finding(payment: Payment, reversal: Reversal) -> Discrepancy:
    return Discrepancy(
        kind=DiscrepancyKind.REVERSAL,
        customer_id=payment.customer_id,
        period=payment.period,
        payment_id=payment.payment_id,
        text=f"the ledger lacked {reversal.kind} {reversal.reversal_id} ({reversal.code}); taken in",
        repaired=True,
    )
