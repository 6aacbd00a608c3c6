"""What coverage finds about bills without a card: those that nobody was told of."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from billing.completeness.report import Finding, FindingKind
from billing.model import Code, Id, Minor, Model
from billing.money import format_amount
from billing.period import Period
from billing.remedies import RemedyAction


class UntoldBill(Model):
    """What is left of the bill of a month, of which its customer was told by no way."""

    customer_id: Id
    period: Period
    currency: Code
    owed_minor: Minor


class BillBooks(Protocol):
    async def untold_bills(self) -> list[UntoldBill]:
        """Of months that closed as ``Billed`` and are not paid; the first thousand.

        Told is whoever was sent the bill, or a reminder or warning since, by mail; or by text, which has not failed.
        """


def bill_findings(untold: Iterable[UntoldBill]) -> Iterator[Finding]:
    for bill in untold:
        owed = format_amount(bill.owed_minor, bill.currency)
        yield Finding(
            kind=FindingKind.UNTOLD_BILL,
            customer_id=bill.customer_id,
            text=f"{bill.customer_id} owes {owed} for {bill.period}, and was told of it by no mail and no text",
            advice="update their phone or email, so that the next reminder tells them; or tell them yourself",
            remedies=(RemedyAction.SHOW_MONTH.of(bill.customer_id, bill.period),),
            matter=f"untold bill {bill.customer_id} {bill.period}",
        )
