"""What entry points write, its user alone can read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("entry", [["starter.py"], ["worker.py"], ["-m", "console"]])
def test_a_ledger_and_its_folder_are_for_its_user_only(tmp_path: Path, entry: list[str]) -> None:
    data = tmp_path / "data"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "BILLING_DATA_DIR": str(data)}
    environment |= {"TEMPORAL_ADDRESS": "127.0.0.1:1"}  # nobody answers, so it ends after the folder is made
    command = [sys.executable, *(str(ROOT / part) if part.endswith(".py") else part for part in entry)]
    command += ["doctor"] if entry == ["starter.py"] else []
    ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, umask=0o022, timeout=60)
    made = [data, *data.rglob("*")]
    assert made[0].exists(), ended.stderr
    assert {path.stat().st_mode & 0o077 for path in made} == {0}
