"""Running collections, and collections in the ledger.

Every method raises errors of ``billing.errors`` only, and may be called again after any failure.
"""

from datetime import datetime
from typing import Protocol

from billing.apart import Failed
from billing.collections.collection import Collection
from billing.collections.stages import CollectionStage, DiaryEntry
from billing.model import Code, Id, Instant, Minor, Model
from billing.period import Period


class Collections(Protocol):
    async def look_up(self, customer_id: str, period: Period, reason: str) -> bool:
        """Makes the collection look its payment up; False if none runs."""

    async def begin(self, collection: Collection) -> bool:
        """Starts a collection that is open in the ledger; False if it runs already."""


class CollectionRow(Model):
    """A collection in a listing, as last recorded."""

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
        """Writes the collection and its diary.

        Raises ``StaleRun`` if the ledger has a newer revision, ``OutcomeConflict`` if it has another outcome.
        """

    async def collection(self, customer_id: str, period: Period) -> Collection | None:
        """The collection as last recorded."""

    async def collections(
        self,
        period: Period | None = None,
        customer_id: str | None = None,
        open_only: bool = False,
        failed: list[Failed] | None = None,
    ) -> list[CollectionRow]: ...

    async def diary(self, customer_id: str, period: Period) -> list[DiaryEntry]:
        """The whole diary of a collection; the collection itself has only the newest entries."""
