"""Every command that stands in the words of the program exists."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from cli.app import app

ROOT = Path(__file__).parents[2]


def sources() -> Iterator[tuple[str, str]]:
    """The path of each command that stands anywhere in the program's words."""
    for path in (*ROOT.glob("*.py"), *(each for name in FOLDERS for each in (ROOT / name).rglob("*"))):
        if path.suffix == ".py":
            tree = ast.parse(path.read_text())
            texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        elif path.suffix in (".html", ".txt"):
            texts = [path.read_text()]
        else:
            continue
        for text in texts:
            if isinstance(text, str):
                for words in re.findall(r"python starter\.py ([a-z][a-z-]*(?: [a-z][a-z-]*)?)", text):
                    yield f"{path.relative_to(ROOT)}", words


FOLDERS = (
    "billing",
    "cli",
    "clients",
    "workflows",
    "services",
    "activities",
    "adapters",
    "inbound",
    "console",
    "sandbox",
)


def test_every_command_that_the_program_speaks_of_exists() -> None:
    found = list(sources())
    assert len(found) > 50
    for where, words in found:
        command: Any = typer.main.get_command(app)
        for word in words.split():
            if not hasattr(command, "commands"):
                break  # an argument
            assert word in command.commands, f"{where}: {words}"
            command = command.commands[word]
