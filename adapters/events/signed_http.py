"""A signed POST to a system of the company's own: what it answers, or that it cannot be reached."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from adapters.addresses import is_secure
from billing.errors import ReceiverUnavailable
from billing.events.signature import HEADER, signed

ANSWER_BYTES = 65_536  # read, so that the connection can be used again; a longer answer costs it
_LOCAL = ("127.0.0.1", "::1", "localhost")


class Answer(NamedTuple):
    """An answer's status, and as much of its body as was read: as it was sent, not unpacked."""

    status: int
    leads_on: bool
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class SignedHttp:
    """Posts JSON to one address. It follows no redirect. With several secrets, requests have a signature by each."""

    def __init__(self, url: str, secrets: Sequence[str]) -> None:
        self._url = url
        self._secrets = secrets
        self.host = urlsplit(url).hostname or ""
        headers = {"Content-Type": "application/json", "User-Agent": "monthly-billing"}
        trust_env, verify = self.host not in _LOCAL, is_secure(url)
        self._http = httpx.AsyncClient(headers=headers, timeout=None, trust_env=trust_env, verify=verify)

    async def close(self) -> None:
        await self._http.aclose()

    async def post(self, body: bytes, timeout_seconds: float, headers: Mapping[str, str] | None = None) -> Answer:
        """Raises ``ReceiverUnavailable`` if there is no answer; the body may have arrived all the same.

        Once there is a status it counts, even if the rest of the answer never ends.
        """
        sent = {HEADER: signed(body, self._secrets, datetime.now(UTC)), **(headers or {})}
        answer, parts = None, bytearray()
        try:
            async with asyncio.timeout(timeout_seconds):
                async with self._http.stream("POST", self._url, content=body, headers=sent) as answer:
                    await _read_some(answer, parts)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            if answer is None:
                raise ReceiverUnavailable(f"{self.host} {_words(error, timeout_seconds)}") from None
        assert answer is not None
        return Answer(answer.status_code, answer.has_redirect_location, bytes(parts[:ANSWER_BYTES]))


async def _read_some(answer: httpx.Response, parts: bytearray) -> None:
    async for part in answer.aiter_raw():
        parts += part
        if len(parts) > ANSWER_BYTES:
            return


def _words(error: Exception, timeout_seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"has not answered within {timeout_seconds:g} seconds"
    return f"cannot be reached: {type(error).__name__}{f': {error}' if str(error) else ''}"
