"""A vendor's HTTP API: requests without repeats, answers of JSON up to a limit, errors in our words."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx

from adapters.addresses import is_secure
from billing.errors import TextsUnavailable, TextUnknown

TIMEOUT_SECONDS = 20.0
"""For a whole request: a process that is slower is thought dead, and its text is looked up by another."""
_ANSWER_BYTES = 2_000_000
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class Answer(NamedTuple):
    """``fields`` is empty if the body is no JSON object."""

    status: int
    fields: dict[str, Any]


class VendorHttp:
    """Raises ``TextsUnavailable`` if no request has left us, and ``TextUnknown`` if one is left without an answer."""

    def __init__(self, name: str, base_url: str, auth: tuple[str, str] | None = None) -> None:
        self._name = name
        verify = is_secure(base_url)
        self._http = httpx.AsyncClient(base_url=base_url, auth=auth, timeout=None, trust_env=verify, verify=verify)

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(self, method: str, path: str, **content: Any) -> Answer:
        """``content`` is what httpx takes: ``json``, ``data``, ``params``."""
        try:
            async with (
                asyncio.timeout(TIMEOUT_SECONDS),
                self._http.stream(method, path, **content) as answer,
            ):
                return Answer(answer.status_code, _fields(answer, await _body(answer)))
        except _NEVER_SENT as error:
            raise TextsUnavailable(f"{self._name} cannot be reached ({type(error).__name__})") from None
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            raise TextUnknown(f"{self._name} has not answered ({type(error).__name__})") from None


@contextmanager
def looking_up() -> Iterator[None]:
    """Within it nothing is sent: without an answer, the vendor is asked again, however often."""
    try:
        yield
    except TextUnknown as error:
        raise TextsUnavailable(str(error)) from None


async def _body(answer: httpx.Response) -> bytes:
    body = b""
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > _ANSWER_BYTES:
            return b""
    return body


def _fields(answer: httpx.Response, body: bytes) -> dict[str, Any]:
    try:
        found = httpx.Response(answer.status_code, content=body).json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def text_of(fields: Mapping[str, Any], name: str) -> str:
    """A field as text of at most 100 characters; "" if it is missing."""
    value = fields.get(name)
    return "" if value is None or isinstance(value, dict | list) else str(value)[:100]
