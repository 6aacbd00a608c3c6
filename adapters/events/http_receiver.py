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
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                async with self._http.stream("POST", self._url, content=body, headers=headers) as answer:
                    await _read_some(answer)
        except TimeoutError:
            raise ReceiverUnavailable(f"{self._host} has not answered within {TIMEOUT_SECONDS:g} seconds") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise ReceiverUnavailable(f"{self._host} cannot be reached: {_words(error)}") from None
        if not answer.is_success:
            more = (
                "; redirects are not followed: set BILLING_EVENTS_URL to where it leads"
                if answer.has_redirect_location
                else ""
            )
            raise ReceiverUnavailable(f"{self._host} answers {answer.status_code}{more}")


async def _read_some(answer: httpx.Response) -> None:
    size = 0
    async for part in answer.aiter_raw():
        size += len(part)
        if size > _ANSWER_BYTES:
            return


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
