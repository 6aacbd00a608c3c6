"""The base of every value in the domain: frozen, compared by value, tolerant of fields it does not know yet."""

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict


class Model(BaseModel):
    """A frozen value. New fields get defaults, so that a month written by older code stays readable."""

    model_config = ConfigDict(frozen=True)

    def evolve(self, **changes: object) -> Self:
        """A copy with ``changes``, validated like a new value. Raises ``pydantic.ValidationError``."""
        assert changes.keys() <= type(self).model_fields.keys(), f"no such field: {changes.keys()}"
        return type(self).model_validate({**dict(self), **changes})


def _in_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("before the year 1, or after 9999") from None


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A point in time: an aware datetime, kept in UTC."""
