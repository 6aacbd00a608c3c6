"""What `up` and `demo --serve` tell people to type works in a shell that has entered nothing."""

import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from cli.sandbox.stack import way_into
from sandbox.stack.stack import ROOT
from settings import Settings

BARE = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}


def entered(folder: Path, then: str) -> str:
    """What a new shell in the project's folder says that goes the way into a stack with its data in ``folder``."""
    folder.mkdir()
    environment = {"TEMPORAL_NAMESPACE": "play", "BILLING_DATA_DIR": str(folder), "PYTHONPATH": "elsewhere"}
    settings = Settings(_env_file=None, data_dir=folder)
    typed = f"{way_into(Mock(settings=settings, environment=environment))} && {then}"
    shell = subprocess.run(["sh", "-c", typed], cwd=ROOT, env=BARE, capture_output=True, text=True, check=False)
    return shell.stdout + shell.stderr


@pytest.mark.skipif(sys.prefix == sys.base_prefix, reason="python is everybody's here")
@pytest.mark.parametrize("name", ["data", "it's my data"])
def test_a_new_shell_that_enters_as_it_is_told_runs_the_commands_as_they_are_printed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert entered(tmp_path / name, "python starter.py --version").startswith("monthly-billing ")


def test_commands_of_temporals_own_tool_find_the_stack_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    told = entered(tmp_path / "my data", 'echo "$TEMPORAL_NAMESPACE, $BILLING_DATA_DIR, $PYTHONPATH"')
    assert told == f"play, {tmp_path / 'my data'}, \n"


def test_an_environment_with_a_space_in_its_path_is_entered_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my env" / "bin").mkdir(parents=True)
    (tmp_path / "my env" / "bin" / "activate").write_text("echo entered")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "my env"))
    assert entered(tmp_path / "data", "true") == "entered\n"
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert entered(tmp_path / "more", "true") == ""
