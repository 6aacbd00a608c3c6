"""The dead-man's switch, by the figures alone."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.completeness.snapshots import HealthFigures
from inbound.monitor import troubles

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
WELL = HealthFigures(covered_at=NOW, findings=0, overdue_since=None, open_collections=0, untold_alerts=0)


@pytest.mark.parametrize(("minutes", "is_red"), [(0, False), (60, False), (61, True)])
def test_an_event_that_has_waited_for_an_hour_turns_the_switch_red(minutes: int, is_red: bool) -> None:
    figures = WELL.evolve(waiting_events=3, events_waiting_since=NOW - timedelta(minutes=minutes))
    words = ["events have not been delivered since 2026-12-01 10:59 UTC; python starter.py doctor says why"]
    assert troubles(figures, NOW) == (words if is_red else [])
