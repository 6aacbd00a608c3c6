"""Cancellation, both ways: people's, which must not end a workflow, and ours, of an activity that is wanted no more."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from temporalio import workflow

Result = TypeVar("Result")


async def despite_cancellation(work: Coroutine[Any, Any, Result], asked: Callable[[], object]) -> Result:
    """The result of ``work``; ``asked`` is called whenever somebody requests cancellation, and ``work`` goes on.

    A cancellation, a button in the Temporal UI, would end the workflow with no reason on record.
    """
    working = asyncio.create_task(work)
    while True:
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            if working.cancelling() or working.done():
                raise  # not a request: the worker lets go of this run
            asked()


async def while_wanted(working: workflow.ActivityHandle[Result], wanted: Callable[[], bool]) -> Result:
    """The result of an activity, which is cancelled once it is not wanted any more."""
    await workflow.wait_condition(lambda: working.done() or not wanted())
    if not working.done():
        working.cancel()
    return await working
