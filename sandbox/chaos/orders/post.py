"""Orders as a seller's system hands them over: signed, and again until they are answered."""

from contextlib import suppress
from datetime import UTC, datetime

import httpx

from billing.events.signature import HEADER, signed
from bootstrap import SANDBOX_ORDERS_SECRET
from sandbox.stand_ins.control import local_http
from sandbox.timeline import pause
from settings import Settings


async def post_order(settings: Settings, body: bytes) -> httpx.Response:
    """The answer of ``POST /orders``; after an outage, or none, the same is sent again."""
    while True:
        header = signed(body, [SANDBOX_ORDERS_SECRET], datetime.now(UTC))
        with suppress(httpx.HTTPError):
            async with local_http() as http:
                headers = {HEADER: header, "Content-Type": "application/json"}
                answer = await http.post(f"{settings.links.base_url}/orders", content=body, headers=headers)
            if answer.status_code < 500:
                return answer
        await pause()
