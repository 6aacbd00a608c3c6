"""The source of sales, and the readings that all processes share.

Every method raises errors of ``billing.errors`` only, and may be called again after any failure.
"""

from datetime import datetime
from typing import Protocol

from billing.model import Code, Instant, Model
from billing.period import Period
from billing.sales.sales import SalesSnapshot


class SalesSource(Protocol):
    @property
    def name(self) -> str:
        """Identifies the spreadsheet or folder, and so its readings."""

    async def read(self, period: Period) -> SalesSnapshot:
        """All sales of ``period`` at this moment, by one request, as somebody may be editing.

        Raises ``SalesUnavailable``: an unreadable sheet never passes for one without rows.
        """


class Reading(Model):
    """The digest of a worksheet as it stood at ``read_at`` or soon after."""

    digest: Code
    read_at: Instant


class SalesReadings(Protocol):
    """The last agreed reading of each worksheet of a ``source``, for all processes."""

    async def reading(self, source: str, period: Period) -> Reading | None: ...

    async def kept_sales(self, source: str, period: Period, digest: str) -> SalesSnapshot | None:
        """The sales that were read; None if they are no longer kept."""

    async def claim_reading(self, source: str, period: Period, previous: Reading | None, seconds: float) -> bool:
        """Whether the caller may read the worksheet: nobody else has since ``previous``, or is about to.

        The claim lasts until the reading is kept or released, at most ``seconds``.
        """

    async def keep_reading(self, source: str, snapshot: SalesSnapshot, period: Period, read_at: datetime) -> None: ...

    async def release_reading(self, source: str, period: Period) -> None:
        """Ends the claim without a reading."""
