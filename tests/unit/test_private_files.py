"""What entry points write, its user alone can read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_RUN = """
import os, runpy, sys
os._exit = sys.exit  # how they end
sys.argv = ["x", "--help"]
try:
    runpy.run_module(%r, run_name="__main__")
except SystemExit:
    pass
open("made", "w").close()
os.mkdir("folder")
"""


@pytest.mark.parametrize("entry", ["starter", "worker", "console"])
def test_what_an_entry_point_makes_is_for_its_user_only(tmp_path: Path, entry: str) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "BILLING_DATA_DIR": str(tmp_path / "data")}
    environment |= {"TEMPORAL_ADDRESS": "127.0.0.1:1"}  # nobody answers, so that it ends
    command = [sys.executable, "-c", _RUN % entry]
    subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, umask=0o022, timeout=60, check=True)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert (modes["made"], modes["folder"]) == (0o600, 0o700)
    assert not any(mode & 0o077 for mode in modes.values())
