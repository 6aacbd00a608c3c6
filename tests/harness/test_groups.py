"""Tests that run together stay with one worker; a worker that dies costs the test that it ran, and no other."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = """
import os

import pytest


@pytest.mark.parametrize("number", range({count}))
def test_{name}(number):
    if number == {fatal}:
        os._exit(1)
"""


def test_a_file_stays_with_one_worker_and_goes_on_with_another_where_that_dies(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.groups"]')
    (tmp_path / "pytest.ini").write_text("[pytest]\ntogether = test_shares.py\n")
    (tmp_path / "test_alone.py").write_text(TESTS.format(name="alone", count=40, fatal=20))
    (tmp_path / "test_shares.py").write_text(TESTS.format(name="shares", count=6, fatal=3))
    command = [sys.executable, "-m", "pytest", "-v", "-n", "2", "--dist", "loadgroup", "-p", "no:cacheprovider"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100)
    assert "2 failed, 44 passed" in done.stdout, done.stdout
    passed = re.findall(r"^\[(gw\d)\] .* PASSED test_\w+.py::test_(\w+)\[(\d+)", done.stdout, re.MULTILINE)
    workers = {int(number): worker for worker, name, number in passed if name == "shares"}
    assert workers[0] == workers[1] == workers[2], passed
    assert workers[4] == workers[5] != workers[0], passed
    assert next(name for worker, name, _ in passed if worker == workers[0]) == "shares", "what is shared is made first"
