"""``POST /webhooks/texts``: a vendor reports how far a text has come. A report is checked, and on record once answered.

What is lost is asked for, so a report that cannot be stored now may be sent again or not.
"""

import logging

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from billing.errors import BillingError, InvalidInput
from billing.texts.text import ReportRequest, Texts
from services.messages.customer_texts import CustomerTexts

PATH = "/webhooks/texts"
MAX_BODY_BYTES = 20_000

_log = logging.getLogger(__name__)


class TextReportRoutes:
    """``base_url`` is ours, as vendors call it: Twilio signs the whole address."""

    def __init__(self, vendor: Texts, texts: CustomerTexts, base_url: str) -> None:
        self._vendor = vendor
        self._texts = texts
        self._base_url = base_url.rstrip("/")
        self.router = APIRouter()
        self.router.add_api_route(PATH, self.receive, methods=["POST"], response_model=None)

    async def receive(self, request: Request) -> Response:
        """A repeat changes nothing."""
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return PlainTextResponse("too large\n", 413)
        query = request.url.query
        asked = ReportRequest(
            url=f"{self._base_url}{PATH}{f'?{query}' if query else ''}",
            message_id=request.query_params.get("id", "")[:100],
            signature=request.headers.get("x-twilio-signature", "")[:200],
            body=bytes(body),
        )
        try:
            await self._texts.take(*self._vendor.read_report(asked))
        except InvalidInput as error:
            _log.warning("report of a text refused: %s", error)
            return PlainTextResponse("not signed for this account, or unreadable\n", 400)
        except BillingError as error:
            _log.warning("report of a text not taken: %s", error)
            return PlainTextResponse("cannot be stored now; please send it again\n", 503)
        return PlainTextResponse("ok\n")
