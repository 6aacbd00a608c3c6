"""Finishes registrations whose customer never came back and whose webhook never came; tells what is untold."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from clients.registrar import Registrar
from services.alerts import Alerts

_PAUSE_SECONDS = 300.0

_log = logging.getLogger(__name__)


@asynccontextmanager
async def sweeping(registrar: Registrar, alerts: Alerts) -> AsyncIterator[None]:
    """Sweeps at once, then every few minutes until the block ends."""
    task = asyncio.create_task(_sweep(registrar, alerts))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _sweep(registrar: Registrar, alerts: Alerts) -> None:
    while True:
        try:
            await registrar.sweep(datetime.now(UTC))
        except Exception as error:  # of any kind: the next sweep comes
            _log.warning("registrations cannot be read: %s", error or type(error).__name__)
        try:
            await alerts.resume()  # the ledger puts some into the outbox by itself
        except Exception as error:
            _log.warning("reviewers cannot be told now: %s", error or type(error).__name__)
        await asyncio.sleep(_PAUSE_SECONDS)
