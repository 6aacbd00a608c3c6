"""The plot of the time from payment to release, by its geometry and its words."""

from datetime import UTC, datetime, timedelta

import pytest

from console.reviewers.orders.release_plot import HEIGHT, duration, percentile, release_plot

UNTIL = datetime(2026, 12, 8, 12, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=7)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0123, "12 ms"),
        (1, "1 s"),
        (1.44, "1.4 s"),
        (59.94, "59.9 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (7200.5, "2 h"),
        (100 * 3600, "4 d 4 h"),
    ],
)
def test_a_duration_is_said_in_the_units_that_matter(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (99, 99), (1, 1), (100, 100)])
def test_a_percentile_is_a_value_that_occurred(percent: int, value: int) -> None:
    assert percentile([float(number) for number in range(1, 101)], percent) == value
    assert percentile([7.0], percent) == 7


def test_without_a_release_there_is_no_plot() -> None:
    assert release_plot([], SINCE, UNTIL) is None


def test_most_releases_lie_below_the_line_of_the_99th_percentile() -> None:
    times = [(SINCE + timedelta(hours=number), 0.02 + number / 1000) for number in range(100)]
    plot = release_plot([*times, (UNTIL - timedelta(hours=1), 7200.0)], SINCE, UNTIL)
    assert plot is not None
    assert (plot.releases, plot.p50.label, plot.p99.label, plot.slowest) == (101, "70 ms", "119 ms", "2 h")
    assert plot.p99.y < plot.p50.y, "slower is higher"
    assert all(0 <= dot.x <= 100 and 0 < dot.y < HEIGHT for dot in plot.dots)
    assert [tick.label for tick in plot.seconds] == [
        *("10 ms", "100 ms", "1 s", "10 s", "1 min", "10 min", "1 h", "6 h"),
    ]
    assert [tick.label for tick in plot.instants] == [*(f"{day} Dec" for day in range(2, 9))]
    assert [(row.day.day, row.releases) for row in plot.rows] == [(8, 1), (5, 16), (4, 24), (3, 24), (2, 24), (1, 12)]


@pytest.mark.parametrize("seconds", [0, 0.001, 0.05, 60, 3600.0, 10**9])
def test_one_release_of_any_length_is_within_the_plot(seconds: float) -> None:
    plot = release_plot([(SINCE, seconds)], SINCE, UNTIL)
    assert plot is not None
    (dot,) = plot.dots
    assert 0 < dot.y < HEIGHT
    assert len(plot.seconds) >= 2


def test_releases_at_one_place_are_one_dot_that_says_how_many() -> None:
    plot = release_plot([(UNTIL - timedelta(hours=5, seconds=number), 0.03) for number in range(5000)], SINCE, UNTIL)
    assert plot is not None
    assert len(plot.dots) < 10
    assert sum(1 for dot in plot.dots if "like it" in dot.title)


def test_a_day_is_shown_by_the_hour() -> None:
    plot = release_plot([(UNTIL, 1.0)], UNTIL - timedelta(days=1), UNTIL)
    assert plot is not None
    assert [tick.label for tick in plot.instants] == ["18:00", "00:00", "06:00", "12:00"]
