"""What customers owe, read from the journal. Every method may be called again after any failure."""

from typing import Protocol

from billing.receivables.journal import Balance, Transaction


class Accounts(Protocol):
    async def balance(self, customer_id: str) -> Balance:
        """What the customer owes, and their credit; nothing of an unknown one."""


class Journal(Accounts, Protocol):
    async def transactions(self, customer_id: str) -> list[Transaction]:
        """Every movement of the customer's money, oldest first."""
