"""Channels to the reviewers, their alerts, users and sessions, and the emergency brake.

Every method raises errors of ``billing.errors`` only, and may be called again after any failure.
"""

from datetime import datetime
from typing import Protocol

from billing.apart import Failed
from billing.collections.ports import DebtRow
from billing.invoices.ports import InvoiceRow
from billing.invoices.stages import Stage
from billing.model import Code, Count, Minor, Model
from billing.period import Period
from billing.reviewers.alerts import Alert, AlertRow
from billing.reviewers.brake import Brake, BrakeHold
from billing.reviewers.digest import Digest
from billing.reviewers.users import OpenSession, Role, SignInAttempt, User, UserCredentials


class Channel(Protocol):
    """One way to reach the reviewers."""

    async def tell(self, digest: Digest) -> None:
        """Sends the digest. After a failure it may have been sent; the repeat of a mail has the same Message-ID.

        Raises ``AlertUnavailable``, ``MailUnavailable``, ``MailRefused``.
        """

    def write(self, digest: Digest) -> bytes:
        """The message that ``tell`` would send. Raises any error if the digest cannot be rendered."""


class DigestWaker(Protocol):
    async def wake(self) -> None:
        """Makes sure that the alerts in the outbox will be sent. Raises ``AlertUnavailable``."""


class Claim(Model):
    """The digest to send next (None: there is none), and whether there are more alerts."""

    digest_id: Code | None = None
    more: bool = False


class AlertOutbox(Protocol):
    async def save_alert(self, alert: Alert) -> None:
        """Puts an alert into the outbox, unless it is or was there."""

    async def has_untold_alerts(self) -> bool:
        """Whether an alert waits for its digest."""

    async def claim_alerts(self, digest_id: str) -> Claim:
        """Takes the next digest out of the outbox, in one transaction.

        A digest that was claimed before and not closed comes first, under its own id; else all alerts become the
        digest ``digest_id``.
        """

    async def digest(self, digest_id: str, failed: list[Failed] | None = None) -> list[Alert]:
        """The alerts of a digest, oldest first."""

    async def close_digest(self, digest_id: str, at: datetime) -> None:
        """Records that a digest was sent; a repeat changes nothing."""


class AlertListing(Protocol):
    async def alerts(self) -> list[AlertRow]:
        """All alerts, sent or not, oldest first."""


class BrakeStore(Protocol):
    async def brake(self) -> Brake | None:
        """The last pull, on or released; None if there was none."""


class ChargeStanding(Model):
    """What decides whether a month is still to be charged; ``owed_minor`` are owed for it."""

    revision: Count  # of the month on record; 0 if there is none
    outcome: Stage | None
    owed_minor: Minor
    brake: Brake | None


class ChargeGuard(Protocol):
    async def charge_standing(self, customer_id: str, period: Period, currency: str) -> ChargeStanding:
        """Asked before every step of a charge, so in one visit."""


class BrakeControl(Protocol):
    async def brakes(self) -> list[Brake]:
        """Every pull, newest first."""

    async def pull_brake(self, by: str, why: str, via: str, at: datetime) -> Brake:
        """Pulls the brake; if it is on already, answers that pull. ``via``: "console" or "cli"."""

    async def release_brake(self, by: str, why: str, via: str, at: datetime) -> Brake:
        """Releases the brake; a repeat changes nothing. Raises ``NotFound`` if it was never pulled."""

    async def held_by_brake(self) -> BrakeHold:
        """What a release lets go on."""

    async def under_way(self) -> list[InvoiceRow | DebtRow]:
        """Months and collections with a payment that has begun, or whose outcome is unknown, as last recorded."""


class UserStore(Protocol):
    """Users of the console. A change of password or role, and a disabling, end the user's sessions."""

    async def add_user(self, user: User, password_hash: str, at: datetime) -> bool:
        """False, and nothing is changed, if the name is taken."""

    async def user(self, username: str) -> UserCredentials | None:
        """The user, even if disabled."""

    async def users(self) -> list[User]:
        """All users, disabled ones too, by user name."""

    async def set_password(self, username: str, password_hash: str) -> None:
        """Raises ``NotFound``."""

    async def set_role(self, username: str, role: Role) -> bool:
        """False if the user has this role. Raises ``NotFound``, and ``BillingError`` for the last administrator."""

    async def set_departments(self, username: str, departments: tuple[str, ...]) -> bool:
        """False if the user belongs to just these; sessions go on, for each request reads them. Raises ``NotFound``."""

    async def disable_user(self, username: str, at: datetime) -> bool:
        """False if the user is disabled already. Raises the errors of ``set_role``."""

    async def enable_user(self, username: str) -> bool:
        """False if the user is enabled already. Raises ``NotFound``."""


class SignInStore(Protocol):
    async def user(self, username: str) -> UserCredentials | None:
        """The user, even if disabled."""

    async def renew_hash(self, username: str, before: str, after: str) -> None:
        """Replaces the hash of an unchanged password, and keeps sessions; no effect unless the hash is ``before``."""

    async def begin_sign_in(self, username: str, address: str, at: datetime, browser: str = "") -> SignInAttempt:
        """Counts as a failure until ``accept_sign_in``, so that concurrent attempts do not slip through.

        An attempt that has to wait is not counted. ``username`` may be any text; ``browser`` names one in which that
        user has signed in before.
        """

    async def accept_sign_in(self, number: int) -> None:
        """The attempt ``number`` no longer counts as a failure."""


class SessionStore(Protocol):
    """Sessions, stored under the SHA-256 of their tokens."""

    async def open_session(self, token_hash: str, account: UserCredentials, at: datetime) -> bool:
        """False if the user was disabled or got another password since ``account`` was read."""

    async def session(self, token_hash: str, at: datetime) -> OpenSession | None:
        """The session, if it is in force at ``at``, with its user's current name, role and departments."""

    async def session_is_used(self, token_hash: str, session: OpenSession, at: datetime) -> None:
        """Records the use of a session, at most once in ``SEEN_EVERY``."""

    async def end_session(self, token_hash: str) -> None: ...


class Passwords(Protocol):
    async def hashed(self, password: str) -> str:
        """The hash of a password."""

    async def fits(self, password: str, password_hash: str, /) -> bool:
        """Whether the password matches; an empty hash takes as long to refuse as a wrong password."""

    def is_outdated(self, password_hash: str, /) -> bool:
        """Whether the hash has other parameters than those in use, and has to be renewed."""
