"""A file of JSON lines that only grows. What is appended is there as a whole or not at all; torn lines are left out."""

import json
import logging
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Entry = dict[str, Any]

# Every entry begins like this, and no text inside of one can: its quotation marks would be escaped.
_BEGINNING = re.compile(rb'(?=\{"at": ")')

_log = logging.getLogger(__name__)


class JournalFile:
    def __init__(self, path: Path) -> None:
        """What a kill left unfinished stays a line of its own."""
        self._file = path.open("a+b", buffering=0)
        if end := self._file.seek(0, os.SEEK_END):
            self._file.seek(end - 1)
            if self._file.read(1) != b"\n":
                self.append("\n")

    def append(self, lines: str) -> None:
        """Raises ``OSError`` if they do not fit, as on a full disk; the file is as it was."""
        left = lines.encode()
        end = self._file.seek(0, os.SEEK_END)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            self._file.truncate(end)
            raise


def read_entries(path: Path) -> Iterator[Entry]:
    """The entries of a journal; the log names what a kill or a crash of the machine has left of another."""
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if line:
            try:
                yield json.loads(line)
            except ValueError:
                yield from _whole_ones(_BEGINNING.split(line), f"{path}, line {number}")


def _whole_ones(parts: Iterable[bytes], where: str) -> Iterator[Entry]:
    """What follows a torn entry on its line is another one."""
    for part in filter(None, parts):
        try:
            yield json.loads(part)
        except ValueError:
            _log.warning("%s: left out, because it is torn: %r", where, part[:80])
