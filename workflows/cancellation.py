"""Cancellation by people, which must not end a workflow, and our own, of an activity that is no longer wanted."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from temporalio import workflow

Result = TypeVar("Result")


async def despite_cancellation(work: Coroutine[Any, Any, Result], on_request: Callable[[], object]) -> Result:
    """The result of ``work``, which outlives requests to cancel the workflow; each of them calls ``on_request``."""
    working = asyncio.create_task(work)
    while True:
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            if working.cancelling() or working.done():
                raise  # not a request: the worker evicts this run
            on_request()


async def while_wanted(handle: workflow.ActivityHandle[Result], is_wanted: Callable[[], bool]) -> Result:
    """The result of an activity, which is cancelled once it is no longer wanted."""
    await workflow.wait_condition(lambda: handle.done() or not is_wanted())
    if not handle.done():
        handle.cancel()
    return await handle
