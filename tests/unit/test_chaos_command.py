"""The command: one line of figures, and an exit code that a machine can go by."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from sandbox.chaos import __main__ as command
from sandbox.chaos.plan import Plan
from sandbox.judge.judge import PromiseResult

TWICE = PromiseResult(name="nobody is charged twice", wrong=("acme, 2026-11: pi_1, pi_2",))


@pytest.mark.parametrize(("checks", "code"), [([], 0), ([TWICE], 1)], ids=["all is well", "charged twice"])
def test_a_broken_promise_is_named_and_ends_with_exit_code_1(
    checks: list[PromiseResult],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    async def run(*_: Any) -> tuple[dict[str, Any], list[PromiseResult]]:
        return {"violations": len(checks)}, checks

    folder = tmp_path / "chaos"
    monkeypatch.setattr(command, "run", run)
    monkeypatch.setattr(sys, "argv", ["chaos", "--seed", "7", "--folder", str(folder)])
    with mock.patch.dict(os.environ), pytest.raises(SystemExit) as ended:
        command.main()
    told = capsys.readouterr()
    assert ended.value.code == code
    assert json.loads(told.out) == {"violations": code}
    assert told.err.startswith("seed 7\n")
    assert all(wrong in told.err for check in checks for wrong in (check.name, *check.wrong))
    assert str(folder) in told.err


def test_a_run_in_which_somebody_stands_still_ends_and_keeps_what_it_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def run(*_: Any) -> tuple[dict[str, Any], list[PromiseResult]]:
        return await asyncio.Future()

    monkeypatch.setattr(command, "run", run)
    monkeypatch.setattr(Plan, "limit_seconds", 0.01)
    monkeypatch.setattr(sys, "argv", ["chaos", "--folder", str(tmp_path / "chaos")])
    with mock.patch.dict(os.environ), pytest.raises(SystemExit, match="not done after") as ended:
        command.main()
    assert ended.value.code != 0
    assert str(tmp_path / "chaos") in capsys.readouterr().err
