"""Whatever hangs is ended within its limit, with its children, fails the run, and is seen in the output."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.processes import runs

ROOT = Path(__file__).parents[2]
HANGS = Path(__file__).with_name("hangs.py")
CONFTEST = """
from tests import limits

limits._GRACE_SECONDS = 1
pytest_plugins = ["tests.groups", "tests.limits"]
"""
INI = """
[pytest]
addopts = --import-mode=importlib -p no:faulthandler
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""
ENDED_SECONDS = 60
"""The limits here are seconds; Python and pytest take the rest to start, on a busy machine."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text(INI)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_hangs.py").write_text(HANGS.read_text())
    return tmp_path


def output(folder: Path, *options: str, test_limit: float = 1, run_limit: float = 600) -> str:
    """What a pytest prints that has to fail."""
    limits = ["-o", f"test_limit={test_limit}", "-o", f"run_limit={run_limit}"]
    command = [sys.executable, "-m", "pytest", *limits, *options]
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=ENDED_SECONDS, check=False
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 1, printed
    return printed


@pytest.mark.parametrize(
    ("test", "stack"),
    [
        ("in_a_task", r"Task asks for ever of .*\n.*in answers_never"),
        ("in_a_system_call", r"Thread MainThread\n(.*\n)+.*time\.sleep\(3600\)"),
        ("holding_the_interpreter", r"in test_holding_the_interpreter"),
        ("whatever_is_raised", r"Task .*\n.*in test_whatever_is_raised\n.*\n.*in answers_never"),
        ("in_the_setup", r"in opens_never\n(.*\n)*.*in never_opens\n.*\n.*in answers_never"),
        ("in_the_teardown_after_a_failure", r"in closes_never\n.*\n.*in answers_never"),
        ("at_the_end_of_the_session", r"in served_for_ever\n.*\n.*in answers_never"),
        ("as_a_thread_that_outlives_all_tests", r"Limit exceeded by the end of the run(.*\n)+.*Thread outlives"),
    ],
)
def test_a_hang_ends_and_its_stack_is_printed(folder: Path, test: str, stack: str) -> None:
    printed = output(folder, f"test_hangs.py::test_{test}")
    assert re.search(stack, printed), printed


def test_beside_others_a_hang_is_a_failed_test_and_the_others_go_on(folder: Path) -> None:
    hanging = ["in_a_task", "in_the_teardown_after_a_failure", "with_a_child"]
    chosen = " or ".join(["passes", *hanging])
    printed = output(folder, "-n", "2", "--dist", "loadgroup", "-k", chosen, "-v")
    assert "PASSED test_hangs.py::test_passes" in printed, printed
    for test in hanging:
        assert re.search(rf"worker 'gw\d' crashed while running 'test_hangs.py::test_{test}'", printed), printed
        assert f"Limit exceeded by test_hangs.py::test_{test}" in printed
    assert not runs(int(re.findall(r"child (\d+)", printed)[0]))


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "with workers"])
def test_the_run_ends_as_well(folder: Path, options: tuple[str, ...]) -> None:
    printed = output(folder, "-k", "in_a_task", *options, test_limit=600, run_limit=5)
    assert printed.count("Limit exceeded by the run") >= 1, printed  # wherever it was by then, on a busy machine
    assert "Thread MainThread" in printed
