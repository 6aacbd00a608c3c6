"""What people are told to type, taken out of findings, alerts and messages, and read as the command line reads it."""

import re
import shlex
from typing import Any

import typer.main

from billing.accounting.discrepancy import Discrepancy
from billing.completeness.report import Finding
from billing.reviewers.alerts import Alert
from cli.app import app
from wording.remedies import command_line

FILLED = {
    "YOU": "ann",
    "WHY": "mended",
    "AMOUNT": "12.50",
    "REFERENCE": "bank-1",
    "FILE": "ghost.csv",
    "TEXT": "Tea",
    "RAIL": "transfer",
    "CUSTOMER": "acme",
    "ID": "3f2a",
    "DAY": "2026-11-27",
}
_COMMAND = re.compile(r"python starter\.py ((?:'(?:[^']|'\"'\"')*'|[^';])+)")
_PLACE = re.compile(r"\b[A-Z]{3,}\b")


def todo(told: Finding | Alert | Discrepancy) -> str:
    """What people read about it, after what is wrong."""
    advice = told.advice if isinstance(told, Finding) else ""
    return "; ".join(filter(None, (advice, *map(command_line, told.remedies))))


def commands_in(text: str, **filled: str) -> list[list[str]]:
    """The words of each command in ``text``, as a shell takes them, with what stands in capitals filled in."""
    values = FILLED | filled
    return [
        [_PLACE.sub(lambda place: values.get(place[0], place[0]), word) for word in shlex.split(command)]
        for command in _COMMAND.findall(text)
    ]


def parsed(words: list[str]) -> str:
    """The path of the command. Raises an error unless it exists and takes these arguments and options."""
    command: Any = typer.main.get_command(app)
    context: Any = None
    path: list[str] = []
    while hasattr(command, "commands"):
        assert words, f"{' '.join(path)} needs another word"
        name, *words = words
        assert name in command.commands, f"there is no command {' '.join((*path, name))}"
        context = command.make_context(name, [], parent=context, resilient_parsing=True)
        command, path = command.commands[name], [*path, name]
    command.make_context(path[-1], words, parent=context)
    return " ".join(path)
