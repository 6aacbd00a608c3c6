"""Running collections, and collections in the ledger.

Every method raises errors of ``billing.errors`` only, and may be called again after any failure.
"""

from datetime import datetime
from typing import Protocol

from billing.apart import Failed
from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.collections.stages import CollectionStage, DiaryEntry
from billing.model import Code, Id, Instant, Minor, Model
from billing.period import Period


class Collections(Protocol):
    async def look_up(self, customer_id: str, period: Period, reason: str) -> bool:
        """Makes the collection look the payment of ``period`` up; False if none runs."""

    async def count_again(self, customer_id: str, reason: str) -> bool:
        """Makes the collection ask the ledger what is still owed; False if none runs."""

    async def runs(self, customer_id: str) -> bool:
        """Whether a collection of the customer runs."""

    async def begin(self, collection: Collection, debt: Debt) -> None:
        """Starts the ``collection`` unless one of the customer runs; tells it of the ``debt``, which counts once."""


class DebtRow(Model):
    """What a month left unpaid, in a listing, as last recorded. ``next_at`` is that of its customer's collection."""

    customer_id: Id
    period: Period
    stage: CollectionStage
    currency: Code
    amount_minor: Minor
    outstanding_minor: Minor
    opened_at: Instant
    next_at: Instant | None
    closed_at: Instant | None
    updated_at: Instant


class CollectionStore(Protocol):
    async def record_collection(self, collection: Collection, at: datetime) -> None:
        """Writes the collection as of ``at``, its debts and its diary. A settled debt never becomes open again.

        Raises ``StaleRun`` if the ledger has a newer revision, ``OutcomeConflict`` if a debt has another outcome there.
        """

    async def collection(self, customer_id: str, period: Period) -> Collection | None:
        """The collection that has the debt of ``period``, as last recorded."""

    async def debts(
        self,
        period: Period | None = None,
        customer_id: str | None = None,
        open_only: bool = False,
        failed: list[Failed] | None = None,
    ) -> list[DebtRow]:
        """The debts that match every filter, by customer and period. Unreadable ones are added to ``failed``."""

    async def diary(self, customer_id: str, period: Period) -> list[DiaryEntry]:
        """The whole diary about the debt of ``period`` and about its customer's account.

        The collection itself has only the newest entries.
        """
