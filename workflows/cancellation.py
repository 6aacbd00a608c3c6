"""Workflows that a cancellation, a button in the Temporal UI, does not end: it would leave no reason on record."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


async def despite_cancellation(work: Coroutine[Any, Any, Result], asked: Callable[[], object]) -> Result:
    """The result of ``work``; ``asked`` is called whenever somebody requests cancellation, and ``work`` goes on."""
    working = asyncio.create_task(work)
    while True:
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            if working.cancelling() or working.done():
                raise  # not a request: the worker lets go of this run
            asked()
