"""The threads that workflows run in; a run is in one of them at a time, whatever stalls there (docs/decisions/0016)."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

_AT_MOST = 500  # as the SDK's own
_PATIENCE_SECONDS = 1.5  # less than the two after which the SDK gives up, so that no thread is left behind


@dataclass(frozen=True)
class Eviction:
    """A run that this process has to let go of since ``began``, by the monotonic clock, in seconds."""

    workflow_id: str
    run_id: str
    began: float

    def __str__(self) -> str:
        return f"{self.workflow_id} (run {self.run_id})"


class WorkflowThreads(ThreadPoolExecutor):
    """To be given to the SDK, which submits activations of runs from its event loop.

    The SDK evicts a run from another thread while a step that has stalled is still inside of it; then the run's tasks
    lose their wake-ups, the eviction never succeeds, and the worker neither lets go of the customer nor ends. Here the
    eviction waits for its turn; if that takes too long it fails, and the SDK tries it again.
    """

    def __init__(self) -> None:
        super().__init__(_AT_MOST, thread_name_prefix="workflow")
        self._turns: WeakValueDictionary[str, Lock] = WeakValueDictionary()  # of runs that are in a thread, no others
        self._evictions: dict[str, Eviction] = {}

    def submit(self, activate: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        """Takes what the SDK submits: ``activate`` of a workflow, and the activation."""
        (activation,) = arguments
        run_id = activation.run_id
        evicts = any(job.HasField("remove_from_cache") for job in activation.jobs)
        if evicts and run_id not in self._evictions:
            workflow_id = getattr(getattr(activate, "__self__", None), "workflow_id", "a workflow")
            self._evictions[run_id] = Eviction(workflow_id, run_id, time.monotonic())
        turn = self._turns.setdefault(run_id, Lock())
        return super().submit(self._in_turn, turn, evicts, activate, activation)

    def evictions(self, since_seconds: float = 0) -> list[Eviction]:
        """Those that have not succeeded for so long."""
        latest = time.monotonic() - since_seconds
        return [eviction for eviction in list(self._evictions.values()) if eviction.began <= latest]

    def _in_turn(self, turn: Lock, evicts: bool, activate: Callable[..., Any], activation: Any) -> Any:
        if not turn.acquire(timeout=_PATIENCE_SECONDS):
            raise RuntimeError(f"a step of run {activation.run_id} has stalled in another thread")
        try:
            completion = activate(activation)
        finally:
            turn.release()
        if evicts:
            self._evictions.pop(activation.run_id, None)
        return completion
