"""What the forms of these pages share: who may send them, and the reason that they need."""

import uuid
from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends

from billing.errors import InvalidInput
from billing.reviewers.users import Role
from console.reviewers.signed_in import Session, signed_in

Reviewer = Annotated[Session, Depends(signed_in(Role.REVIEWER))]


def reason_of(typed: Mapping[str, str]) -> str:
    """Raises ``InvalidInput``."""
    reason = typed.get("reason", "").strip()
    if not 0 < len(reason) <= 1000:
        raise InvalidInput("say why, in up to 1,000 characters: it is kept")
    return reason


def change_id_of(typed: Mapping[str, str]) -> str:
    """The id that the form carries, so that a double click takes effect once."""
    change_id = typed.get("change_id", "")
    return change_id if 0 < len(change_id) <= 100 else uuid.uuid4().hex
