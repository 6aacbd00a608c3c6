"""The receiver of events at ``BILLING_EVENTS_URL``: each is a signed POST, and any 2xx says that it was taken.

receiver = HttpReceiver("https://erp.example.com/billing-events", ["a secret of 32 characters or more"])
await receiver.send(event)
await receiver.close()
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
from pydantic_core import to_json

from billing.errors import ReceiverUnavailable
from billing.events.event import OutgoingEvent, ping
from billing.events.signature import HEADER, signed

TIMEOUT_SECONDS = 10.0
"""For the whole request: a receiver stores what arrives, answers, and only then works on it."""
_ANSWER_BYTES = 65_536  # read, so that the connection can be used again; a longer answer costs it
_LOCAL = ("127.0.0.1", "::1", "localhost")


class HttpReceiver:
    """``EventSender`` by HTTP. It follows no redirect, and looks at an answer's status only."""

    def __init__(self, url: str, secrets: Sequence[str]) -> None:
        """With several secrets, requests have a signature by each."""
        self._url = url
        self._secrets = secrets
        self._host = urlsplit(url).hostname or ""
        headers = {"Content-Type": "application/json", "User-Agent": "monthly-billing"}
        self._http = httpx.AsyncClient(headers=headers, timeout=None, trust_env=self._host not in _LOCAL)

    async def close(self) -> None:
        await self._http.aclose()

    async def send(self, event: OutgoingEvent) -> None:
        """Hands the event over. Raises ``ReceiverUnavailable``; it may have arrived, and is sent again."""
        await self._post(to_json(event.payload))

    async def ping(self) -> str:
        """Sends an event of type ``ping``; whom it has reached. Raises ``ReceiverUnavailable``."""
        await self._post(to_json(ping(datetime.now(UTC))))
        return f"{self._host} takes signed events"

    async def _post(self, body: bytes) -> None:
        headers = {HEADER: signed(body, self._secrets, datetime.now(UTC))}
        answer: httpx.Response | None = None
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                async with self._http.stream("POST", self._url, content=body, headers=headers) as answer:
                    await _read_some(answer)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            if answer is None:
                raise ReceiverUnavailable(f"{self._host} {_words(error)}") from None
        assert answer is not None
        if not answer.is_success:
            leads_on = "; set BILLING_EVENTS_URL to where it redirects to" if answer.has_redirect_location else ""
            raise ReceiverUnavailable(f"{self._host} answers {answer.status_code}{leads_on}")


async def _read_some(answer: httpx.Response) -> None:
    size = 0
    async for part in answer.aiter_raw():
        size += len(part)
        if size > _ANSWER_BYTES:
            return


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"has not answered within {TIMEOUT_SECONDS:g} seconds"
    return f"cannot be reached: {type(error).__name__}{f': {error}' if str(error) else ''}"
