"""The board: how many orders stand at each step, since when, and how long steps take; pure, but for its port."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from math import ceil
from typing import NamedTuple, Protocol

TIMES_MAX = 2000
"""So many of the last steps are timed: enough to tell who is slow, and read in a moment."""


class StepCount(NamedTuple):
    """Open orders of a procedure at one of its steps; ``oldest`` came there first."""

    procedure: str
    step: str
    orders: int
    oldest: datetime


class StepTime(NamedTuple):
    """A task of a step that people have ended, and how long it was open."""

    title: str
    department: str
    by: str
    seconds: float


class Times(NamedTuple):
    """Half of the tasks took no longer than ``p50_seconds``, nine of ten no longer than ``p90_seconds``."""

    name: str
    department: str
    tasks: int
    p50_seconds: float
    p90_seconds: float


class Board(Protocol):
    async def step_counts(self) -> list[StepCount]: ...

    async def step_times(self, limit: int = TIMES_MAX) -> list[StepTime]:
        """Of the last tasks of steps that people have done, the newest first."""


def by_step(times: Iterable[StepTime]) -> list[Times]:
    """The slowest first."""
    return _grouped(times, lambda time: (time.title, time.department))


def by_person(times: Iterable[StepTime]) -> list[Times]:
    """The slowest first."""
    return _grouped(times, lambda time: (time.by, time.department))


def _grouped(times: Iterable[StepTime], of: Callable[[StepTime], tuple[str, str]]) -> list[Times]:
    groups: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for time in times:
        groups[of(time)].append(time.seconds)
    found = [Times(*key, len(took), _share(took, 0.5), _share(took, 0.9)) for key, took in groups.items()]
    return sorted(found, key=lambda each: (-each.p50_seconds, each.name))


def _share(took: Sequence[float], part: float) -> float:
    """The shortest time that so large a part of them did not exceed."""
    return sorted(took)[ceil(part * len(took)) - 1]
