"""What `up` and `demo --serve` tell people to type works in a shell that has entered nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli.stack import entering
from sandbox.stack import ROOT

BARE = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}


@pytest.mark.skipif(sys.prefix == sys.base_prefix, reason="python is everybody's here")
@pytest.mark.parametrize("absolute", [False, True])
def test_a_new_shell_that_enters_as_it_is_told_runs_the_commands_as_they_are_printed(
    absolute: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    typed = f"{entering(absolute)} && python starter.py --version"
    shell = subprocess.run(["sh", "-c", typed], cwd=ROOT, env=BARE, capture_output=True, text=True, check=False)
    assert shell.stdout.startswith("monthly-billing "), shell.stderr


def test_the_way_in_is_written_for_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my env" / "bin").mkdir(parents=True)
    (tmp_path / "my env" / "bin" / "activate").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "my env"))
    monkeypatch.chdir(tmp_path)
    assert entering() == ". 'my env/bin/activate'"
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert entering() == ""
