"""Keeps a process alive that kills itself, once, at a boundary."""

import asyncio
import multiprocessing
import signal
from collections.abc import Callable
from typing import Any, Never

_POLL_SECONDS = 0.05
_spawning = multiprocessing.get_context("forkserver")
_spawning.set_forkserver_preload(["tests.crash.order_processes", "tests.crash.service_processes", "tests.built_models"])


async def supervise(run: Callable[..., None], arguments: tuple[Any, ...], fatal: str) -> Never:
    """Runs it again and again; only the first one is doomed."""
    while True:
        process = _spawning.Process(target=run, args=(*arguments, fatal), daemon=True)
        process.start()
        try:
            while process.is_alive():
                await asyncio.sleep(_POLL_SECONDS)
            if process.exitcode != -signal.SIGKILL or not fatal:
                raise AssertionError(f"{run.__name__} ended by itself: exit code {process.exitcode}")
        finally:
            process.kill()
            process.join()
        fatal = ""
