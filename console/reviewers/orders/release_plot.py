"""The plot of the time from payment to release: the geometry of an SVG that the server draws, and the same as a table.

::

    plot = release_plot(await ledger.release_times(since, now), since, now)
    plot.p99.label      # "1.2 s"

The scale of seconds is logarithmic: milliseconds and a night on one page. Places are percent from the left and pixels
from the top, so text keeps its size however wide the page is.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

HEIGHT = 150  # pixels
_TOP, _BOTTOM = 18, 134  # the pixels of the slowest and of the fastest release
_ROUND = 0.5  # percent, and pixels times four: dots closer than that are one
_TICKS = (0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400, 70 * 86_400)
_BEAT = timedelta(hours=6)
_DAY = timedelta(days=1)
_ROWS = 31  # of the table

Time = tuple[datetime, float]


class Tick(NamedTuple):
    place: float
    label: str


class Dot(NamedTuple):
    x: float
    y: float
    title: str


class Level(NamedTuple):
    """A percentile: so much of all releases took no longer."""

    seconds: float
    y: float
    label: str


class Row(NamedTuple):
    """A day, in UTC, of the table."""

    day: datetime
    releases: int
    p50: str
    p99: str
    slowest: str


class ReleasePlot(NamedTuple):
    releases: int
    p50: Level
    p99: Level
    slowest: str
    dots: list[Dot]
    seconds: list[Tick]
    instants: list[Tick]
    rows: list[Row]


def release_plot(times: Sequence[Time], since: datetime, until: datetime) -> ReleasePlot | None:
    """None without a release."""
    if not times:
        return None
    all_seconds = sorted(max(_TICKS[0], seconds) for _, seconds in times)
    ticks = _around(all_seconds[0], all_seconds[-1])
    scale = _Scale(since, until, ticks[0], ticks[-1])
    return ReleasePlot(
        releases=len(times),
        p50=scale.level(all_seconds, 50),
        p99=scale.level(all_seconds, 99),
        slowest=duration(all_seconds[-1]),
        dots=list(scale.dots(times)),
        seconds=[Tick(scale.y(tick), duration(tick)) for tick in ticks],
        instants=list(scale.instants()),
        rows=list(_by_day(times))[:_ROWS],
    )


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The nearest rank: the smallest value that ``percent`` of all do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def duration(seconds: float) -> str:
    """``12 ms``, ``1.4 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 d 4 h``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    for size, unit, part, smaller in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            whole, rest = divmod(int(seconds), size)
            return f"{whole} {unit} {rest // part} {smaller}" if rest // part else f"{whole} {unit}"
    raise AssertionError(seconds)


class _Scale:
    def __init__(self, since: datetime, until: datetime, fastest: float, slowest: float) -> None:
        self._since, self._until = since, until
        self._low, self._high = math.log(fastest), math.log(slowest)

    def x(self, at: datetime) -> float:
        return round(100 * (at - self._since) / (self._until - self._since), 2)

    def y(self, seconds: float) -> float:
        share = (math.log(seconds) - self._low) / (self._high - self._low)
        return round(_BOTTOM - share * (_BOTTOM - _TOP), 1)

    def level(self, ordered: Sequence[float], percent: int) -> Level:
        seconds = percentile(ordered, percent)
        return Level(seconds, self.y(seconds), duration(seconds))

    def dots(self, times: Sequence[Time]) -> Iterator[Dot]:
        """One for all releases at nearly the same place, so that a million of them are a page, too."""
        places: dict[tuple[int, int], tuple[int, Time]] = {}
        for at, seconds in times:
            place = int(self.x(at) / _ROUND), int(self.y(max(_TICKS[0], seconds)) / _ROUND / 4)
            count, first = places.get(place, (0, (at, seconds)))
            places[place] = count + 1, first
        for count, (at, seconds) in places.values():
            words = f"{at.astimezone(UTC):%d %b, %H:%M} UTC: {duration(seconds)}"
            more = f", and {count - 1:,} like it" if count > 1 else ""
            yield Dot(self.x(at), self.y(max(_TICKS[0], seconds)), words + more)

    def instants(self) -> Iterator[Tick]:
        """Up to eight whole days, or the quarters of one."""
        span = self._until - self._since
        step = _BEAT if span <= 2 * _DAY else _DAY * math.ceil(span / _DAY / 7)
        at = self._since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        while at <= self._until:
            if at > self._since:
                yield Tick(self.x(at), f"{at:%H:%M}" if step is _BEAT else f"{at.day} {at:%b}")
            at += step


def _around(fastest: float, slowest: float) -> tuple[float, ...]:
    """The ticks from the last that is not above the fastest to the first that is above the slowest."""
    first = max(tick for tick in _TICKS if tick <= fastest)
    last = next((tick for tick in _TICKS if tick > slowest), slowest * 10)
    return tuple(sorted({last, *(tick for tick in _TICKS if first <= tick <= last)}))


def _by_day(times: Sequence[Time]) -> Iterator[Row]:
    """The newest first."""
    days: dict[datetime, list[float]] = {}
    for at, seconds in times:
        day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        days.setdefault(day, []).append(seconds)
    for day in sorted(days, reverse=True):
        ordered = sorted(days[day])
        p50, p99 = (duration(percentile(ordered, percent)) for percent in (50, 99))
        yield Row(day, len(ordered), p50, p99, duration(ordered[-1]))
