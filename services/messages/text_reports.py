"""Asks the vendor how far texts have come of which nothing was heard, for three days; nothing waits for that."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from billing.errors import TextUnknown
from billing.texts.ports import TextStore
from billing.texts.text import Delivery, TextReport, TextRow, Texts
from services.messages.customer_texts import CustomerTexts

_FOR = timedelta(days=3)
_SILENCE = timedelta(minutes=10)
_PAGE = 100
_POLL_SECONDS = 60.0

_log = logging.getLogger(__name__)


class TextReports:
    """Without a vendor there is nothing to ask."""

    def __init__(
        self, vendor: Texts | None, ledger: TextStore, texts: CustomerTexts | None, now: Callable[[], datetime]
    ) -> None:
        self._vendor = vendor
        self._ledger = ledger
        self._texts = texts
        self._now = now

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Asks every minute until the block ends."""
        task = asyncio.create_task(self._work())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def ask(self) -> int:
        """Asks about those of which nothing was heard for longest; how many. Repeat it after any error."""
        if self._vendor is None or self._texts is None:
            return 0
        now = self._now()
        silent = await self._ledger.texts_to_ask(self._vendor.name, now - _FOR, now - _SILENCE, _PAGE)
        for row in silent:
            await self._texts.take(row.message_id, await _asked(self._vendor, row))
        return len(silent)

    async def _work(self) -> None:
        while True:
            try:
                await self.ask()
            except Exception as error:  # of any kind: the next round asks again
                _log.warning("it cannot be asked how far texts have come: %s", error or type(error).__name__)
            await asyncio.sleep(_POLL_SECONDS)


async def _asked(vendor: Texts, row: TextRow) -> TextReport:
    """A text of which the vendor has no record is asked about again later, like one that is on its way."""
    try:
        return await vendor.status(row.sent)
    except TextUnknown:
        return TextReport(vendor_id=row.vendor_id or "", delivery=Delivery.ACCEPTED)
