"""Billing periods: ``Period("2026-11")`` is the calendar month of November 2026 in a customer's time zone."""

import re
from datetime import date, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from billing.errors import InvalidInput

_FORM = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])", re.ASCII)


class Period(str):
    """A calendar month written ``YYYY-MM``; sorts and compares in time order.

    Raises ``InvalidInput`` (a ``ValueError`` inside pydantic models) for any other form.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        if not _FORM.fullmatch(text):
            raise InvalidInput(f"{text!r} is not a period; write the month as YYYY-MM, for example 2026-11")
        return super().__new__(cls, text)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The period that ``text`` names; None if it is none."""
        try:
            return cls(text)
        except InvalidInput:
            return None

    @classmethod
    def at(cls, instant: datetime, timezone: str) -> Self:
        """The period that ``instant`` falls into, on the calendar of ``timezone``."""
        return cls(instant.astimezone(ZoneInfo(timezone)).strftime("%Y-%m"))

    @classmethod
    def of_day(cls, day: date) -> Self:
        """The period that has ``day``."""
        return cls(f"{day:%Y-%m}")

    @property
    def first_day(self) -> date:
        return date(int(self[:4]), int(self[5:]), 1)

    @property
    def last_day(self) -> date:
        return self.next().first_day - timedelta(days=1)

    def next(self) -> "Period":
        """The calendar month after this one."""
        first = self.first_day
        year, month = (first.year + 1, 1) if first.month == 12 else (first.year, first.month + 1)
        return Period(f"{year:04}-{month:02}")

    def previous(self) -> "Period":
        """The calendar month before this one."""
        return Period(f"{self.first_day - timedelta(days=1):%Y-%m}")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(cls._validated, core_schema.str_schema(max_length=100))

    @classmethod
    def _validated(cls, text: str) -> Self:
        try:
            return cls(text)
        except InvalidInput as error:
            raise ValueError(str(error)) from None
