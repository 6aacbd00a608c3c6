"""The emergency brake: while it is on, no notice is sent and nothing is charged.

It is a row in the ledger, so it outlives every process, and customers who are started meanwhile obey it too. Every
activity that announces or charges checks it (``activities/brake.py``); workflows then wait for its release.
"""

from datetime import datetime, timedelta

from billing.model import Code, Count, Instant, Model, Number, Words


class Brake(Model):
    """One pull of the brake, numbered from 1, and its release. ``pulled_via`` is as ``Command.via``."""

    number: Count
    pulled_by: Words
    pulled_why: Words
    pulled_via: Code
    pulled_at: Instant
    released_by: Words | None = None
    released_why: Words | None = None
    released_via: Code | None = None
    released_at: Instant | None = None

    @property
    def on(self) -> bool:
        return self.released_at is None

    @property
    def reason(self) -> str:
        """For people: ``ann: the sheet is of last year``."""
        return f"{self.pulled_by}: {self.pulled_why}"


class BrakeHold(Model):
    """What goes on once the brake is released, as last recorded."""

    open_months: Count
    stopped_months: Count  # of these: a notice or charge came due meanwhile
    window_hours: Number  # the shortest that any of them is left to be reviewed
    tries: Count  # collections whose try or reminder has waited
    orders: Count  # paid enough, and released at once

    def earliest(self, now: datetime) -> datetime | None:
        """Before then no month is announced or charged, if the brake is released ``now``; None: there is no month."""
        return now + timedelta(hours=self.window_hours) if self.open_months else None
