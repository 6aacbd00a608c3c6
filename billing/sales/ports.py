"""Where sales are read, and the readings that all processes share.

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
        """Which spreadsheet or folder it is: readings of another one do not count."""

    async def read(self, period: Period) -> SalesSnapshot:
        """All sales of ``period`` at this moment, by one request; somebody may be typing.

        Raises ``SalesUnavailable``; never answers an unreadable sheet with no rows.
        """


class Reading(Model):
    """When a worksheet was read last, and the digest of what it said: it said so at ``read_at`` or soon after."""

    digest: Code
    read_at: Instant


class SalesReadings(Protocol):
    """The last agreed reading of each worksheet of a ``source``, for all processes."""

    async def reading(self, source: str, period: Period) -> Reading | None: ...

    async def kept_sales(self, source: str, period: Period, digest: str) -> SalesSnapshot | None:
        """What was read; None if it is not there any more."""

    async def claim_reading(self, source: str, period: Period, previous: Reading | None, seconds: float) -> bool:
        """Whether the caller is to read the worksheet now: nobody else has since ``previous``, nor is about to.

        It is the caller's until it is kept or released, for so many ``seconds`` at most.
        """

    async def keep_reading(self, source: str, snapshot: SalesSnapshot, period: Period, read_at: datetime) -> None: ...

    async def release_reading(self, source: str, period: Period) -> None:
        """The worksheet could not be read."""
