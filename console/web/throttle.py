"""Who registers too often from one place has to wait; counted in the ledger, by all consoles together."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from fastapi import HTTPException, Request

from billing.customers.registration import Registrations

TRIES_MAX = 20
WITHIN = timedelta(hours=1)


class Throttle:
    """``secret`` keys the digests: the ledger cannot tell the addresses. ``address`` tells where a request is from."""

    def __init__(self, ledger: Registrations, secret: str, address: Callable[[Request], str]) -> None:
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
