"""What a biller needs of the ledger. Every method may be called again after any failure."""

from datetime import datetime
from typing import Protocol

from billing.billers.biller import AccountDue, Answered, BillerPayment, Render
from billing.customers.account_numbers import AccountKey


class BillerBooks(Protocol):
    async def account_due(self, key: AccountKey, currency: str) -> AccountDue | None:
        """Whose account it is, and what is due in this currency; None: nobody's. One query, no side effect."""

    async def answered(self, rail: str, txn_id: str, asked: str, at: datetime) -> Answered | None:
        """What the bank was answered to this payment before; None: nothing yet.

        If it asks with another account or sum now, a person is told.
        """

    async def pay_account(self, payment: BillerPayment, render: Render, at: datetime) -> Answered:
        """Books the payment and keeps its answer, in one transaction; a repeat gets the answer on record.

        Money for an account that never existed is not booked, and the answer says so. Raises ``LedgerUnavailable``:
        then it is not known whether anything was committed.
        """
