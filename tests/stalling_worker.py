"""The production worker, which stalls once in a workflow's thread, in C as a slow disk would.

It stalls when it comes to the place and finds the file, which it removes.
"""

import argparse
import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from temporalio import workflow
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter

import ending
import worker
from workflows import monthly_billing
from workflows.commands import CommandHandlers
from workflows.monthly_billing import MonthlyBilling

PLACES: dict[str, tuple[Any, str]] = {
    "step": (monthly_billing, "summary"),
    "update": (CommandHandlers, "_receive"),
    "payload": (PydanticJSONPlainPayloadConverter, "from_payload"),
    "completion": (MonthlyBilling, "_is_recorded"),
}


def stalling(call: Callable[..., Any], stall: Callable[[], object], trigger: Path) -> Callable[..., Any]:
    def stalls(*arguments: Any, **options: Any) -> Any:
        if workflow.in_workflow() and trigger.exists():
            trigger.unlink()
            stall()
        return call(*arguments, **options)

    return stalls


def freeze() -> None:
    """The interpreter's lock is held for ever: no Python code runs any more."""
    re.match("(a+)+$", "a" * 80 + "b")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("place", choices=PLACES)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seconds", type=float, help="without: for ever, and nothing else goes on")
    parser.add_argument("--grace", type=float, default=30)
    parser.add_argument("--patience", type=float, default=60)
    options = parser.parse_args()
    ending._KEPT = ending._FROZEN = timedelta(seconds=options.patience)
    ending._LOOK = timedelta(seconds=0.5)
    ending.GRACE = timedelta(seconds=options.grace)
    owner, name = PLACES[options.place]
    stall = freeze if options.seconds is None else lambda: time.sleep(options.seconds)
    stalls = stalling(getattr(owner, name), stall, options.file)
    with mock.patch.object(worker, "GRACE", ending.GRACE), mock.patch.object(owner, name, stalls):
        worker.run()


if __name__ == "__main__":
    main()
