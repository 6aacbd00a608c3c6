"""Commands as reviewers type them: the real command line, in a process of its own."""

import asyncio
import os
import sys

from billing.errors import BillingError
from sandbox.demo.narrator import Narrator
from sandbox.stack.stack import ROOT, Stack


class Commands:
    def __init__(self, stack: Stack, show: Narrator) -> None:
        self._stack = stack
        self._show = show

    async def type(self, *arguments: str, lines: slice = slice(None), since: str = "", exit_code: int = 0) -> list[str]:
        """Runs a command and returns its output; ``lines`` of it are shown, or all ``since``.

        Raises ``BillingError`` for another ``exit_code``.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(ROOT / "starter.py"),
            *arguments,
            cwd=self._stack.settings.data_dir,
            env={**os.environ, **self._stack.environment, "COLUMNS": "100", "NO_COLOR": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            raise
        answer = [line.rstrip() for line in output.decode().splitlines() if line.strip()]
        if process.returncode != exit_code:
            self._show.command(arguments, answer)
            raise BillingError(f"starter.py {arguments[0]} ended with exit code {process.returncode}: {answer[-1:]}")
        first = answer.index(since) if since in answer else 0
        self._show.command(arguments, answer[first:][lines])
        if exit_code:
            self._show.answer([f"exit code {exit_code}"])
        return answer
