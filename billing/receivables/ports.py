"""What customers owe, read from the journal. Every method may be called again after any failure."""

from typing import Protocol

from billing.receivables.journal import Balance


class Accounts(Protocol):
    async def balance(self, customer_id: str) -> Balance:
        """What the customer owes, and their credit; nothing of an unknown one."""
