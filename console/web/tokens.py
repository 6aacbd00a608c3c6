"""What the token in an address opens; who has no good one gets the page that says so."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from fastapi import HTTPException

from billing.errors import InvalidInput

T = TypeVar("T")
_ALWAYS = datetime.fromtimestamp(0, UTC)


def opened(read: Callable[[str, datetime], T], token: str) -> T:
    """What ``read`` makes of it; 404 for one that we did not make, 410 for an old one."""
    for instant, status in ((_ALWAYS, 404), (datetime.now(UTC), 410)):
        try:
            found = read(token, instant)
        except InvalidInput:
            raise HTTPException(status) from None
    return found
