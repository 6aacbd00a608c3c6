"""The receiver of events at ``BILLING_EVENTS_URL``: each is a signed POST, and any 2xx says that it was taken.

receiver = HttpReceiver("https://erp.example.com/billing-events", ["a secret of 32 characters or more"])
await receiver.send(event)
await receiver.close()
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic_core import to_json

from adapters.events.signed_http import SignedHttp
from billing.errors import ReceiverUnavailable
from billing.events.event import OutgoingEvent, ping

TIMEOUT_SECONDS = 10.0
"""For the whole request: a receiver stores what arrives, answers, and only then works on it."""


class HttpReceiver:
    """``EventSender`` by HTTP. It looks at an answer's status only."""

    def __init__(self, url: str, secrets: Sequence[str]) -> None:
        self._http = SignedHttp(url, secrets)

    async def close(self) -> None:
        await self._http.close()

    async def send(self, event: OutgoingEvent) -> None:
        """Hands the event over. Raises ``ReceiverUnavailable``; it may have arrived, and is sent again."""
        await self._post(to_json(event.payload))

    async def ping(self) -> str:
        """Sends an event of type ``ping``; whom it has reached. Raises ``ReceiverUnavailable``."""
        await self._post(to_json(ping(datetime.now(UTC))))
        return f"{self._http.host} takes signed events"

    async def _post(self, body: bytes) -> None:
        answer = await self._http.post(body, TIMEOUT_SECONDS)
        if not answer.is_success:
            leads_on = "; set BILLING_EVENTS_URL to where it redirects to" if answer.leads_on else ""
            raise ReceiverUnavailable(f"{self._http.host} answers {answer.status}{leads_on}")
