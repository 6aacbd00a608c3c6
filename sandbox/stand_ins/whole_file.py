"""Files of the sandbox that are there as a whole or not at all, also on a full disk and after a kill."""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path


def write_whole(path: Path, text: str, mode: int = 0o666) -> None:
    """Raises ``OSError`` if it does not fit; then ``path`` is as it was. ``mode`` is that of a new file."""
    new = path.with_name(f"{path.name}.new")
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8", newline="") as file:
            file.write(text)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def write_csv(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """As ``write_whole``; makes the folder too."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.getvalue())
