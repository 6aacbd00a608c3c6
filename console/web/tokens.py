"""Reads the token in a customer's address."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from fastapi import HTTPException

from billing.errors import InvalidInput

T = TypeVar("T")
_ALWAYS = datetime.fromtimestamp(0, UTC)


def opened(read: Callable[[str, datetime], T], token: str) -> T:
    """The token's content, by ``read``. Raises 404 for one that we did not make, 410 for an expired one."""
    for instant, status in ((_ALWAYS, 404), (datetime.now(UTC), 410)):
        try:
            content = read(token, instant)
        except InvalidInput:
            raise HTTPException(status) from None
    return content
