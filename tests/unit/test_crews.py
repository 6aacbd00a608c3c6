"""Crews as they are set, whom they serve, and what is said of a setting that cannot be."""

from datetime import date

import pytest

from billing.errors import InvalidInput
from billing.tasks.crews import day_or, days_of, read_crews
from settings import Settings
from tests.unit.procedure_files import faults
from wording.tasks import crew_days_words, crew_words

TEXT = " crew-north = 6: north-1, Abay Ave ; crew-south=1:;"
NORTH, SOUTH = read_crews(TEXT)
DAY = date(2026, 12, 3)


def test_crews_are_read_as_they_are_typed() -> None:
    assert (NORTH.name, NORTH.visits, NORTH.areas) == ("crew-north", 6, ("north-1", "Abay Ave"))
    assert (SOUTH.name, SOUTH.visits, SOUTH.areas) == ("crew-south", 1, ())
    assert read_crews(" ") == ()


@pytest.mark.parametrize(
    ("node", "address", "serves"),
    [
        ("north-1", None, True),
        ("north-12", None, False),
        (None, "ABAY AVE. 12-4", True),
        (None, "Abayev Ave. 1", False),
        (None, "Corner of Abay Ave", False),
        (None, None, False),
    ],
)
def test_a_crew_serves_its_nodes_and_what_begins_as_its_addresses(
    node: str | None, address: str | None, serves: bool
) -> None:
    assert NORTH.serves(node, address) is serves
    assert not SOUTH.serves(node, address)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("crew-north", "'crew-north' is no crew; write crew-north=6: north-1, Abay Ave"),
        ("crew-north=many: x", "is no crew"),
        ("crew-north=0: x", "visits"),
        ("Crew North=1: x", "name"),
        ("crew-north=1: x; crew-north=2: y", "a crew is there twice"),
    ],
)
def test_what_is_no_crew_is_refused_with_a_line(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        read_crews(text)
    with pytest.raises(ValueError, match=why):
        Settings.model_validate({"crews": text})


def test_a_crew_is_a_department() -> None:
    with pytest.raises(ValueError, match="BILLING_DEPARTMENTS lacks crew-north, crew-south of BILLING_CREWS; add it"):
        Settings.model_validate({"crews": TEXT})
    departments = "operator, accounting, warehouse, crew, crew-north, crew-south"
    assert Settings.model_validate({"crews": TEXT, "departments": departments}).crews == (NORTH, SOUTH)


def test_those_of_the_area_are_first_and_their_days_are_said() -> None:
    booked = {("crew-south", "2026-12-03"): 1, ("crew-north", "2026-12-04"): 2}
    north, south = days_of((SOUTH, NORTH), booked, DAY, "north-1", None)
    assert crew_words(north) == "crew-north, of this area: 0 of 6 visits on 3 Dec"
    assert crew_words(south) == "crew-south: 1 of 1 visits on 3 Dec"
    assert crew_days_words(north).startswith("3 Dec 0 of 6, 4 Dec 2 of 6, 5 Dec 0 of 6")
    assert (north.free_day, south.free_day) == (DAY, date(2026, 12, 4))
    full = {("crew-south", f"2026-12-{day:02}"): 1 for day in range(3, 17)}
    assert days_of((SOUTH,), full, DAY, None, None)[0].free_day is None


@pytest.mark.parametrize("typed", ["", "tomorrow", "0001-01-01", "9999-12-31"])
def test_a_day_that_is_none_is_replaced(typed: str) -> None:
    assert day_or(typed, DAY) == DAY
    assert day_or("2026-12-09", DAY) == date(2026, 12, 9)


def test_a_procedure_says_which_day_a_crew_is_chosen_for_and_which_answer_is_a_crew(tmp_path) -> None:
    alone = faults(tmp_path, ("    department: warehouse\n", f"    department: warehouse\n{CREW_FORM}"))
    assert any("one field of type crew and one of type date" in fault for fault in alone), alone
    other = faults(tmp_path, ("    day: look.day\n", "    day: look.day\n    crew: look.day\n"))
    assert any("crew: look.day is of type date; this takes crew" in fault for fault in other), other


CREW_FORM = "    form: [{name: crew, type: crew, label: Crew}]\n"
