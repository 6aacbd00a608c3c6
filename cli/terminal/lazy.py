"""Commands that are imported when they are called. Their help is read from the source: it stands in one place."""

import ast
import functools
import inspect
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
import typer.main
from typer.core import TyperCommand

_ROOT = Path(__file__).parents[2]


class LazyCommand(TyperCommand):
    """The function of a module in ``cli`` as a command of the same name; ``panel`` is where help lists it."""

    def __init__(self, module: str, function: str, panel: str) -> None:
        self._module, self._function = f"cli.{module}", function
        super().__init__(name=function.strip("_").replace("_", "-"), rich_help_panel=panel or None)

    @property
    def help(self) -> str | None:
        """Read only where the command is listed."""
        return _flowing(_docstrings(self._module)[self._function])

    @help.setter
    def help(self, text: str | None) -> None:
        """Typer's constructor sets it."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """The context of the command itself, so that it is what parses, helps and runs."""
        return self._loaded().make_context(*args, **extra)

    def _loaded(self) -> TyperCommand:
        """The command itself, with its options; a coroutine function gets its own event loop."""
        import asyncio

        from cli.terminal.options import spread

        run = getattr(import_module(self._module), self._function)
        call = spread(run)

        @functools.wraps(call)
        def command(*args: Any, **options: Any) -> Any:
            result = call(*args, **options)
            return asyncio.run(result) if inspect.iscoroutine(result) else result

        command.__signature__ = inspect.signature(call)  # type: ignore[attr-defined]
        alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
        alone.command(self.name, help=_flowing(run.__doc__ or ""), no_args_is_help=False)(command)
        loaded = typer.main.get_command(alone)
        assert isinstance(loaded, TyperCommand)
        return loaded


def lazy_commands(panel: str, *places: str) -> dict[str, LazyCommand]:
    """Commands by name; a place is a module in ``cli`` and its functions: ``invoices.review: halt resume``."""
    commands = {}
    for place in places:
        module, _, functions = place.partition(":")
        for function in functions.split():
            command = LazyCommand(module, function, panel)
            commands[str(command.name)] = command
    return commands


@cache
def _docstrings(module: str) -> dict[str, str]:
    """The docstrings of a module's functions; imports nothing."""
    source = (_ROOT / f"{module.replace('.', '/')}.py").read_text()
    functions = (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {node.name: ast.get_docstring(node) or "" for node in functions}


def _flowing(text: str) -> str:
    """``text`` with each paragraph on one line, because help folds lines itself; examples keep their lines."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(part if part.startswith("[bold]") else part.replace("\n", " ") for part in paragraphs)
