"""Crews: departments that visit subscribers, each in its area, so many a day; and what their days are like.

::

    crews = read_crews("crew-north=6: north-1, Abay Ave; crew-south=4: south-1")
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Annotated

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from billing.errors import InvalidInput
from billing.model import Count, Few, Model
from billing.tasks.areas import address_key
from billing.tasks.member import Department
from billing.validation import explain

CREWS_MAX = 50
AHEAD = 14
"""How many days are looked at."""
_FORM = re.compile(r"\s*(?P<name>[^=:;]+?)\s*=\s*(?P<visits>[0-9]{1,4})\s*:(?P<areas>[^;]*)")

Area = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Crew(Model):
    """``areas``: nodes of the network, and beginnings of addresses. ``visits`` is how many it makes in a day."""

    name: Department
    visits: Annotated[Count, Field(ge=1, le=1000)]
    areas: Few[Area] = ()

    def serves(self, node: str | None, address: str | None) -> bool:
        begins = address_key(address or "")
        keys = filter(None, map(address_key, self.areas))
        return node in self.areas or any(begins.startswith(key) for key in keys)


Crews = Annotated[tuple[Crew, ...], Field(max_length=CREWS_MAX)]
_CREWS = TypeAdapter[tuple[Crew, ...]](Crews)


class CrewDays(Model):
    """A crew, whether it serves where a task is, and how many visits it has: on that day, and those after it."""

    crew: Crew
    serves: bool
    first: date
    booked: Annotated[tuple[Count, ...], Field(max_length=AHEAD)]

    @property
    def free_day(self) -> date | None:
        """The first on which it has room; None: none of those that were looked at."""
        free = (place for place, booked in enumerate(self.booked) if booked < self.crew.visits)
        return next((self.first + timedelta(days=place) for place in free), None)


def read_crews(text: str) -> tuple[Crew, ...]:
    """Crews as the setting has them. Raises ``InvalidInput``."""
    found = []
    for part in filter(str.strip, text.split(";")):
        read = _FORM.fullmatch(part)
        if read is None:
            raise InvalidInput(f"{part.strip()[:60]!r} is no crew; write crew-north=6: north-1, Abay Ave")
        areas = tuple(filter(None, (area.strip() for area in read["areas"].split(","))))
        found.append({"name": read["name"], "visits": int(read["visits"]), "areas": areas})
    try:
        crews = _CREWS.validate_python(tuple(found))
    except ValidationError as error:
        raise InvalidInput(explain(error)) from None
    if len({crew.name for crew in crews}) < len(crews):
        raise InvalidInput("a crew is there twice; give each a name of its own")
    return crews


def days_of(
    crews: Iterable[Crew], booked: Mapping[tuple[str, str], int], first: date, node: str | None, address: str | None
) -> tuple[CrewDays, ...]:
    """Those that serve the place first. ``booked`` has the visits by crew and day."""
    days = [(first + timedelta(days=place)).isoformat() for place in range(AHEAD)]
    found = (
        CrewDays(
            crew=crew,
            serves=crew.serves(node, address),
            first=first,
            booked=tuple(booked.get((crew.name, day), 0) for day in days),
        )
        for crew in crews
    )
    return tuple(sorted(found, key=lambda each: not each.serves))


def day_or(typed: str, otherwise: date) -> date:
    """The day that was typed, if it is one of this century."""
    try:
        day = date.fromisoformat(typed.strip()[:10])
    except ValueError:
        return otherwise
    return day if 2000 <= day.year < 2100 else otherwise
