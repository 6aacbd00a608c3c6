"""A ledger with all its tables and no rows, copied: to migrate one anew takes each of hundreds of tests 50 ms."""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from adapters.sql.ledger import SqlLedger

_image: list[bytes] = []


async def empty_ledger(folder: Path) -> None:
    """Puts it where the settings of a ``data_dir`` look for it; leaves alone what is there."""
    path = folder / "ledger.db"
    if not _image:
        with tempfile.TemporaryDirectory() as made:
            ledger = await SqlLedger.connect(f"sqlite:///{made}/ledger.db")
            await ledger.migrate()
            await ledger.close()
            with closing(sqlite3.connect(f"{made}/ledger.db")) as connection:
                _image.append(connection.serialize())
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_image[0])
