"""``POST /webhooks/stripe``: Stripe's events are checked and stored, answered, and only then handled."""

import logging
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from billing.errors import BillingError, InvalidInput
from billing.payments.ports import PaymentRecords
from inbound.inbox import Inbox

MAX_BODY_BYTES = 1_000_000

_log = logging.getLogger(__name__)


class StripeWebhooks:
    def __init__(self, records: PaymentRecords, inbox: Inbox) -> None:
        self._records = records
        self._inbox = inbox
        self.router = APIRouter()
        self.router.add_api_route("/webhooks/stripe", self.receive, methods=["POST"], response_model=None)

    async def receive(self, request: Request) -> PlainTextResponse:
        """2xx once the event is on record, also for a duplicate; after any other answer Stripe sends it again."""
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return PlainTextResponse("too large\n", 413)
        try:
            event = self._records.read_event(body, request.headers.get("stripe-signature", ""))
            new = await self._inbox.put(event, datetime.now(UTC))
        except InvalidInput as error:
            _log.warning("webhook refused: %s", error)
            return PlainTextResponse("not signed by Stripe for this endpoint, too old, or unreadable\n", 400)
        except BillingError as error:
            _log.error("webhook not taken: %s", error)
            return PlainTextResponse("cannot be stored now; please send it again\n", 503)
        return PlainTextResponse("stored\n" if new else "stored already\n")
