"""The completeness check's look at payments: money that nobody has assigned, and what waits for a second person."""

from billing.completeness.check import CompletenessCheck
from billing.completeness.report import KEPT
from billing.receivables.payment_list import PaymentFilter
from billing.receivables.ports import PaymentListing

_PAGE = 1000  # payments read at once


async def look_at_payments(ledger: PaymentListing, check: CompletenessCheck) -> None:
    """Of all months: whatever is unmatched belongs to none."""
    wanted, offset = PaymentFilter(unmatched=True), 0
    while rows := (await ledger.incoming_payments(wanted, _PAGE, offset)).rows:
        for row in rows:
            check.unmatched(row)
        offset += len(rows)
    for instruction in await ledger.instructions(limit=KEPT):
        check.waits(instruction)
