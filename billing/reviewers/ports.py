"""How reviewers are told and sign in, what waits to be told to them, and the brake that they pull.

Every method raises errors of ``billing.errors`` only, and may be called again after any failure.
"""

from datetime import datetime
from typing import Protocol

from billing.apart import Failed
from billing.collections.ports import CollectionRow
from billing.invoices.ports import InvoiceRow
from billing.model import Code, Model
from billing.period import Period
from billing.reviewers.alerts import Alert, AlertRow
from billing.reviewers.brake import Brake
from billing.reviewers.digest import Digest
from billing.reviewers.users import OpenSession, Role, SignInAttempt, User, UserCredentials


class Channel(Protocol):
    """One way to tell the reviewers."""

    async def tell(self, digest: Digest) -> None:
        """Hands the digest over. After a failure it may have been told: a repeat of a mail has the same Message-ID.

        Raises ``AlertUnavailable``, ``MailUnavailable``, ``MailRefused``.
        """

    def write(self, digest: Digest) -> bytes:
        """What would be handed over. Raises whatever it is that cannot be told."""


class DigestWaker(Protocol):
    async def wake(self) -> None:
        """Makes sure that what is in the ledger's outbox by now will be told. Raises ``AlertUnavailable``."""


class Claim(Model):
    """What is to be told next (None: nothing), and whether there is more."""

    digest_id: Code | None = None
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


class AlertListing(Protocol):
    async def alerts(self, period: Period | None = None, customer_id: str | None = None) -> list[AlertRow]:
        """All alerts that match, told or not, oldest first."""


class BrakeStore(Protocol):
    async def brake(self) -> Brake | None:
        """The emergency brake as it was pulled last, on or released; None if it never was."""


class BrakeControl(Protocol):
    """The emergency brake, for who pulls it."""

    async def brakes(self) -> list[Brake]:
        """Every time that it was pulled, newest first."""

    async def pull_brake(self, by: str, why: str, via: str, at: datetime) -> Brake:
        """Puts it on; while it is on, answers the one who did. ``via`` says where: "console", "cli"."""

    async def release_brake(self, by: str, why: str, via: str, at: datetime) -> Brake:
        """Takes it off, once. Raises ``NotFound`` if it was never pulled."""

    async def under_way(self) -> list[InvoiceRow | CollectionRow]:
        """Where money may be moving, as recorded just now: charges of months and tries of what is owed that have begun,
        and those whose outcome is not known.
        """


class UserStore(Protocol):
    """Who may use the console. What changes a password or a role, or disables, ends the user's sessions."""

    async def add_user(self, user: User, password_hash: str, at: datetime) -> bool:
        """False, and nothing is changed, if there is a user of that name."""

    async def user(self, username: str) -> UserCredentials | None:
        """The user, also one who is disabled."""

    async def users(self) -> list[User]:
        """Everybody, also who is disabled, by user name."""

    async def set_password(self, username: str, password_hash: str) -> None:
        """Raises ``NotFound``."""

    async def set_role(self, username: str, role: Role) -> bool:
        """False if it is the role already.

        Raises ``NotFound``, and ``BillingError`` if no administrator would be left.
        """

    async def disable_user(self, username: str, at: datetime) -> bool:
        """False if the user is disabled already. Raises as ``set_role`` does."""

    async def enable_user(self, username: str) -> bool:
        """False if the user is enabled already. Raises ``NotFound``."""


class SignInStore(Protocol):
    """What signing in asks and leaves behind."""

    async def user(self, username: str) -> UserCredentials | None:
        """The user, also one who is disabled."""

    async def renew_hash(self, username: str, before: str, after: str) -> None:
        """The same password, hashed anew; sessions go on. Nothing happens if the password has changed meanwhile."""

    async def begin_sign_in(self, username: str, address: str, at: datetime, browser: str = "") -> SignInAttempt:
        """Counts as a failure until ``accept_sign_in``, so that attempts at once do not slip through.

        One that has to wait is not counted. ``username`` may be anything that somebody typed; ``browser`` names one in
        which that user has signed in before.
        """

    async def accept_sign_in(self, number: int) -> None:
        """The attempt of this number is no failure any more."""


class SessionStore(Protocol):
    """Sessions, each known by the SHA-256 of its token only."""

    async def open_session(self, token_hash: str, account: UserCredentials, at: datetime) -> bool:
        """False if the user was disabled, or got another password, since ``account`` was read."""

    async def session(self, token_hash: str, at: datetime) -> OpenSession | None:
        """The session, if it is in force at ``at``; with its user's name and role as they are then."""

    async def session_is_used(self, token_hash: str, session: OpenSession, at: datetime) -> None:
        """Keeps an idle session apart from one in use; writes once in ``SEEN_EVERY``."""

    async def end_session(self, token_hash: str) -> None: ...


class Passwords(Protocol):
    async def hashed(self, password: str) -> str:
        """What to keep of a password."""

    async def fits(self, password: str, kept: str) -> bool:
        """Whether it is the password. If none is ``kept`` (""), it takes as long to say no as for a wrong one."""

    def is_outdated(self, kept: str) -> bool:
        """Whether a hash was made with other parameters than are recommended now: hash the password anew."""
