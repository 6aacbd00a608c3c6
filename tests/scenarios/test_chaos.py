"""A short run of chaos, by a fixed seed; `make chaos` is the long one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.stand_ins.bank import statement

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.limit(600)
def test_a_month_comes_to_what_was_promised_whatever_dies_and_fails(tmp_path: Path) -> None:
    options = ["--seed", "4", "--customers", "4", "--months", "1", "--folder", str(tmp_path / "chaos")]
    command = [sys.executable, "-m", "sandbox.chaos", *options]
    chaos = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=540)
    assert chaos.returncode == 0, chaos.stdout + chaos.stderr
    assert chaos.stderr.startswith("seed 4\n")
    figures = json.loads(chaos.stdout)
    assert figures["violations"] == 0
    assert figures["worker_kills"] > 0
    assert any(name.startswith("stall in ") for name in figures["faults"])
    assert any(name.startswith("events ") for name in figures["faults"])
    assert figures["events"] > 4
    done = figures["departments"]
    assert 4 <= sum(figures["outcomes"].values()) <= 4 + done["ended as connected"]  # who may begin in the next month
    assert done["tasks"] > 10
    assert done["tasks refused"] > 0
    assert done["works announced"] > 0
    assert {"ended as refused", "ended as cancelled"} <= done.keys()
    transfers = sum(figures[who].get("transfers", 0) for who in ("money", "departments"))
    transfers += figures["orders"].get("transfer", 0)
    assert transfers == len(statement(tmp_path / "chaos" / "bank.jsonl").transfers)
