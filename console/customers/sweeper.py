"""Sweeps: what finishes by itself that no return of a customer and no webhook has finished."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from services.background import running

_log = logging.getLogger(__name__)


@asynccontextmanager
async def sweeping(what: str, sweep: Callable[[], Awaitable[object]], pause_seconds: float) -> AsyncIterator[None]:
    """Sweeps at once, then after each pause until the block ends; ``what`` is looked after, for the log."""
    async with running(_sweep(what, sweep, pause_seconds)):
        yield


async def _sweep(what: str, sweep: Callable[[], Awaitable[object]], pause_seconds: float) -> None:
    while True:
        try:
            await sweep()
        except Exception as error:  # of any kind: the next sweep comes
            _log.warning("%s cannot be read: %s", what, error or type(error).__name__)
        await asyncio.sleep(pause_seconds)
