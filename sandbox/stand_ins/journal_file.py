"""An append-only file of JSON lines. An append is atomic; readers skip torn lines."""

import json
import logging
import os
import re
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

Entry = dict[str, Any]

# How every entry begins; no text within an entry can, as its quotation marks are escaped.
_BEGINNING = re.compile(rb'(?=\{"at": ")')

_log = logging.getLogger(__name__)


class JournalFile:
    def __init__(self, path: Path) -> None:
        """Ends a line that a kill left unfinished, so that it stays a line of its own."""
        self._file = path.open("a+b", buffering=0)
        if end := self._file.seek(0, os.SEEK_END):
            self._file.seek(end - 1)
            if self._file.read(1) != b"\n":
                self.append("\n")

    def append(self, lines: str) -> None:
        """Raises ``OSError`` if they do not fit, as on a full disk; the file is as it was."""
        unwritten = lines.encode()
        end = self._file.seek(0, os.SEEK_END)
        try:
            while unwritten:
                unwritten = unwritten[self._file.write(unwritten) :]
        except OSError:
            self._file.truncate(end)
            raise


def temporary_journal(store: object) -> Path:
    """An empty file that lives as long as the store."""
    file = NamedTemporaryFile(prefix="journal-")  # noqa: SIM115
    weakref.finalize(store, file.close)
    return Path(file.name)


def read_entries(path: Path) -> Iterator[Entry]:
    """The entries of a journal; what a kill or a crash of the machine has torn is logged."""
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if line:
            try:
                yield json.loads(line)
            except ValueError:
                yield from _whole_ones(_BEGINNING.split(line), f"{path}, line {number}")


def _whole_ones(parts: Iterable[bytes], where: str) -> Iterator[Entry]:
    """A torn entry may be followed by another one on its line."""
    for part in filter(None, parts):
        try:
            yield json.loads(part)
        except ValueError:
            _log.warning("%s: left out, because it is torn: %r", where, part[:80])
