"""How a worker ends: when it is told to, or by itself when it cannot let go of a run (docs/decisions/0016).

ending = Ending(threads)      from here on SIGTERM and SIGINT are heard
await ending.begins(report)   the worker has to shut down now; if that takes too long, the process is ended by force
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
"""How long activities that run may go on when a worker is stopped."""

BY_FORCE = timedelta(seconds=5)
"""How long after that a process that has not ended is ended by force."""

REPLACE = 70
"""The exit code of a worker that a process manager has to start again: it kept a run, or could not end in order."""

_KEPT = timedelta(minutes=1)
_FROZEN = timedelta(minutes=1)  # no Python code runs any more: something holds the interpreter's lock, or the loop
_LOOK = timedelta(seconds=5)
_REPORTING = timedelta(seconds=10)

Report = Callable[[Sequence[Eviction]], Awaitable[None]]

_log = logging.getLogger(__name__)


class KeptRuns:
    """Tells of runs that this worker cannot let go of: Prometheus by a gauge, health page and reviewers by alerts."""

    def __init__(self, meter: MetricMeter, ledger: AlertOutbox, digest: DigestWaker) -> None:
        self._gauge = meter.create_gauge("billing_kept_runs", "Runs that this worker cannot let go of.")
        self._ledger = ledger
        self._digest = digest

    async def report(self, kept: Sequence[Eviction]) -> None:
        """Gives up after a while: what is reported is about to be mended, whoever hears of it."""
        self._gauge.set(len(kept))
        try:
            async with asyncio.timeout(_REPORTING.total_seconds()):
                for eviction in kept:
                    await self._ledger.save_alert(of_worker(eviction.workflow_id, datetime.now(UTC)))
                    await self._digest.wake()
        except Exception as error:  # whatever it is: it must not keep the worker from its end
            _log.warning("reviewers were not told that runs are kept: %s", error or type(error).__name__)


class Ending:
    """``code`` is the exit code, once it has begun."""

    def __init__(self, threads: WorkflowThreads) -> None:
        self.code = 0
        self._threads = threads
        self._begun = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._told)

    async def begins(self, report: Report) -> None:
        """Returns when this process is told to end, or has to; ``report`` gets the runs that it cannot let go of.

        From the first look on, ``faulthandler`` ends a process in which nobody looks again.
        """
        while not self._begun.is_set():
            faulthandler.dump_traceback_later(_FROZEN.total_seconds(), exit=True)
            if kept := self._threads.evictions(_KEPT.total_seconds()):
                _log.critical("replaces itself, after it could not let go of %s for %s", _named(kept), _KEPT)
                self.code = REPLACE
                self._begin()
            await report(kept)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK.total_seconds()):
                    await self._begun.wait()

    def _told(self) -> None:
        if self._begun.is_set():
            self._end_by_force("told to end again")
        _log.info("told to end")
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
        _log.critical("ended by force: %s; runs that it could not let go of: %s", why, kept)
        faulthandler.dump_traceback()
        os._exit(REPLACE)


def _named(evictions: Sequence[Eviction]) -> str:
    return ", ".join(map(str, evictions)) or "none"
