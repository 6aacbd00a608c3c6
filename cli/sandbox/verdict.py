"""The judge's verdict, as the demos print it."""

from collections.abc import Sequence

from cli.terminal.output import say
from sandbox.judge.judge import PromiseResult


def print_checks(checks: Sequence[PromiseResult], where: str) -> None:
    """Each promise, and what breaks it; ``where`` names the registers in which it was checked."""
    say(f"\nChecked in the registers of {where}", style="bold")
    for check in checks:
        say(f"  {'ok    ' if check.ok else 'FAILED'}  {check.name}", style="green" if check.ok else "bold red")
        for wrong in check.wrong:
            say(f"          {wrong}", style="red")


def shown_checks(checks: Sequence[PromiseResult]) -> list[dict[str, object]]:
    """For ``--json``."""
    return [{"name": check.name, "ok": check.ok, "wrong": check.wrong} for check in checks]
