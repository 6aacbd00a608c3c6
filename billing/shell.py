"""What to type about a finding or an alert: the one place where such a command is made."""

import shlex

from billing.period import Period

PROGRAM = "python starter.py"


def command(*words: str, period: Period | None = None, decided: bool = False, options: tuple[str, ...] = ()) -> str:
    """``halt acme --period 2026-11 --by YOU --reason WHY``: what stands in capitals is to be filled in.

    ``decided``: with who decides, and why. Words from a sheet are quoted, so that a shell takes them as they are.
    """
    of_month = ("--period", str(period)) if period else ()
    by = ("--by", "YOU", "--reason", "WHY") if decided else ()
    return shlex.join((*words, *of_month, *by, *options))


def typed(*words: str, period: Period | None = None, decided: bool = False, options: tuple[str, ...] = ()) -> str:
    """The same as it is typed in a shell."""
    return f"{PROGRAM} {command(*words, period=period, decided=decided, options=options)}"
