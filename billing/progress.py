"""The common part of ``Month`` and ``Collection``, the values of durable workflows: what is due, and what stops them.

Each says what is due at an instant; ``workflows/value_loop.py`` does it, records it and looks again.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Generic, Literal, NamedTuple, Protocol, Self, TypeVar

from pydantic import Field

from billing.model import Code, Count, Instant, Model, Who, Words
from billing.period import Period

S = TypeVar("S", bound=StrEnum)


class Due(NamedTuple, Generic[S]):
    """The next step and what it does. ``step`` None: not yet; ``what`` follows ``at``, or when a person acts."""

    step: S | None
    at: datetime | None = None
    what: str = ""


class Stop(Protocol):
    """Why the clock stands still."""

    @property
    def text(self) -> str: ...


class Halted(Model):
    """A person has stopped the clock, until somebody resumes."""

    by: Who
    reason: Words
    at: Instant

    @property
    def text(self) -> str:
        return f"halted by {self.by}: {self.reason}"


class Braked(Model):
    """The emergency brake stops the step that is due, until its release. ``text``: who pulled it, and why."""

    text: Words


class Outage(Model):
    """Something outside is down; the step is retried until it works. ``error``: a class of ``billing.errors``."""

    kind: Literal["outage"] = "outage"
    error: Code
    text: Words


class Failure(Model):
    """A step failed for good, and waits for a person."""

    kind: Literal["failure"] = "failure"
    text: Words


class Durable(Model):
    """The value of a workflow, which the ledger records. ``revision`` grows with every change, so that an older record
    never replaces a newer one.
    """

    period: Period
    revision: Count = 0
    halt: Halted | None = None
    brake: Braked | None = None
    trouble: Annotated[Outage | Failure, Field(discriminator="kind")] | None = None
    alerted_at: Instant | None = None
    alerts: Count = 0

    # -- implemented by each kind

    @property
    def outcome(self) -> StrEnum | None:
        """The stage in which it ended; None while it is open."""
        raise NotImplementedError

    @property
    def customer_id(self) -> str:
        raise NotImplementedError

    @property
    def amount_due(self) -> tuple[int, str]:
        """The open amount in minor units, and its currency."""
        raise NotImplementedError

    @property
    def trail_count(self) -> int:
        """The number of the newest entry in its audit trail."""
        raise NotImplementedError

    def due(self, now: datetime) -> Due[Any]:
        """The next step at ``now``. Pure: the same value and instant always give the same step."""
        raise NotImplementedError

    def stage(self, now: datetime) -> StrEnum:
        """Where it stands at ``now``, as people see it."""
        raise NotImplementedError

    def alerted(self, now: datetime, is_told: bool = True) -> Self:
        """Reviewers were alerted; or that failed (not ``is_told``), and is due again later."""
        raise NotImplementedError

    def braked(self, text: str) -> Self:
        """The emergency brake has stopped the step that is due, which stays due until the release."""
        raise NotImplementedError

    def brake_released(self, now: datetime) -> Self:
        raise NotImplementedError

    def adopt(self, record: Self) -> Self:
        """The ledger's ``record`` in place of a stale value, with the commands that this run took since."""
        raise NotImplementedError

    def recorded(self, count: int) -> Self:
        """The ledger has the first ``count`` entries of the trail: of those, only the newest are kept."""
        raise NotImplementedError

    # -- shared by all kinds

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
        """Something outside is down; the step stays due."""
        if self.is_closed or self.failure is not None:
            return self
        return self._changed(trouble=Outage(error=error, text=text))

    def failed(self, text: str) -> Self:
        """A step failed for good: the clock stands still until a person resumes."""
        return self if self.is_closed else self._changed(trouble=Failure(text=text), alerted_at=None)

    def reachable(self) -> Self:
        """The ledger answers."""
        return self

    def close_cancelled(self, text: str) -> Self:
        """The emergency brake has stopped the close, before anybody knew of it."""
        return self

    def _changed(self, **changes: object) -> Self:
        return self.evolve(revision=self.revision + 1, **changes)
