"""Who may do what in the console."""

from enum import StrEnum

from billing.model import Instant, Model


class Role(StrEnum):
    VIEWER = "viewer"
    REVIEWER = "reviewer"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"

    def may(self, needed: "Role") -> bool:
        return list(Role).index(self) >= list(Role).index(needed)


class User(Model):
    username: str
    name: str
    role: Role
    disabled_at: Instant | None = None


