"""How reviewers are told, and what waits to be told to them.

Every method raises errors of ``billing.errors`` only, and may be called again after any failure.
"""

from datetime import datetime
from typing import Protocol

from billing.apart import Failed
from billing.model import Code, Model
from billing.period import Period
from billing.reviewers.alerts import Alert, AlertRow
from billing.reviewers.brake import Brake
from billing.reviewers.digest import Digest


class Channel(Protocol):
    """One way to tell the reviewers."""

    async def tell(self, digest: Digest) -> None:
        """Hands the digest over. After a failure it may have been told: a repeat of a mail has the same Message-ID.

        Raises ``AlertUnavailable``, ``MailUnavailable``, ``MailRefused``.
        """

    def write(self, digest: Digest) -> bytes:
        """What would be handed over. Raises whatever it is that cannot be told."""


class Bell(Protocol):
    async def ring(self) -> None:
        """Makes sure that what is in the ledger's outbox by now will be told. Raises ``AlertUnavailable``."""


class Claim(Model):
    """What is to be told next ("": nothing), and whether there is more."""

    digest_id: Code = ""
    more: bool = False


class AlertOutbox(Protocol):
    """Alerts, until a digest has told them."""

    async def save_alert(self, alert: Alert) -> None:
        """Puts an alert into the outbox, unless it is or was there."""

    async def claim_alerts(self, digest_id: str) -> Claim:
        """Takes what a digest is to tell out of the outbox, at once and for nobody else.

        A digest that was claimed before and not told comes first, under its own id; else all alerts become the one
        of ``digest_id``.
        """

    async def digest(self, digest_id: str, failed: list[Failed] | None = None) -> list[Alert]:
        """The alerts of a digest, oldest first."""

    async def close_digest(self, digest_id: str, at: datetime) -> None:
        """Keeps that a digest was told; the first time stays."""

    async def alerts(self, period: Period | None = None, customer_id: str | None = None) -> list[AlertRow]:
        """All alerts that match, oldest first."""


class BrakeStore(Protocol):
    """The emergency brake."""

    async def brake(self) -> Brake | None:
        """The emergency brake as it was pulled last, on or released; None if it never was."""

    async def brakes(self) -> list[Brake]:
        """Every time that it was pulled, newest first."""

    async def pull_brake(self, by: str, why: str, via: str, at: datetime) -> Brake:
        """Puts it on; while it is on, answers the one who did. ``via`` says where: "console", "cli"."""

    async def release_brake(self, by: str, why: str, via: str, at: datetime) -> Brake:
        """Takes it off, once. Raises ``NotFound`` if it was never pulled."""
