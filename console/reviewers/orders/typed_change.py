"""What the pages of both kinds of orders share: a change as it was typed, and why it had no effect."""

import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from billing.errors import InvalidInput
from console.reviewers.signed_in import Session


class NoReason(InvalidInput):
    """No reason was typed, or too long a one."""


class RefusedChange(NamedTuple):
    """Why a change had no effect, and the HTTP status. ``typed`` is what stood in its form."""

    action: str
    why: str
    status: int
    typed: Mapping[str, str]

    @property
    def at_reason(self) -> bool:
        return self.status == 422 and not self.typed.get("reason", "").strip()

    def is_of(self, action: str) -> bool:
        return self.action == action


def change_fields(typed: Mapping[str, str], session: Session) -> dict[str, Any]:
    """What every change says: its id, by whom, why. Raises ``NoReason``."""
    change_id, reason = typed.get("change_id", ""), typed.get("reason", "").strip()
    if not 0 < len(reason) <= 1000:
        raise NoReason("say why, in up to 1,000 characters: it is kept in the order's log")
    return {
        "change_id": change_id if 0 < len(change_id) <= 100 else uuid.uuid4().hex,
        "by": session.username,
        "reason": reason,
        "via": "console",
    }


def refusal_status(error: Exception) -> int:
    return 422 if isinstance(error, ValidationError | NoReason) else 409


def order_page(number: str, done: str = "") -> str:
    """The address of an order's page."""
    return f"/desk/orders/{number}?done={done}" if done else f"/desk/orders/{number}"
