"""Threads of workflows; a run is in one thread at a time, even if it stalls (docs/decisions/0016)."""

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
    """A run to be evicted since ``began``, in seconds of the monotonic clock."""

    workflow_id: str
    run_id: str
    began: float

    def __str__(self) -> str:
        return f"{self.workflow_id} (run {self.run_id})"


class WorkflowThreads(ThreadPoolExecutor):
    """For the SDK, which submits activations of runs from its event loop.

    The SDK evicts a run in another thread while a stalled step still runs in it; then the run's tasks lose their
    wake-ups, the eviction never succeeds, and the worker neither releases the customer nor ends. Here the eviction
    waits for its turn; after a timeout it fails, and the SDK retries it.
    """

    def __init__(self) -> None:
        super().__init__(_AT_MOST, thread_name_prefix="workflow")
        self._turns: WeakValueDictionary[str, Lock] = WeakValueDictionary()  # of runs in a thread, no others
        self._evictions: dict[str, Eviction] = {}

    def submit(self, activate: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        """The SDK submits ``activate`` of a workflow, and the activation."""
        (activation,) = arguments
        run_id = activation.run_id
        evicts = any(job.HasField("remove_from_cache") for job in activation.jobs)
        if evicts and run_id not in self._evictions:
            workflow_id = getattr(getattr(activate, "__self__", None), "workflow_id", "a workflow")
            self._evictions[run_id] = Eviction(workflow_id, run_id, time.monotonic())
        turn = self._turns.setdefault(run_id, Lock())
        return super().submit(self._in_turn, turn, evicts, activate, activation)

    def evictions(self, since_seconds: float = 0) -> list[Eviction]:
        """Evictions that have not succeeded for ``since_seconds``."""
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
