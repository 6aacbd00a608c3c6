"""Who learns of a payment of a running collection, and what the ledger keeps of collections.

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
    """The running collections, for those who learn something about a payment."""

    async def look_up(self, customer_id: str, period: Period, reason: str) -> bool:
        """Lets the collection ask the processor; False if none runs."""

    async def begin(self, collection: Collection) -> bool:
        """Goes on with a collection that the ledger says is open; False if it runs already."""


class CollectionRow(Model):
    """One line of a listing of collections, as the ledger last knew them."""

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
    """Collections and their diaries."""

    async def record_collection(self, collection: Collection, at: datetime) -> None:
        """Writes the collection as it stands, and its diary.

        Raises ``StaleRun`` if it has a newer revision, ``OutcomeConflict`` if another outcome.
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
        """The whole diary of a collection; the collection itself carries only the newest."""
