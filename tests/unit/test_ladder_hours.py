"""A message that was tried for hours is not sent in the night."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.ladder import check_hours
from billing.customers.contact_hours import ContactHours
from billing.errors import OutsideContactHours
from tests.unit.ladder_walks import on_ladder

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def test_step_is_not_done_outside_of_contact_hours() -> None:
    in_three_days = WEEK[(datetime.now(UTC) + timedelta(days=3)).weekday()]
    with pytest.raises(OutsideContactHours, match="contact hours begin at"):
        check_hours(on_ladder(hours=ContactHours.read(f"{in_three_days} 09:00-20:00")))


def test_ladder_without_contact_hours_acts_at_any() -> None:
    check_hours(on_ladder())
