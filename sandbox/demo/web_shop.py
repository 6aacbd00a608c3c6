"""The company's own web shop: it hands orders over by signed HTTP."""

from datetime import UTC, datetime
from typing import Any

from billing.errors import BillingError
from billing.events.signature import HEADER, signed
from bootstrap import SANDBOX_ORDERS_SECRET
from sandbox.stack.stack import Stack
from sandbox.stand_ins.control import local_http


async def post_order(stack: Stack, body: bytes) -> Any:
    """What ``POST /orders`` answers to a new order. Raises ``BillingError`` unless it is taken."""
    headers = {HEADER: signed(body, [SANDBOX_ORDERS_SECRET], datetime.now(UTC)), "Content-Type": "application/json"}
    async with local_http() as http:
        answer = await http.post(f"{stack.console_url}/orders", content=body, headers=headers)
    if answer.status_code != 201:
        raise BillingError(f"POST /orders answers {answer.status_code}: {answer.text}")
    return answer.json()
