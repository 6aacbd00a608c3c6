"""The production worker, which stalls once where it is told to, in C as a slow disk would: PLACE SECONDS FILE.

It stalls when it comes to PLACE in a workflow's thread and finds FILE, which it removes.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from temporalio import workflow
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter

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


def stalling(call: Callable[..., Any], seconds: float, trigger: Path) -> Callable[..., Any]:
    def stalls(*arguments: Any, **options: Any) -> Any:
        if workflow.in_workflow() and trigger.exists():
            trigger.unlink()
            time.sleep(seconds)
        return call(*arguments, **options)

    return stalls


if __name__ == "__main__":
    place, seconds, trigger = sys.argv[1:]
    owner, name = PLACES[place]
    with mock.patch.object(owner, name, stalling(getattr(owner, name), float(seconds), Path(trigger))):
        worker.run()
