"""Limits registrations from one client, and requests of one customer; counted in the ledger, by all consoles together.

A client is an address. Behind a proxy that is not trusted all have the same one: there each counts for itself, as the
proxy names it or else by its browser, and a much wider limit for all together bounds what is kept.
"""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Protocol

from fastapi import HTTPException, Request

from process.proxies import TrustedProxies

TRIES_MAX = 20
SHARED_TRIES_MAX = 500
"""Of all clients together behind a proxy that is not trusted; of those with one invitation apart from all others."""
CUSTOMER_TRIES_MAX = 10
"""Of a customer, who is known by the link."""
WITHIN = timedelta(hours=1)


class _Ledger(Protocol):
    """The part of the ledger that is needed here."""

    async def try_registration(self, origin: str, at: datetime, since: datetime) -> int:
        """Notes a try from ``origin``, forgets those before ``since``, and counts the ones from it, this included."""


class RequestThrottle:
    """``secret`` keys the digests, so that the ledger has no addresses."""

    def __init__(self, ledger: _Ledger, secret: str, proxies: TrustedProxies) -> None:
        self._ledger = ledger
        self._secret = secret.encode()
        self._proxies = proxies

    async def count(self, request: Request, browser: str, invitation: str) -> None:
        """Counts this request. Raises 429 if there were too many, which then count for the client alone.

        ``browser`` is its cookie and ``invitation`` the token of its page; "" if it has none.
        """
        address = self._proxies.client(request)
        if not self._proxies.is_missing(request):
            return await self._count(f"origin {address}", TRIES_MAX)
        await self._count(f"client {address} {self._proxies.unproven_client(request) or browser}", TRIES_MAX)
        await self._count(f"origin {address} {invitation}", SHARED_TRIES_MAX)

    async def count_customer(self, customer_id: str) -> None:
        """Counts a request that a customer writes. Raises 429 if there were too many."""
        await self._count(f"customer {customer_id}", CUSTOMER_TRIES_MAX)

    async def _count(self, origin: str, most: int) -> None:
        digest = hmac.new(self._secret, origin.encode(), hashlib.sha256).hexdigest()[:32]
        now = datetime.now(UTC)
        if await self._ledger.try_registration(digest, now, now - WITHIN) > most:
            raise HTTPException(429)
