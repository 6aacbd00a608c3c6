"""Twelve months by currency as a picture: what was charged, what is unpaid, what was skipped.

::

    charts = year_charts(await ledger.year(period), period, ["eur", "jpy"])   # in the order of these currencies
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from billing.period import Period
from billing.reviewers.overview import YearSum

MONTHS = 12
HEIGHT = 96  # pixels
_TOP = 8
_GAP = 0.15
_FIRST = "2000-01"  # there is no month before it


class Segment(NamedTuple):
    tone: str
    y: float
    height: float


class MonthBar(NamedTuple):
    sums: YearSum
    x: float
    middle: float
    width: float
    segments: list[Segment]


class YearChart(NamedTuple):
    """One currency; ``most_minor`` is the highest bar."""

    currency: str
    most_minor: int
    bars: list[MonthBar]

    @property
    def charged_minor(self) -> int:
        return sum(bar.sums.charged_minor for bar in self.bars)

    @property
    def unpaid_minor(self) -> int:
        return sum(bar.sums.unpaid_minor for bar in self.bars)


def year_charts(sums: Sequence[YearSum], last: Period, currencies: Sequence[str]) -> list[YearChart]:
    """A chart for each currency with a closed month: ``currencies`` first, then the others by name."""
    known = {(month.period, month.currency): month for month in sums}
    found = sorted({month.currency for month in sums})
    order = [name for name in currencies if name in found] + [name for name in found if name not in currencies]
    periods = [last]
    while len(periods) < MONTHS and periods[0] > _FIRST:
        periods.insert(0, periods[0].previous())
    return [
        _chart(name, [known.get((each, name)) or YearSum(period=each, currency=name) for each in periods])
        for name in order
    ]


def _chart(currency: str, months: Sequence[YearSum]) -> YearChart:
    most = max(max(0, month.charged_minor) + month.unpaid_minor + max(0, month.skipped_minor) for month in months)
    width = 100 / MONTHS
    bars = [
        MonthBar(
            month,
            round((number + _GAP) * width, 2),
            round((number + 0.5) * width, 2),
            round((1 - 2 * _GAP) * width, 2),
            list(_segments(month, most)),
        )
        for number, month in enumerate(months)
    ]
    return YearChart(currency, most, bars)


def _segments(month: YearSum, most_minor: int) -> Iterator[Segment]:
    """From the ground up."""
    ground = float(HEIGHT)
    for tone, minor in (("good", month.charged_minor), ("bad", month.unpaid_minor), ("quiet", month.skipped_minor)):
        if minor > 0:
            height = max(2.0, round(minor * (HEIGHT - _TOP) / most_minor, 1))
            ground -= height
            yield Segment(tone, round(ground, 1), height)
