"""The emergency brake: while it is on, nothing is announced to customers and nothing is charged, whoever asks for it.

It is a row in the ledger, so it outlives every process, and customers who are started meanwhile honour it too. Every
activity that would announce or charge asks for it (``activities/brake.py``); workflows then wait for its release.
"""

from billing.model import Code, Count, Instant, Model, Words


class Brake(Model):
    """One time that it was pulled. ``number`` counts those; ``pulled_via`` is as a decision's ``via``."""

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
        """Who pulled it and why, for people: ``ann: the sheet is of last year``."""
        return f"{self.pulled_by}: {self.pulled_why}"
