"""Child processes of the local stack: start and wait until ready, stop, kill, restart.

    async with AsyncExitStack() as stack:  # leaves in reverse order, each child stopped gracefully
        server = await stack.enter_async_context(Child("api", [...], log=..., ready=answers(url)))
        worker = await stack.enter_async_context(Child("worker", [...], log=..., ready=logged("polling")))
        worker.kill()  # as a crash would
        await worker.restart()

A child never outlives its parent, however that ends, and leads its own session: Ctrl-C reaches only us.
Needs a POSIX shell (Linux, macOS).
"""

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Self

import httpx

from sandbox.stand_ins.control import local_http

# Becomes the command itself (same process id). Beside it waits a small shell that kills the process group
# once the pipe, which only we hold, is closed: by `kill`, or by our death, even by SIGKILL.
_LEASH = 'exec 3<&0; (read _ <&3; kill -9 0) & exec "$@" 3<&- </dev/null'
_POLL_SECONDS = 0.05
_TAIL_LINES = 20

Ready = Callable[["Child"], Awaitable[bool]]


class ChildFailedError(RuntimeError):
    """A child ended or stayed silent instead of getting ready. The message ends with the tail of its log."""


def answers(url: str) -> Ready:
    """Ready when a GET of `url` succeeds (2xx)."""

    async def check(_: "Child") -> bool:
        with suppress(httpx.TransportError):
            async with local_http(timeout=2) as http:
                return (await http.get(url)).is_success
        return False

    return check


def logged(text: str) -> Ready:
    """Ready when the child's log contains `text`, counted from this start."""

    async def check(child: "Child") -> bool:
        return text in child.output()

    return check


@dataclass(eq=False)
class Child:
    """One child process; `async with` starts and stops it, `restart` works any number of times.

    `env` is laid over this process's environment. stdout and stderr are appended to the file `log`.
    """

    name: str
    command: Sequence[str]
    _: KW_ONLY
    log: Path
    ready: Ready | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    ready_timeout_seconds: float = 60
    grace_seconds: float = 15
    _log_offset: int = field(default=0, init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def pid(self) -> int:
        """Process id of the command itself, not of a wrapper."""
        return self._started().pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def output(self) -> str:
        """The child's log since its last start."""
        with self.log.open("rb") as log:
            log.seek(self._log_offset)
            return log.read().decode(errors="replace")

    async def start(self) -> None:
        """Return when the child is ready. Raises ChildFailedError; then nothing is left running."""
        assert not self.running, f"{self.name} is already running"
        self.kill()  # releases a process that ended by itself
        self._spawn()
        try:
            await self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    async def exited(self) -> int:
        """Wait until the child has ended, by itself or not; its exit code, negative for a signal."""
        process = self._started()
        while True:
            if (code := process.poll()) is not None:
                return code
            await asyncio.sleep(_POLL_SECONDS)

    async def stop(self) -> int | None:
        """SIGTERM, then SIGKILL after the grace time. The exit code, also of a child that has ended; None: killed."""
        try:
            if self._process is not None:
                self._process.terminate()
                with suppress(TimeoutError):
                    return await asyncio.wait_for(self.exited(), self.grace_seconds)
            return None
        finally:
            self.kill()

    def kill(self) -> None:
        """SIGKILL the child, as a crash would, and then whatever it started."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdin is not None
            self._process.stdin.close()  # the leash kills the rest of the group
            self._process = None

    async def restart(self) -> None:
        """Stop, if still running, and start again with the same command, log and environment."""
        await self.stop()
        await self.start()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ChildFailedError(f"{self.name} is not running: start it first")
        return self._process

    def _spawn(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._log_offset = log.tell()
            self._process = subprocess.Popen(
                ["sh", "-c", _LEASH, self.name, *self.command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.env},
                cwd=self.cwd,
                start_new_session=True,
            )

    async def _wait_until_ready(self) -> None:
        ready, exited = asyncio.create_task(self._until_ready()), asyncio.create_task(self.exited())
        try:
            done, _ = await asyncio.wait(
                {ready, exited}, timeout=self.ready_timeout_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if ready in done:
                await ready
            elif exited in done:
                raise self._failure(f"ended with exit code {exited.result()} before it was ready")
            else:
                raise self._failure(f"was not ready within {self.ready_timeout_seconds:g} seconds")
        finally:
            ready.cancel()
            exited.cancel()

    async def _until_ready(self) -> None:
        while True:
            if self.ready is None or await self.ready(self):
                return
            await asyncio.sleep(_POLL_SECONDS)

    def _failure(self, reason: str) -> ChildFailedError:
        tail = "\n".join(self.output().splitlines()[-_TAIL_LINES:])
        return ChildFailedError(f"{self.name} {reason}. Its log {self.log} ends with:\n{tail}")
