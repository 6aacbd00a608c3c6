"""The base of every value in the domain, and the types of its fields.

Every text, list and number has a limit (``tests/unit/test_limits.py``), because values travel through Temporal, where
a payload may have 2 MB. See docs/decisions/0018.
"""

from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

T = TypeVar("T")


class Model(BaseModel):
    """A frozen value, compared by its fields. Unknown fields are ignored.

    What validates it is built at its first use: a command uses some of 250 models.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    def evolve(self, **changes: object) -> Self:
        """A copy with ``changes``, validated like a new value. Raises ``pydantic.ValidationError``."""
        assert changes.keys() <= type(self).model_fields.keys(), f"no such field: {changes.keys()}"
        return type(self).model_validate({**dict(self), **changes})


def build_models() -> None:
    """Builds all models that are imported, so that no workflow does it within the two seconds of a step.

    A repeat builds what has been imported since.
    """
    waiting: list[type[Model]] = [Model]
    while waiting:
        model = waiting.pop()
        model.model_rebuild()
        waiting += model.__subclasses__()


class Measured(Model):
    """A value of measured size, because a workflow's payload has a limit."""

    @cached_property
    def size_bytes(self) -> int:
        """Size in a payload: JSON in UTF-8."""
        return len(self.__pydantic_serializer__.to_json(self))


_YEARS = range(1970, 3000)


def _in_utc(instant: datetime) -> datetime:
    if instant.year not in _YEARS:
        raise ValueError(f"before the year {_YEARS.start}, or after {_YEARS.stop - 1}")
    return instant.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A point in time: an aware datetime in UTC, far enough from the ends of the calendar for arithmetic."""

# -- texts


def _without_nul(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


Kept = AfterValidator(_without_nul)
"""PostgreSQL does not take NUL."""

Code = Annotated[str, Field(max_length=100), Kept]
"""A word for machines: a status, a digest, an id of ours."""
Id = Annotated[str, Field(max_length=255), Kept]
"""An identifier from another system."""
LINE_MAX = 500
Line = Annotated[str, Field(max_length=LINE_MAX), Kept]
"""A line for people: a description, an address."""
Url = Annotated[str, Field(max_length=5000), Kept]
Who = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Kept]
"""A person, or a program that acts for one."""
Author = Annotated[str, Field(max_length=200), Kept]
"""As ``Who``, or "" for the application."""
Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000), Kept]
"""A reason that a person gives."""

WORDS_MAX = 2500


def cut(text: str, most: int = WORDS_MAX) -> str:
    """At most ``most`` characters of ``text``, without NUL and lone surrogates, which no database stores."""
    short = _without_nul(text[:most]).encode("utf-8", "replace").decode()
    return short if len(text) <= most else f"{short[: most - 1]}…"


def _cut(value: object) -> object:
    return cut(value) if isinstance(value, str) else value


Words = Annotated[str, Field(max_length=WORDS_MAX), BeforeValidator(_cut)]
"""Text of our own, which may quote others: cut where it is too long, never refused."""
MailText = Annotated[str, Field(max_length=5_000_000)]
"""A mail with the longest invoice; it never leaves activities and ledger."""

# -- numbers

Count = Annotated[int, Field(ge=0, le=10**9)]
"""A quantity, or a position: rows, versions."""
Number = Annotated[int, Field(ge=-(10**9), le=10**9)]
"""A counter that may go below zero."""
Minor = Annotated[int, Field(ge=-(10**15), le=10**15)]
MinorSum = Annotated[int, Field(ge=-(10**24), le=10**24)]
"""A sum of money in minor units; exact in JSON, too."""

# -- several

Few = Annotated[tuple[T, ...], Field(max_length=100)]
MANY_MAX = 10_000
Many = Annotated[tuple[T, ...], Field(max_length=MANY_MAX)]
"""The most that a value in a workflow holds; their size is limited as well."""
Rows = Annotated[tuple[T, ...], Field(max_length=10_000_000)]
"""All of a worksheet or a ledger; never in a payload."""
