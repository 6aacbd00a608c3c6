"""Who registers too often from one place has to wait; counted in the ledger, by all consoles together."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from fastapi import HTTPException, Request

TRIES_MAX = 20
WITHIN = timedelta(hours=1)


class _Ledger(Protocol):
    """What is needed of the ledger here."""

    async def try_registration(self, origin: str, at: datetime, since: datetime) -> int:
        """Notes a try from ``origin`` and forgets all from before ``since``; how many there are from it, with this."""


class RequestThrottle:
    """``secret`` keys the digests: the ledger cannot tell the addresses. ``address`` tells where a request is from."""

    def __init__(self, ledger: _Ledger, secret: str, address: Callable[[Request], str]) -> None:
        self._ledger = ledger
        self._secret = secret.encode()
        self._address = address

    async def count(self, request: Request) -> None:
        """Counts this one. Raises 429 if it is too many."""
        origin = f"origin {self._address(request)}"
        digest = hmac.new(self._secret, origin.encode(), hashlib.sha256).hexdigest()[:32]
        now = datetime.now(UTC)
        if await self._ledger.try_registration(digest, now, now - WITHIN) > TRIES_MAX:
            raise HTTPException(429)
