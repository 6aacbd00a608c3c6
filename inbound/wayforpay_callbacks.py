"""``POST /webhooks/wayforpay/{rail}``: WayForPay's callbacks are checked, committed, and then accepted.

Money that has arrived is booked before the answer. Whatever else a callback says is not believed: it is stored, and the
attempt is looked up. What could not be committed is answered by a 5xx, and comes again.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from billing.errors import InvalidInput, PaymentForbidden, PaymentUnreadable
from billing.payments.gateway import Callback, GatewayState
from inbound.inbox import Inbox
from services.gateways.gateway import Gateway
from services.gateways.reader import is_taken_at_once, look_up_event

MAX_BODY_BYTES = 100_000

_log = logging.getLogger(__name__)


class WayForPayCallbacks:
    def __init__(self, gateways: Mapping[str, Gateway], inbox: Inbox, now: Callable[[], datetime]) -> None:
        self._gateways = gateways
        self._inbox = inbox
        self._now = now
        self.router = APIRouter()
        path = "/webhooks/wayforpay/{rail}"
        self.router.add_api_route(path, self.receive, methods=["POST"], response_model=None)

    async def receive(self, rail: str, request: Request) -> Response:
        """The signed accept once the callback is on record; a repeat gets the same one, word for word."""
        gateway = self._gateways.get(rail)
        if gateway is None:
            return PlainTextResponse("no such rail\n", 404)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                _log.warning("callback of %s refused: too large", rail)
                return PlainTextResponse("too large\n", 413)
        try:
            callback = gateway.shop.read_callback(bytes(body))
            committed_at = await self._committed(gateway, callback)
        except PaymentUnreadable as error:
            return await self._told(gateway, error)
        except InvalidInput as error:
            _log.warning("callback of %s refused: %s", rail, error)
            return PlainTextResponse("not signed for this shop, or unreadable\n", 400)
        except PaymentForbidden as error:
            _log.error("callback of %s not taken: %s", rail, error)
            return PlainTextResponse("no secret key is set for this rail\n", 503)
        except Exception as error:  # of any kind: it comes again
            return _not_now(rail, error)
        return JSONResponse(gateway.shop.accepted(callback.seen.reference, committed_at))

    async def _committed(self, gateway: Gateway, callback: Callback) -> datetime:
        """When the callback was committed first."""
        seen, now = callback.seen, self._now()
        if seen.state is GatewayState.APPROVED and not seen.amount_minor:
            _log.warning("callback of %s: approved, but nothing has moved", gateway.rail)
        elif is_taken_at_once(seen) and (booked_at := await gateway.take_arrived(seen, now)):
            return booked_at
        return await self._inbox.keep(look_up_event(seen, now, callback.event_id), now)

    async def _told(self, gateway: Gateway, error: PaymentUnreadable) -> Response:
        """It comes again for days, and a person is told once."""
        try:
            await gateway.tell(str(error), self._now())
        except Exception as failure:  # of any kind: it comes again
            return _not_now(gateway.rail, failure)
        return PlainTextResponse("signed, but unreadable; a person is told\n", 422)


def _not_now(rail: str, error: Exception) -> Response:
    _log.error("callback of %s not taken: %s", rail, error or type(error).__name__)
    return PlainTextResponse("cannot be stored now; please send it again\n", 503)
