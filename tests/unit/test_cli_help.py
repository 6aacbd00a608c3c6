"""Every command of the command line, its options and its arguments are explained, with an example."""

from collections.abc import Iterator
from typing import Any

import pytest

from cli.commands import COMMANDS
from tests.unit.command_line import Run, run

__all__ = ["run"]  # fixture


def paths(commands: Any = COMMANDS, *above: str) -> Iterator[tuple[str, ...]]:
    """The words of every command and of every group of them."""
    for name, command in commands.items():
        yield *above, name
        yield from paths(getattr(command, "commands", {}), *above, name)


EVERY = pytest.mark.parametrize("path", list(paths()), ids=" ".join)


@EVERY
def test_help_of_every_command_has_an_example(run: Run, path: tuple[str, ...]):
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert f"python starter.py {' '.join(path)}" in result.stdout


def test_help_lists_a_command_with_the_first_words_of_its_own_help(run: Run):
    listed = " ".join(run("--help").stdout.split())
    assert "halt Halt a month: nothing is announced or charged until somebody resumes." in listed
    assert "Halt a month: nothing is announced or charged until somebody resumes." in run("halt", "--help").stdout


def test_help_folds_paragraphs_anew_and_keeps_the_lines_of_examples(run: Run):
    shown = run("demo", "--help").stdout
    assert "the stand-ins take the" in " ".join(shown.split())
    assert [line.strip() for line in shown.splitlines() if line.startswith(" $ ")] == [
        "$ python starter.py demo",
        "$ python starter.py demo --kill-worker",
        "$ python starter.py demo --serve",
        "$ python starter.py demo --orders",
        "$ python starter.py demo --telecom --serve",
    ]


@EVERY
def test_every_option_and_argument_is_documented(path: tuple[str, ...]):
    command: Any = COMMANDS[path[0]]
    for name in path[1:]:
        command = command.commands[name]
    loaded = command.make_context(path[-1], [], resilient_parsing=True).command
    assert [parameter.name for parameter in loaded.params if not parameter.help] == []


def test_version_is_the_one_of_the_project(run: Run):
    assert run("--version").stdout.startswith("monthly-billing 0.")


def test_the_help_of_unpaid_months_names_its_commands():
    group: Any = COMMANDS["collections"]
    _, _, named = group.help.splitlines()[0].rstrip(".").partition(": ")
    assert {word.replace(" ", "-") for word in named.split(", ")} == set(group.commands)
