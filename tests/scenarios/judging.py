"""What the judge says of a story, as told by a build."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from billing.period import Period
from sandbox.judge.gather import gather
from sandbox.judge.judge import PromiseResult, judge
from tests.bed import Bed

Story = Callable[[Bed], Awaitable[None]]
Plant = Callable[[pytest.MonkeyPatch, Bed], None]
Defect = tuple[Story, Plant, str]
"""A story, the defect of the build that tells it, and the beginning of the promise that the judge finds broken."""


def each(stories: Any) -> pytest.MarkDecorator:
    """A test for each story."""
    return pytest.mark.parametrize("story", stories, ids=lambda story: story.__name__)


def each_defect(defects: list[Defect]) -> pytest.MarkDecorator:
    """A test for each defect, with ``story``, ``plant`` and ``promise``."""
    return pytest.mark.parametrize(
        ("story", "plant", "promise"), defects, ids=lambda value: getattr(value, "__name__", "")
    )


async def broken(bed: Bed, *periods: Period) -> list[PromiseResult]:
    """The promises that the story has broken, in these periods if they were begun and in everything without one."""
    await bed.digests()
    begun = {row.period for row in await bed.ledger.invoices()}
    evidence = await gather(bed.folder, bed.ledger, *(period for period in periods if period in begun))
    return [check for check in judge(evidence) if not check.ok]


async def check_named(bed: Bed, promise: str, *periods: Period) -> None:
    """The judge has found that ``promise`` is broken."""
    found = await broken(bed, *periods)
    assert any(check.name.startswith(promise) for check in found), found
