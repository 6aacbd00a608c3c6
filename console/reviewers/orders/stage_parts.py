"""The strip above a list of orders: how many stand at each stage, the most urgent first."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple, TypeVar

S = TypeVar("S", bound=StrEnum)


class StagePart(NamedTuple):
    """A stage with orders; shares in percent of all of them."""

    stage: StrEnum
    orders: int
    start: float
    width: float


def stage_parts(stages: Iterable[S], counts: Mapping[S, int]) -> list[StagePart]:
    """Those of ``stages`` that have orders, in their order."""
    everybody = sum(counts.values()) / 100 or 1
    parts: list[StagePart] = []
    passed = 0
    for stage in stages:
        if count := counts.get(stage, 0):
            parts.append(StagePart(stage, count, round(passed / everybody, 2), round(count / everybody, 2)))
            passed += count
    return parts
