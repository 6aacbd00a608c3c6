"""The company's account at the bank: transfers that arrive, and what the bank passes on of its app's payments.

Some contracts are settled in one sum, net of commission; of others the bank passes every payment on, a day late, in a
line of its own.
"""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from pydantic import BaseModel

from sandbox.bank.contracts import Contract
from sandbox.bank.store import AccountLine, AppPayment, Store

BANK_NAME = "Northern Bank"


class AccountTransfer(BaseModel, extra="forbid"):
    """Money that somebody sends to the account. ``customer_id`` "": nobody will ever know who."""

    amount: str
    payer: str
    currency: str = "eur"
    payer_account: str = ""
    text: str = ""
    customer_id: str = ""
    order: str = ""
    is_named: bool = True
    reference: str = ""


class CompanyAccount:
    """``late``: how long after our clock its lines are booked."""

    def __init__(self, store: Store) -> None:
        self.late = timedelta()
        self._store = store

    def receive(self, transfer: AccountTransfer) -> AccountLine:
        reference = transfer.reference or self._reference()
        fields = transfer.model_dump(exclude={"reference"})
        return self._store.put_line(AccountLine(reference=reference, booked_at=self._now(), **fields))

    def claim(self, reference: str) -> AccountLine:
        """The sender has called. Raises ``KeyError``."""
        return self._store.put_line(self._store.lines[reference].model_copy(update={"is_claimed": True}))

    def settle(self, contract: Contract) -> AccountLine | None:
        """What is not settled yet and was not taken back, net of commission, in one line; None: nothing."""
        due = self._unsettled(contract)
        gross = sum((Decimal(payment.sum) for payment in due if not payment.reversed_by), Decimal(0))
        if not gross:
            return None
        fee = (gross * Decimal(contract.commission_percent) / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
        line = self._store.put_line(
            AccountLine(
                reference=self._reference(),
                booked_at=self._now(),
                amount=str(gross - fee),
                gross=str(gross),
                currency=contract.currency,
                payer=f"{BANK_NAME}, {contract.rail}",
                text=f"Settlement {contract.rail}, {len(due)} payments, commission {fee}",
                rail=contract.rail,
            )
        )
        self._note_settled(due, line.reference)
        return line

    def pass_on(self, contract: Contract) -> list[AccountLine]:
        """A line for each payment that is not settled yet, with its number in the text."""
        lines = []
        for payment in self._unsettled(contract):
            line = self._store.put_line(
                AccountLine(
                    reference=self._reference(),
                    booked_at=self._now(),
                    amount=payment.sum,
                    currency=contract.currency,
                    payer=BANK_NAME,
                    text=f"Payment {payment.txn_id} of {contract.rail}",
                    rail=contract.rail,
                    txn_id=payment.txn_id,
                )
            )
            self._note_settled([payment], line.reference)
            lines.append(line)
        return lines

    def _unsettled(self, contract: Contract) -> list[AppPayment]:
        return [payment for payment in self._store.taken(contract.rail) if not payment.settled_by]

    def _note_settled(self, payments: list[AppPayment], reference: str) -> None:
        for payment in payments:
            self._store.put_payment(payment.model_copy(update={"settled_by": reference}))

    def _now(self) -> datetime:
        return datetime.now(UTC) + self.late

    def _reference(self) -> str:
        return f"NB{self._now():%y%m%d}{len(self._store.lines) + 1:06}"
