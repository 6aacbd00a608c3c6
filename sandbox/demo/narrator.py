"""Prints the story of a demo: chapters, what happens, and commands as they are typed, with their answers."""

import shlex

from rich.console import Console
from rich.text import Text


class Narrator:
    def __init__(self, console: Console) -> None:
        self._console = console

    def chapter(self, text: str) -> None:
        self._console.print(Text(f"\n{text}", style="bold"), soft_wrap=True)

    def tell(self, text: str, style: str = "") -> None:
        self._console.print(Text(f"  {text}", style=style), soft_wrap=True)

    def command(self, arguments: tuple[str, ...], answer: list[str]) -> None:
        """A command as it was typed, and its output."""
        typed = Text("  $ ", style="dim").append(f"python starter.py {shlex.join(arguments)}", style="bold")
        self._console.print(typed, soft_wrap=True)
        self.answer(answer)

    def answer(self, lines: list[str]) -> None:
        for line in lines:
            self._console.print(Text(f"    {line}", style="dim"), soft_wrap=True)
