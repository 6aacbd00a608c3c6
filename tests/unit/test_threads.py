"""Threads for workflows: one run is in one of them at a time, and nothing is kept of runs that are in none."""

from concurrent.futures import Future, wait
from threading import Barrier, Event
from typing import Any

import pytest
from temporalio.bridge.proto.workflow_activation import WorkflowActivation

from process import threads
from process.threads import WorkflowThreads

MOMENT = 0.01


class Chain:
    """Looks to the threads like the SDK's running workflow."""

    workflow_id = "billing/acme"

    def __init__(self, work: Any = lambda: "done") -> None:
        self.work = work

    def activate(self, activation: WorkflowActivation) -> Any:
        return self.work()


def activation(run_id: str = "run", evicts: bool = False) -> WorkflowActivation:
    made = WorkflowActivation(run_id=run_id)
    if evicts:
        made.jobs.add().remove_from_cache.SetInParent()
    return made


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_PATIENCE_SECONDS", MOMENT)


def stalled(pool: WorkflowThreads, run_id: str = "run") -> tuple[Event, Future[Any]]:
    """A run that is in a thread until the event is set."""
    inside, go_on = Event(), Event()

    def stall() -> None:
        inside.set()
        go_on.wait()

    future = pool.submit(Chain(stall).activate, activation(run_id))
    inside.wait()
    return go_on, future


def test_a_run_that_has_stalled_is_left_alone_until_its_thread_is_out() -> None:
    pool = WorkflowThreads()
    go_on, first = stalled(pool)
    with pytest.raises(RuntimeError, match="run run has stalled"):
        pool.submit(Chain().activate, activation(evicts=True)).result()
    go_on.set()
    wait([first])
    assert pool.submit(Chain().activate, activation(evicts=True)).result() == "done"


def test_other_runs_go_on_beside_it() -> None:
    pool, together = WorkflowThreads(), Barrier(2)
    both = [pool.submit(Chain(together.wait).activate, activation(run_id)) for run_id in ("one", "other")]
    assert {future.result() for future in both} == {0, 1}


def test_an_eviction_is_on_the_list_until_it_succeeds() -> None:
    pool = WorkflowThreads()

    def refuse() -> None:
        raise RuntimeError("Eviction processed, but 3 tasks remain")

    wait([pool.submit(Chain(refuse).activate, activation(evicts=True))])
    assert [str(eviction) for eviction in pool.evictions()] == ["billing/acme (run run)"]
    assert pool.evictions(since_seconds=60) == []
    pool.submit(Chain().activate, activation(evicts=True)).result()
    assert pool.evictions() == []


def test_nothing_is_kept_of_runs_that_are_in_no_thread() -> None:
    pool = WorkflowThreads()
    for number in range(1000):
        pool.submit(Chain().activate, activation(f"run {number}"))
    pool.shutdown(wait=True)
    assert len(pool._turns) == len(pool.evictions()) == 0
