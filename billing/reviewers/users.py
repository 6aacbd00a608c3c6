"""Users of the console: roles, sessions, passwords, and the limits on failed sign-ins."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Final, NamedTuple, Self

from pydantic import Field

from billing.errors import InvalidInput
from billing.model import Instant, Line, Model, Who
from billing.tasks.member import Departments, Member

SESSION_IDLE: Final = timedelta(hours=8)
"""An unused session ends after this time."""
SESSION_LIFETIME: Final = timedelta(days=7)
"""Every session ends after this time."""
SEEN_EVERY: Final = timedelta(minutes=1)
"""A session's last use is recorded to this precision, so that not every request writes."""

PASSWORD_MIN: Final = 12  # characters
PASSWORD_MAX: Final = 1000  # a longer text would only cost hashing time

SIGN_INS_KEPT: Final = timedelta(days=30)
_WAIT_FIRST: Final = timedelta(seconds=2)
_WAIT_MAX: Final = timedelta(minutes=15)

_USERNAME: Final = re.compile(r"[a-z0-9][a-z0-9._+@-]{0,99}", re.ASCII)


class Role(StrEnum):
    """Each role may do everything that the ones before it may."""

    STAFF = "staff"  # does the tasks of their departments; sees nothing of money
    VIEWER = "viewer"  # sees everything
    REVIEWER = "reviewer"  # halts, resumes, edits, pulls the brake
    APPROVER = "approver"  # approves, skips, closes
    ADMINISTRATOR = "administrator"  # releases the brake

    def may(self, needed: "Role") -> bool:
        """Whether this role includes ``needed``."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


class User(Model):
    """``username`` is the name in the audit trail; ``disabled_at`` is None for a user who may sign in."""

    username: Who
    name: Line
    role: Role
    departments: Departments = ()
    disabled_at: Instant | None = None

    @property
    def member(self) -> Member:
        return member_of(self.username, self.role, self.departments)


class UserCredentials(User):
    """A user with the hash of the password; "" for single sign-on only."""

    password_hash: Line = Field(repr=False)


class OpenSession(Model):
    """A session in force, with its user's current name, role and departments."""

    username: Who
    name: Line
    role: Role
    departments: Departments = ()
    seen_at: Instant


class SignInAttempt(NamedTuple):
    """An attempt to sign in: its ``number``, or the time to ``wait`` before the next one is allowed."""

    number: int
    wait: timedelta = timedelta()


class FailureThrottle(NamedTuple):
    """``free`` failures within ``window`` cost nothing; each further one doubles the pause after it, up to a limit."""

    free: int
    window: timedelta

    def pause(self, failures: int) -> timedelta:
        """The pause after the last of ``failures``."""
        beyond = failures - self.free
        return min(_WAIT_FIRST * 2 ** min(beyond, 20), _WAIT_MAX) if beyond >= 0 else timedelta()

    @classmethod
    def of_username(cls) -> Self:
        """A successful sign-in resets this count."""
        return cls(free=5, window=timedelta(days=1))

    @classmethod
    def of_address(cls) -> Self:
        """Looser, as an office may share an address; a success does not reset this count."""
        return cls(free=20, window=timedelta(hours=1))


def member_of(username: str, role: Role, departments: tuple[str, ...]) -> Member:
    return Member(username, departments, may_all=role.may(Role.ADMINISTRATOR))


def username_of(text: str) -> str:
    """The user name in lower case. Raises ``InvalidInput``."""
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
