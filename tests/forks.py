"""Other processes for tests: forks of one that has imported the ledger, which takes a process most of a second."""

import multiprocessing
import os
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import IO

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    ["tests.racing", "adapters.events.http_receiver", "services.events.dispatcher", "tests.built_models"]
)


class Fork:
    """Runs Python ``code``, as ``python -c`` does, in another working directory and without our environment.

    It has what of ``subprocess.Popen`` tests use. It ends with the tests at the latest.
    """

    def __init__(self, code: str, *arguments: str) -> None:
        (to_read, write), (read, to_write), (fail, to_fail) = (_context.Pipe(duplex=False) for _ in range(3))
        theirs = (to_read, to_write, to_fail)
        self._process = _context.Process(target=_run, args=(theirs, code, arguments), daemon=True)
        self._process.start()
        for end in theirs:
            end.close()
        self.stdin, self.stdout, self.stderr = _file(write, "w"), _file(read, "r"), _file(fail, "r")

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> None:
        self._process.join()

    def kill(self) -> None:
        self._process.kill()

    def communicate(self, line: str = "") -> tuple[str, str]:
        """Says ``line`` and no more, and waits for the end; what was written to standard output and error."""
        with suppress(BrokenPipeError), self.stdin:  # it has ended already
            self.stdin.write(line)
        with self.stdout, self.stderr:
            told = self.stdout.read(), self.stderr.read()
        self.wait()
        return told


def _file(end: Connection, mode: str) -> IO[str]:
    with end:
        return os.fdopen(os.dup(end.fileno()), mode)


def _run(ends: tuple[Connection, ...], code: str, arguments: tuple[str, ...]) -> None:
    for number, end in enumerate(ends):
        os.dup2(end.fileno(), number)
        end.close()
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    os.environ.clear()
    os.chdir("/")
    sys.argv = ["-c", *arguments]
    exec(code, {"__name__": "__main__"})
    sys.stdout.flush()
