"""The coming fortnight as a picture: how many sales are imported, notices sent, charges made and bills due each day.

::

    plot = fortnight(await ledger.coming(period, *span(now)), now)     # None: nothing comes
    plot.days[0].bars       # stacked; places are percent from the left, and pixels from the top

Days are those of UTC.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from billing.reviewers.overview import Coming, ComingStep

DAYS = 14
HEIGHT = 120  # pixels
_TOP = 16  # pixels above the highest bar
_GAP = 0.15  # of a day's width
_DAY = timedelta(days=1)

STEPS = {  # the colour of each, and what one of them is called
    ComingStep.SALES: ("quiet", "import of sales", "imports of sales"),
    ComingStep.NOTICE: ("wait", "notice", "notices"),
    ComingStep.CHARGE: ("good", "charge", "charges"),
    ComingStep.DUE: ("act", "bill due", "bills due"),
}


class Bar(NamedTuple):
    tone: str
    y: float
    height: float
    title: str


class Day(NamedTuple):
    """A day in UTC. ``sums`` are those of its charges and due bills, as far as there are drafts."""

    at: datetime
    x: float
    width: float
    bars: list[Bar]
    counts: Mapping[ComingStep, int]
    sums: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


class Legend(NamedTuple):
    """A step of the fortnight: how many, and the first day with one."""

    tone: str
    words: str
    number: int
    first: datetime


class Fortnight(NamedTuple):
    days: list[Day]
    legends: list[Legend]
    most: int

    @property
    def sums(self) -> dict[str, int]:
        """Of all its charges and due bills, the largest number of minor units first."""
        sums: Counter[str] = Counter()
        for day in self.days:
            sums.update(day.sums)
        return dict(sums.most_common())


def span(now: datetime) -> tuple[datetime, datetime]:
    """From the beginning of today on."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today, today + DAYS * _DAY


def fortnight(coming: Sequence[Coming], now: datetime) -> Fortnight | None:
    """None if nothing comes."""
    since, _ = span(now)
    counts: defaultdict[int, Counter[ComingStep]] = defaultdict(Counter)
    sums: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for step in coming:
        if not 0 <= (number := (step.at - since) // _DAY) < DAYS:
            continue  # read a moment ago: yesterday, by now
        counts[number][step.step] += step.count
        if step.step in (ComingStep.CHARGE, ComingStep.DUE) and step.total_minor:
            sums[number][step.currency] += step.total_minor
    if not counts:
        return None
    most = max(sum(day.values()) for day in counts.values())
    width = 100 / DAYS
    days = [
        Day(
            since + number * _DAY,
            round((number + _GAP) * width, 2),
            round((1 - 2 * _GAP) * width, 2),
            list(_bars(counts[number], most)),
            dict(counts[number]),
            dict(sums[number]),
        )
        for number in range(DAYS)
    ]
    return Fortnight(days, list(_legends(days)), most)


def _bars(counts: Mapping[ComingStep, int], most: int) -> Iterator[Bar]:
    """From the ground up."""
    ground = float(HEIGHT)
    for step, (tone, one, many) in STEPS.items():
        if count := counts.get(step, 0):
            height = max(2.0, round(count * (HEIGHT - _TOP) / most, 1))
            ground -= height
            yield Bar(tone, round(ground, 1), height, f"{count:,} {one if count == 1 else many}")


def _legends(days: Sequence[Day]) -> Iterator[Legend]:
    for step, (tone, one, many) in STEPS.items():
        having = [day for day in days if step in day.counts]
        if having:
            count = sum(day.counts[step] for day in having)
            yield Legend(tone, one if count == 1 else many, count, having[0].at)
