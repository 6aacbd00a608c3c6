"""The ledger's record of texts, and of what they cost.

Every method raises errors of ``billing.errors`` only, and may be called again after any failure.
"""

from datetime import date, datetime
from typing import Protocol

from billing.model import Count, Model
from billing.period import Period
from billing.tasks.task import NewTask
from billing.texts.text import Micros, TextReport, TextRow, TextStatus


class TextLimits(Model):
    """What a day may have, in UTC; None: as many as there are."""

    texts: Count | None = None
    cost_micros: Micros | None = None


class TextDay(Model):
    """The texts that were begun on a day, whatever became of them."""

    day: date
    texts: Count = 0
    segments: Count = 0
    cost_micros: Micros = 0


class TextStore(Protocol):
    async def begin_text(self, row: TextRow, limits: TextLimits, idle_since: datetime) -> TextRow | None:
        """Puts a text on record as being sent, and counts it for its day; None: it is new, and is to be sent.

        Else the row as it was before: ``waiting`` is to be sent; of ``sending``, which a process began to send before
        ``idle_since``, it is not known what became. Raises ``TextsUnavailable`` if a process has begun since then, and
        ``TextsHeld`` if the day's limits do not allow one more; then nothing is written.
        """

    async def close_text(
        self, message_id: str, status: TextStatus, at: datetime, code: str = "", task: NewTask | None = None
    ) -> None:
        """Records what became of an attempt to send it, and opens a task; a report that came first stays."""

    async def take_report(self, message_id: str, report: TextReport, at: datetime) -> None:
        """Records what the vendor says of a text; if it has failed, a task to ask for another number is opened with it.

        Reports come late, twice, and may contradict each other: whatever was delivered once stays delivered.
        """

    async def text(self, message_id: str) -> TextRow | None: ...

    async def texts(
        self, customer_id: str | None = None, limit: int = 100, period: Period | None = None
    ) -> list[TextRow]:
        """Those that match every filter, the newest first."""

    async def texts_to_ask(self, vendor: str, since: datetime, before: datetime, limit: int) -> list[TextRow]:
        """Texts sent ``since`` then that were last heard of ``before``; the oldest first."""

    async def text_day(self, day: date) -> TextDay: ...
