"""The shares of some days together are everything, also of files that have a single test each."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TURNS = """
import pytest

pytestmark = pytest.mark.turns(2)


def test_one():
    pass
"""


def chosen(folder: Path, day: int) -> set[str]:
    """The files whose tests are chosen on that day."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "--in-turns", "-p", "no:cacheprovider"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "BILLING_TESTS_DAY": str(day)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100)
    return set(re.findall(r"test_\w+\.py", done.stdout))


def test_single_tests_of_files_take_turns(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.turns"]')
    (tmp_path / "test_daily.py").write_text("def test_one(): pass")
    for name in "abcd":
        (tmp_path / f"test_{name}.py").write_text(TURNS)
    assert chosen(tmp_path, 7) == {"test_daily.py", "test_b.py", "test_d.py"}
    assert chosen(tmp_path, 8) == {"test_daily.py", "test_a.py", "test_c.py"}
