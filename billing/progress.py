"""What the values of durable workflows have in common: what is due next, and what holds them up.

``Month`` and ``Collection`` are such values: each says what is due at an instant, and ``workflows/value_loop.py`` does
it, records it and looks again.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Generic, Literal, NamedTuple, Protocol, Self, TypeVar

from pydantic import Field

from billing.model import Code, Count, Instant, Model, Who, Words
from billing.period import Period

S = TypeVar("S", bound=StrEnum)


class Due(NamedTuple, Generic[S]):
    """The next step and what it does. ``step`` None: nothing for now; ``what`` comes ``at``, or when a person acts."""

    step: S | None
    at: datetime | None = None
    what: str = ""


class Stop(Protocol):
    """Why the clock stands still."""

    @property
    def text(self) -> str: ...


class Halted(Model):
    """A person has stopped it, until somebody resumes."""

    by: Who
    reason: Words
    at: Instant

    @property
    def text(self) -> str:
        return f"halted by {self.by}: {self.reason}"


class Braked(Model):
    """The emergency brake has stopped the step that is due, until it is released. ``text``: who pulled it, and why."""

    text: Words


class Outage(Model):
    """Something outside is down: the step is tried again until it works. ``error``: a class of ``billing.errors``."""

    kind: Literal["outage"] = "outage"
    error: Code
    text: Words


class Failure(Model):
    """Something failed that no retry mends: it waits for a person."""

    kind: Literal["failure"] = "failure"
    text: Words


class Durable(Model):
    """A value that a workflow lives by and that the ledger knows. ``revision`` grows with every change, so that an
    older record never replaces a newer one.
    """

    period: Period
    revision: Count = 0
    halt: Halted | None = None
    brake: Braked | None = None
    trouble: Annotated[Outage | Failure, Field(discriminator="kind")] | None = None
    alerted_at: Instant | None = None
    alerts: Count = 0

    # -- what each kind says of itself

    @property
    def outcome(self) -> StrEnum | None:
        """How it ended; None: it has not."""
        raise NotImplementedError

    @property
    def customer_id(self) -> str:
        """Whose it is."""
        raise NotImplementedError

    @property
    def amount_due(self) -> tuple[int, str]:
        """What it is about: minor units, and their currency."""
        raise NotImplementedError

    @property
    def trail_count(self) -> int:
        """How many entries its trail has had."""
        raise NotImplementedError

    def due(self, now: datetime) -> Due[Any]:
        """The next step at ``now``. Pure: the same value and instant always give the same step."""
        raise NotImplementedError

    def stage(self, now: datetime) -> StrEnum:
        """Where it stands at ``now``, as people see it."""
        raise NotImplementedError

    def alerted(self, now: datetime, is_told: bool = True) -> Self:
        """Reviewers were told what waits for them, if it still does; or that failed, and comes again later."""
        raise NotImplementedError

    def braked(self, text: str) -> Self:
        """The emergency brake has stopped the step that was due: it stays due until the brake is released."""
        raise NotImplementedError

    def brake_released(self, now: datetime) -> Self:
        """The brake is off."""
        raise NotImplementedError

    def adopt(self, known: Self) -> Self:
        """The value as the ledger has it, with what was said to this run since."""
        raise NotImplementedError

    def recorded(self, count: int) -> Self:
        """The ledger has the first ``count`` entries of the trail: of those, only the newest are carried on."""
        raise NotImplementedError

    # -- what all have in common

    @property
    def is_closed(self) -> bool:
        return self.outcome is not None

    @property
    def outage(self) -> Outage | None:
        return self.trouble if isinstance(self.trouble, Outage) else None

    @property
    def failure(self) -> Failure | None:
        return self.trouble if isinstance(self.trouble, Failure) else None

    def delayed(self, error: str, text: str) -> Self:
        """The step that is due cannot be done for now, because something outside is down. It stays due."""
        if self.is_closed or self.failure is not None:
            return self
        return self._changed(trouble=Outage(error=error, text=text))

    def failed(self, text: str) -> Self:
        """Something failed that no retry mends: the clock stands still until a person resumes."""
        return self if self.is_closed else self._changed(trouble=Failure(text=text), alerted_at=None)

    def reachable(self) -> Self:
        """The ledger answers."""
        return self

    def close_cancelled(self, text: str) -> Self:
        """The emergency brake has stopped the close."""
        return self

    def _changed(self, **changes: object) -> Self:
        return self.evolve(revision=self.revision + 1, **changes)
