"""Limits registrations from one place; counted in the ledger, by all consoles together."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from fastapi import HTTPException, Request

TRIES_MAX = 20
WITHIN = timedelta(hours=1)


class _Ledger(Protocol):
    """The part of the ledger that is needed here."""

    async def try_registration(self, origin: str, at: datetime, since: datetime) -> int:
        """Notes a try from ``origin``, forgets those before ``since``, and counts the ones from it, this included."""


class RequestThrottle:
    """``secret`` keys the digests, so that the ledger has no addresses. ``address`` returns a request's origin."""

    def __init__(self, ledger: _Ledger, secret: str, address: Callable[[Request], str]) -> None:
        self._ledger = ledger
        self._secret = secret.encode()
        self._address = address

    async def count(self, request: Request) -> None:
        """Counts this request. Raises 429 if there were too many."""
        origin = f"origin {self._address(request)}"
        digest = hmac.new(self._secret, origin.encode(), hashlib.sha256).hexdigest()[:32]
        now = datetime.now(UTC)
        if await self._ledger.try_registration(digest, now, now - WITHIN) > TRIES_MAX:
            raise HTTPException(429)
