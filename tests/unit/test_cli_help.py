"""Every command of the command line, its options and its arguments are explained, with an example."""

import pytest
import typer.main

from cli.app import app
from tests.unit.command_line import Run, run

__all__ = ["run"]  # fixture

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_has_an_example(run: Run, name: str):
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"python starter.py {name}" in result.stdout


def test_help_folds_paragraphs_anew_and_keeps_the_lines_of_examples(run: Run):
    shown = run("demo", "--help").stdout
    assert "the stand-ins take the" in " ".join(shown.split())
    assert [line.strip() for line in shown.splitlines() if line.startswith(" $ ")] == [
        "$ python starter.py demo",
        "$ python starter.py demo --kill-worker",
        "$ python starter.py demo --serve",
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_argument_is_documented(name: str):
    assert [parameter.name for parameter in COMMANDS[name].params if not parameter.help] == []


def test_version_is_the_one_of_the_project(run: Run):
    assert run("--version").stdout.startswith("monthly-billing 0.")
