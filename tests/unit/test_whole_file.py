"""Files of the sandbox on a full disk."""

from pathlib import Path

import pytest

from sandbox.stand_ins.whole_file import write_whole
from tests.full_disk import full_disk


def test_on_a_full_disk_a_file_stays_as_it_was(tmp_path: Path) -> None:
    path, empty = tmp_path / "customers.csv", tmp_path / "empty"
    empty.touch()
    with full_disk(empty, room=10), pytest.raises(OSError, match="too large"):
        write_whole(path, "long" * 100)
    assert list(tmp_path.iterdir()) == [empty]
    write_whole(path, "short\r\n")
    with full_disk(empty, room=10), pytest.raises(OSError, match="too large"):
        write_whole(path, "long" * 100)
    assert path.read_bytes() == b"short\r\n"
    assert {kept.name for kept in tmp_path.iterdir()} == {"customers.csv", "empty"}


def test_a_secret_is_its_owners_from_the_beginning(tmp_path: Path) -> None:
    write_whole(tmp_path / "password", "secret", 0o600)
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600
