"""The emergency brake: while it is on, nothing is charged."""

from billing.model import Instant, Model


class Brake(Model):
    number: int
    pulled_by: str
    pulled_why: str
    pulled_via: str
    pulled_at: Instant
    released_by: str | None = None
    released_why: str | None = None
    released_via: str | None = None
    released_at: Instant | None = None

    @property
    def on(self) -> bool:
        return self.released_at is None
