"""Stalls in a workflow's thread, in C as by a slow disk: the first worker at the place takes each, once.

with stalls_from(folder):                        a worker that may stall
put_stall(folder, Place.UPDATE, seconds=3)       by the fault injector, in another process
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from time import sleep
from typing import Any, Final
from unittest import mock

from temporalio import workflow
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter

from workflows import monthly_billing
from workflows.value_loop import DurableLoop


class Place(StrEnum):
    STEP = "step"
    UPDATE = "update"
    PAYLOAD = "payload"
    COMPLETION = "completion"


_CALLS: Final[dict[Place, tuple[Any, str]]] = {
    Place.STEP: (monthly_billing, "summary"),
    Place.UPDATE: (DurableLoop, "_receive"),
    Place.PAYLOAD: (PydanticJSONPlainPayloadConverter, "from_payload"),
    Place.COMPLETION: (DurableLoop, "_mark_recorded"),
}


def put_stall(folder: Path, place: Place, seconds: float) -> None:
    """The next worker on ``folder`` that reaches ``place`` stalls there for ``seconds``."""
    _file(folder, place).write_text(str(seconds))


def take_stall(folder: Path, place: Place) -> float:
    """Takes the stall at ``place``: its seconds; 0 if there is none, or another worker was faster."""
    file = _file(folder, place)
    try:
        seconds = float(file.read_text())
        file.unlink()
    except FileNotFoundError:
        return 0
    return seconds


@contextmanager
def stalls_from(folder: Path) -> Iterator[None]:
    """While the block runs, this worker stalls wherever a stall waits in ``folder``."""
    with ExitStack() as patches:
        for place, (owner, name) in _CALLS.items():
            stalling = _stalling(getattr(owner, name), folder, place)
            patches.enter_context(mock.patch.object(owner, name, stalling))
        yield


def _stalling(call: Callable[..., Any], folder: Path, place: Place) -> Callable[..., Any]:
    def stalling(*arguments: Any, **options: Any) -> Any:
        if workflow.in_workflow() and (seconds := take_stall(folder, place)):
            sleep(seconds)
        return call(*arguments, **options)

    return stalling


def _file(folder: Path, place: Place) -> Path:
    return folder / f"stall-{place}"
