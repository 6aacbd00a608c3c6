"""Registrations that nobody finished, because the customer never came back and no webhook told, are finished here."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from clients.registrar import Registrar

_PAUSE_SECONDS = 300.0

_log = logging.getLogger(__name__)


@asynccontextmanager
async def sweeping(registrar: Registrar) -> AsyncIterator[None]:
    """Looks at once, and then again and again until the block ends."""
    task = asyncio.create_task(_sweep(registrar))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _sweep(registrar: Registrar) -> None:
    while True:
        try:
            await registrar.sweep(datetime.now(UTC))
        except Exception as error:  # whatever it is, the next look comes
            _log.warning("registrations cannot be read: %s", error or type(error).__name__)
        await asyncio.sleep(_PAUSE_SECONDS)
