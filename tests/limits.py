"""A limit for each test, from the setup of its fixtures to their teardown, and one for the whole run (pyproject.toml).

What exceeds one is ended hard: exceptions leave what hangs hanging. First are printed what the test wrote, the tasks of
every asyncio loop and the stacks of all threads; then the process and its children are killed. Under xdist that is a
worker: its test has failed and another worker goes on; at the end of the run's limit the controller goes as well.
"""

import asyncio
import faulthandler
import gc
import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Generator, Iterator
from contextlib import suppress
from types import AsyncGeneratorType, FrameType
from typing import Any

import psutil
import pytest

_GRACE_SECONDS = 5
"""How long the dump of a process that is ended may take, and how much earlier than the controller a worker ends."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("test_limit", "seconds for each test, with its fixtures; a marker limit(seconds) goes before")
    parser.addini("run_limit", "seconds for the whole run")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "limit(seconds): how long the test may take, with its fixtures")
    config.pluginmanager.register(Limits(config), "limits")


class Limits:
    """At any time one limit runs: the test's, or the run's if that ends sooner."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._test_seconds = float(config.getini("test_limit"))
        self._run_ends = time.monotonic() + float(config.getini("run_limit"))
        self._worker: dict[str, Any] | None = getattr(config, "workerinput", None)
        if self._worker:
            self._run_ends = self._worker["run_ends"]
        self._stderr = os.dup(2)  # while tests run, pytest captures 2
        self._timer: threading.Timer | None = None
        self._item: pytest.Item | None = None
        faulthandler.enable(self._stderr)
        self._limit("the run")

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["run_ends"] = self._run_ends - _GRACE_SECONDS

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._item = item
        marker = item.get_closest_marker("limit")
        self._limit(item.nodeid, marker.args[0] if marker else self._test_seconds)
        try:
            return (yield)
        finally:
            self._item = None
            self._limit("the run")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        if self._worker is None:  # a worker waits for the others, and xdist kills one that does not end
            self._limit("the end of the run", self._test_seconds)  # also for what keeps the interpreter from ending

    def pytest_enter_pdb(self) -> None:
        self._run_ends = math.inf
        self._cancel()

    def _limit(self, what: str, seconds: float = math.inf) -> None:
        """``what`` may take as long from now, and the run until it ends."""
        self._cancel()
        left = self._run_ends - time.monotonic()
        if left < seconds:
            what, seconds = f"the run, in {what}" if seconds < math.inf else what, max(left, 0)
        if seconds < math.inf:
            self._timer = threading.Timer(seconds, self._end, [what])
            self._timer.daemon = True
            self._timer.start()
            # For what never lets go of the interpreter: no Python thread runs then, and tasks cannot be printed.
            faulthandler.dump_traceback_later(seconds + _GRACE_SECONDS, exit=True, file=self._stderr)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        faulthandler.cancel_dump_traceback_later()

    def _end(self, what: str) -> None:
        report = [f"\n++++ Limit exceeded by {what}"]
        try:
            for part in (self._written, _tasks, _threads):
                try:
                    report += part()
                except Exception:
                    report.append(traceback.format_exc())
            with open(self._stderr, "w", errors="replace", closefd=False) as output:
                output.write("\n".join([*report, "++++\n"]))
            for child in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    child.kill()
        finally:
            os._exit(1)

    def _written(self) -> Iterator[str]:
        """What the test has logged and printed; pytest keeps that of its setup, call and teardown apart."""
        if self._item is not None:
            yield from (text for _, _, text in self._item._report_sections)
            yield self._config.pluginmanager.getplugin("logging-plugin").report_handler.stream.getvalue()
            yield from self._config.pluginmanager.getplugin("capturemanager").read_global_capture()


def _tasks() -> Iterator[str]:
    for loop in [value for value in gc.get_objects() if issubclass(type(value), asyncio.AbstractEventLoop)]:
        for task in asyncio.all_tasks(loop):
            stack = traceback.StackSummary.extract((frame, frame.f_lineno) for frame in _frames(task.get_coro()))
            yield f"---- Task {task.get_name()} of {loop!r}\n" + "".join(stack.format())


def _frames(awaitable: object) -> Iterator[FrameType]:
    """Where a coroutine is suspended, and what it awaits, and so on."""
    while awaitable is not None:
        kind = next((kind for kind in ("cr", "gi", "ag") if hasattr(awaitable, f"{kind}_frame")), None)
        if kind is None:  # the step of an asynchronous generator, which does not say of which
            steps = gc.get_referents(awaitable)
            awaitable = next((value for value in steps if isinstance(value, AsyncGeneratorType)), None)
            continue
        if frame := getattr(awaitable, f"{kind}_frame"):
            yield frame
        awaitable = getattr(awaitable, "gi_yieldfrom" if kind == "gi" else f"{kind}_await")


def _threads() -> Iterator[str]:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        if ident != threading.get_ident():
            yield f"---- Thread {names.get(ident, ident)}\n" + "".join(traceback.format_stack(frame))
