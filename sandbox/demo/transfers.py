"""Money that sample customers send by bank transfer, and that a reviewer records by the bank's statement."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from billing.money import parse_amount
from billing.period import Period
from sandbox.stack.sample import SAMPLE
from sandbox.stand_ins.bank import Bank, Transfer


class SampleTransfer(NamedTuple):
    """A transfer for the month; ``amount`` as it stands in the statement."""

    customer_id: str
    reference: str
    amount: str
    reason: str

    @property
    def currency(self) -> str:
        return next(sample.currency for sample in SAMPLE if sample.customer_id == self.customer_id)

    def arrive(self, folder: Path, period: Period, now: datetime) -> None:
        """The money is on the company's account."""
        transfer = Transfer(
            reference=self.reference,
            payer=self.customer_id,
            amount_minor=parse_amount(self.amount, self.currency),
            currency=self.currency,
            sent_at=now,
            customer_id=self.customer_id,
            month=period,
        )
        Bank(folder / "bank.jsonl").credit(transfer)

    def command(self, period: Period) -> tuple[str, ...]:
        """How it is recorded."""
        money = ("--amount", self.amount, "--currency", self.currency)
        whose = ("--customer", self.customer_id, "--month", period)
        return "payments", "record", "transfer", self.reference, *money, *whose, "--by", "bob", "--reason", self.reason


TOO_MUCH = SampleTransfer("acme", "20871", "1400.00", "statement of the 5th")
AFTER_DECLINE = SampleTransfer("denver", "20914", "95.00", "statement of the 9th")
