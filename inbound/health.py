"""For load balancers: is the process alive, and can it do its work?"""

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from temporalio.client import Client
from temporalio.exceptions import TemporalError

from billing.errors import BillingError

_PATIENCE_SECONDS = 3.0


class _Ledger(Protocol):
    """The part of the ledger that is needed here."""

    async def ping(self) -> None:
        """Raises ``LedgerUnavailable`` unless it answers."""


class Health:
    """``client`` None: this process does its work without Temporal."""

    def __init__(self, ledger: _Ledger, client: Client | None = None) -> None:
        self._ledger = ledger
        self._client = client
        self.router = APIRouter()
        self.router.add_api_route("/healthz", self.alive, methods=["GET", "HEAD"])
        self.router.add_api_route("/readyz", self.ready, methods=["GET", "HEAD"], response_model=None)

    async def alive(self) -> dict[str, str]:
        return {"process": "ok"}

    async def ready(self) -> JSONResponse:
        """503 with words unless ledger and Temporal answer."""
        checks: dict[str, Awaitable[object]] = {"ledger": self._ledger.ping()}
        if self._client is not None:
            checks["temporal"] = self._client.service_client.check_health()
        words = dict(zip(checks, await asyncio.gather(*map(_tried, checks.values())), strict=True))
        return JSONResponse(words, 200 if set(words.values()) == {"ok"} else 503)


async def _tried(check: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await check
    except TimeoutError:
        return f"no answer within {_PATIENCE_SECONDS:g} seconds"
    except (BillingError, TemporalError) as error:
        return str(error)
    return "ok"
