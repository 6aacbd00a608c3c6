"""Shutdown of a worker: by a signal, or by itself when it cannot evict a run (docs/decisions/0016).

ending = Ending(threads)      handles SIGTERM and SIGINT from now on
await ending.begins(report)   returns when the worker has to shut down; a timer ends a slow shutdown by force
os._exit(ending.code)
"""

import asyncio
import faulthandler
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Timer

from temporalio.common import MetricMeter

from billing.reviewers.alerts import of_worker
from billing.reviewers.ports import AlertOutbox, DigestWaker
from process.threads import Eviction, WorkflowThreads

GRACE = timedelta(seconds=30)
"""How long running activities may continue when a worker stops."""

BY_FORCE = timedelta(seconds=5)
"""How long after the grace period the process is ended by force."""

REPLACE = 70
"""The exit code of a worker to be restarted: it kept a run, or could not shut down in order."""

_KEPT = timedelta(minutes=1)
_FROZEN = timedelta(minutes=1)  # no Python code runs: something holds the interpreter's lock, or the loop
_LOOK = timedelta(seconds=5)
_REPORTING = timedelta(seconds=10)

Report = Callable[[Sequence[Eviction]], Awaitable[None]]

_log = logging.getLogger(__name__)


class KeptRuns:
    """Reports runs that this worker cannot evict: by a gauge to Prometheus, by alerts to reviewers and health page."""

    def __init__(self, meter: MetricMeter, ledger: AlertOutbox, digest: DigestWaker) -> None:
        self._gauge = meter.create_gauge("billing_kept_runs", "Runs that this worker cannot evict.")
        self._ledger = ledger
        self._digest = digest

    async def report(self, kept: Sequence[Eviction]) -> None:
        """Gives up after some seconds: the restart that follows does not depend on it."""
        self._gauge.set(len(kept))
        try:
            async with asyncio.timeout(_REPORTING.total_seconds()):
                for eviction in kept:
                    await self._ledger.save_alert(of_worker(eviction.workflow_id, datetime.now(UTC)))
                    await self._digest.wake()
        except Exception as error:  # no error may prevent the shutdown
            _log.warning("the alert about kept runs was not saved: %s", error or type(error).__name__)


class Ending:
    """``code`` is the exit code, once the shutdown has begun."""

    def __init__(self, threads: WorkflowThreads) -> None:
        self.code = 0
        self._threads = threads
        self._begun = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._signalled)

    async def begins(self, report: Report) -> None:
        """Returns on a signal, or when a run is kept too long; ``report`` receives the kept runs every few seconds.

        ``faulthandler`` ends the process if this loop stalls.
        """
        while not self._begun.is_set():
            faulthandler.dump_traceback_later(_FROZEN.total_seconds(), exit=True)
            if kept := self._threads.evictions(_KEPT.total_seconds()):
                _log.critical("shuts down to be restarted: could not evict %s for %s", _named(kept), _KEPT)
                self.code = REPLACE
                self._begin()
            await report(kept)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK.total_seconds()):
                    await self._begun.wait()

    def _signalled(self) -> None:
        if self._begun.is_set():
            self._end_by_force("a second signal")
        _log.info("shuts down on a signal")
        self._begin()

    def _begin(self) -> None:
        self._begun.set()
        limit = (GRACE + BY_FORCE).total_seconds()
        by_force = Timer(limit, self._end_by_force, [f"not ended in order within {limit:g} seconds"])
        by_force.daemon = True
        by_force.start()
        faulthandler.dump_traceback_later(limit + BY_FORCE.total_seconds(), exit=True)  # if that cannot run either

    def _end_by_force(self, why: str) -> None:
        kept = _named(self._threads.evictions())
        _log.critical("ended by force: %s; runs not evicted: %s", why, kept)
        faulthandler.dump_traceback()
        os._exit(REPLACE)


def _named(evictions: Sequence[Eviction]) -> str:
    return ", ".join(map(str, evictions)) or "none"
