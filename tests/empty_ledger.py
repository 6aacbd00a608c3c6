"""A ledger with all its tables and no rows, copied: to migrate one anew takes each of hundreds of tests 50 ms."""

import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path

from adapters.sql.core.database import upgrade


@cache
def empty_image() -> bytes:
    """The content of a SQLite file."""
    with tempfile.TemporaryDirectory() as folder:
        upgrade(f"sqlite:///{folder}/ledger.db")
        with closing(sqlite3.connect(f"{folder}/ledger.db")) as connection:
            return connection.serialize()


def empty_ledger(folder: Path) -> None:
    """Puts it where the settings of a ``data_dir`` look for it; leaves alone what is there."""
    path = folder / "ledger.db"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(empty_image())
