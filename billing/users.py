"""Who may do what in the console."""

from enum import StrEnum

from billing.model import Instant, Model


class Role(StrEnum):
    """Each may do what the ones before may."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"

    def may(self, needed: "Role") -> bool:
        roles = list(Role)
        return roles.index(self) >= roles.index(needed)


class User(Model):
    username: str
    name: str
    role: Role
    disabled_at: Instant | None = None
