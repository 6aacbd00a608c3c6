"""What customers owe, read from the journal. Every method may be called again after any failure."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Protocol

from billing.receivables.incoming import PaymentRow
from billing.receivables.journal import AccountTotal, Balance, JournalRow, Transaction

THE_BEGINNING, THE_END = datetime(1970, 1, 1, tzinfo=UTC), datetime(2999, 12, 31, tzinfo=UTC)


class Accounts(Protocol):
    async def balance(self, customer_id: str) -> Balance:
        """What the customer owes, and their credit; nothing of an unknown one."""


class Journal(Accounts, Protocol):
    async def transactions(self, customer_id: str) -> list[Transaction]:
        """Every movement of the customer's money, oldest first."""

    async def settle(self, customer_id: str, by: str, reason: str, at: datetime) -> Balance:
        """Writes off what no draft will take over: of a closed account all, else credit in currencies of the past.

        Returns what it was; a repeat finds none. Raises ``NotFound``, and ``InvalidInput`` if something comes first.
        """


class IncomingListing(Protocol):
    async def incoming_payments(
        self, unmatched_only: bool = False, customer_id: str | None = None, rail: str | None = None, text: str = ""
    ) -> list[PaymentRow]:
        """The incoming payments that match everything given, unmatched ones first, then the newest."""


class GeneralLedger(Protocol):
    """The journal of all customers. ``since`` and ``until`` are instants, the second excluded."""

    def journal(self, since: datetime, until: datetime) -> AsyncIterator[list[JournalRow]]:
        """All entries written in that time, in their order, in pages."""

    async def trial_balance(self, since: datetime = THE_BEGINNING, until: datetime = THE_END) -> list[AccountTotal]:
        """What was on each kind of account at ``since``, and what was debited and credited until ``until``."""
