"""Who may use the console, what their roles allow, how long they stay signed in, how fast passwords may be tried."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Final, NamedTuple, Self

from pydantic import Field

from billing.errors import InvalidInput
from billing.model import Instant, Line, Model, Who

SESSION_IDLE: Final = timedelta(hours=8)
"""Who does nothing for so long has to sign in again."""
SESSION_LIFETIME: Final = timedelta(days=7)
"""So does everybody after so long."""
SEEN_EVERY: Final = timedelta(minutes=1)
"""How exactly it is known when a session was last used; not every request writes."""

PASSWORD_MIN: Final = 12  # characters
PASSWORD_MAX: Final = 1000  # more is no password, but work for us

SIGN_INS_KEPT: Final = timedelta(days=30)
_WAIT_FIRST: Final = timedelta(seconds=2)
_WAIT_MAX: Final = timedelta(minutes=15)

_USERNAME: Final = re.compile(r"[a-z0-9][a-z0-9._+@-]{0,99}", re.ASCII)


class Role(StrEnum):
    """In this order; each may do what those before it may."""

    VIEWER = "viewer"  # sees everything
    REVIEWER = "reviewer"  # halts, resumes, edits, pulls the brake
    APPROVER = "approver"  # approves, skips, closes
    ADMINISTRATOR = "administrator"  # releases the brake

    def may(self, needed: "Role") -> bool:
        """Whether this role is enough where ``needed`` is asked for."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


class User(Model):
    """``username`` is what the audit trail keeps; ``disabled_at`` is None for one who may sign in."""

    username: Who
    name: Line
    role: Role
    disabled_at: Instant | None = None


class UserCredentials(User):
    """A user with the hash of the password; "" for one who signs in by single sign-on only."""

    password_hash: Line = Field(repr=False)


class OpenSession(Model):
    """A session that is in force, with its user as they are now."""

    username: Who
    name: Line
    role: Role
    seen_at: Instant


class SignInAttempt(NamedTuple):
    """A try to sign in: its ``number``; or how long to ``wait`` before another one is allowed."""

    number: int
    wait: timedelta = timedelta()


class FailureThrottle(NamedTuple):
    """So many failures in ``window`` are ``free``; each further one doubles the pause after it, up to a limit."""

    free: int
    window: timedelta

    def pause(self, failures: int) -> timedelta:
        """The pause after the last of so many failures."""
        beyond = failures - self.free
        return min(_WAIT_FIRST * 2 ** min(beyond, 20), _WAIT_MAX) if beyond >= 0 else timedelta()

    @classmethod
    def of_username(cls) -> Self:
        """A sign-in that was accepted forgets the failures before it."""
        return cls(free=5, window=timedelta(days=1))

    @classmethod
    def of_address(cls) -> Self:
        """An office shares an address; and nobody's success excuses failures with the names of others."""
        return cls(free=20, window=timedelta(hours=1))


def username_of(text: str) -> str:
    """The name as it is kept, in small letters. Raises ``InvalidInput``."""
    name = text.strip().casefold()
    if not _USERNAME.fullmatch(name):
        raise InvalidInput(
            f"{text!r} is no user name: write letters a-z, digits and . _ + @ -, such as ann or ann@acme.example"
        )
    return name


def required_password(text: str) -> str:
    """``text``, if it may be a password. Raises ``InvalidInput``, which does not repeat it."""
    if not PASSWORD_MIN <= len(text) <= PASSWORD_MAX:
        raise InvalidInput(f"the password has {len(text)} characters; take {PASSWORD_MIN} to {PASSWORD_MAX}")
    return text
