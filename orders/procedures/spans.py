"""Spans of time as an office writes them: ``30m``, ``4h``, ``2d``, ``2w``; and by when a task is to be done."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from billing.model import Line, Model

EXAMPLE = "30m, 4h, 2d or 2w"
_SPAN = re.compile(r"([1-9][0-9]{0,3}) ?([mhdw])")
_UNITS = {"w": timedelta(weeks=1), "d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


def _parsed(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    found = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"write a span of time such as {EXAMPLE}")
    return int(found[1]) * _UNITS[found[2]]


def span_text(span: timedelta) -> str:
    """The span in its largest unit that fits: ``2d``, and ``36h``."""
    unit = next(unit for unit, length in _UNITS.items() if not span % length)
    return f"{span // _UNITS[unit]}{unit}"


Span = Annotated[
    timedelta,
    BeforeValidator(_parsed),
    Field(ge=timedelta(minutes=1), le=timedelta(days=366)),
    PlainSerializer(span_text, when_used="json"),
]
"""A length of time, or its text, which it is in JSON."""


class Deadline(Model, extra="forbid"):
    """``within`` this span a task is to be done; requests of some categories sooner or later, ``by_category``.

    Its text is a span alone.
    """

    within: Span
    by_category: Annotated[dict[Line, Span], Field(max_length=50)] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _of_span(cls, value: object) -> object:
        return value if isinstance(value, Mapping | Deadline) else {"within": value}

    def span(self, category: object) -> timedelta:
        """For a request of ``category``; None: the order is no request."""
        return self.by_category.get(category, self.within) if isinstance(category, str) else self.within
