"""``procedures``: checks the files, lists them, draws one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.command_line import Run, one_line, run
from tests.unit.procedure_files import SHIPPED, SMALL

__all__ = ["run"]  # fixtures


def test_those_that_are_shipped_are_in_order(run: Run) -> None:
    checked = run("procedures", "check")
    assert checked.exit_code == 0
    for name in ("connect", "disconnect", "change_tariff", "request"):
        assert f"{name}.yaml: {name}, " in checked.stdout.replace("\n", "")


def test_a_faulty_one_is_told_with_its_file_and_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL.replace("department: crew", "department: crews"))
    checked = run("procedures", "check", "small.yaml")
    assert (checked.exit_code, checked.stdout) == (1, "")
    expected = "small.yaml: line 36, step work: crews is no department in BILLING_DEPARTMENTS; did you mean crew?"
    assert " ".join(checked.stderr.split()) == expected
    answer = json.loads(run("procedures", "check", "small.yaml", "--json").stdout)
    assert (answer["ok"], answer["files"][0]["faults"][0]["step"]) == (False, "work")


def test_departments_are_those_that_are_set(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "small.yaml").write_text(SMALL.replace("department: crew", "department: masters"))
    monkeypatch.setenv("BILLING_DEPARTMENTS", "operator, accounting, warehouse, crew, masters")
    assert run("procedures", "check", "small.yaml").exit_code == 0


def test_a_folder_of_ones_own_takes_the_place_of_those_that_are_shipped(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "small.yaml").write_text(SMALL)
    monkeypatch.setenv("BILLING_PROCEDURES", "own")
    (procedure,) = json.loads(run("procedures", "list", "--json").stdout)["procedures"]
    assert (procedure["name"], len(procedure["steps"])) == ("small", 6)
    assert "A small one" in run("procedures", "list").stdout
    (tmp_path / "own" / "small.yaml").write_text(SMALL.replace("next: good", "next: god"))
    refused = run("procedures", "list")
    assert refused.exit_code == 2
    assert "work: leads to god, which is no step" in one_line(refused)


def test_one_is_drawn_in_the_terminal_and_as_a_picture(run: Run, tmp_path: Path) -> None:
    drawn = run("procedures", "draw", "connect").stdout
    assert "├─ equipment: no → ask_for_fee" in drawn
    assert "■ connected  Connected" in drawn
    said = run("procedures", "draw", "connect", "--svg", "connect.svg").stdout
    assert said == "connect.svg shows connect, 18 steps\n"
    assert (tmp_path / "connect.svg").read_text().startswith("<svg xmlns=")
    refused = run("procedures", "draw", "connect", "--svg", "nowhere/connect.svg")
    assert refused.exit_code == 2
    assert "name a file that can be written" in one_line(refused)


def test_one_that_there_is_not_is_refused(run: Run) -> None:
    refused = run("procedures", "draw", "conect")
    assert refused.exit_code == 1
    assert one_line(refused) == "starter: there is no procedure 'conect'; did you mean connect?\n"


def test_no_worker_starts_with_a_faulty_one(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL.replace("next: good", "next: god"))
    environment = os.environ | {"BILLING_PROCEDURES": ".", "TEMPORAL_ADDRESS": "127.0.0.1:1"}
    command = [sys.executable, str(SHIPPED.parent / "worker.py")]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("worker: small.yaml: line 36, step work: leads to god, which is no step")


def test_the_doctor_looks_at_them(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "small.yaml").write_text(SMALL.replace("next: good", "next: god"))
    monkeypatch.setenv("BILLING_PROCEDURES", ".")
    checks = {check["name"]: check for check in json.loads(run("doctor", "--json").stdout)["checks"]}
    assert not checks["procedures"]["ok"]
    assert "small.yaml: line 36, step work: leads to god" in checks["procedures"]["detail"]
