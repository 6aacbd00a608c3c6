"""Sales from a system of the company's own, at ``BILLING_SALES_URL``: a signed GET for each month.

    source = HttpSales("https://erp.example.com/sales", ["a secret of 32 characters or more"])
    snapshot = await source.read(Period("2026-11"))         # GET /sales?period=2026-11

The answer is ``{"period": "2026-11", "rows": [["email", "amount"], ["ann@acme.example", "12.50"]]}``, read as a
worksheet. Nothing is retried here: every failure is ``SalesUnavailable``, with advice.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx
from pydantic import TypeAdapter
from pydantic_core import from_json

from adapters.addresses import is_secure
from billing.errors import SalesUnavailable, WorksheetMissing
from billing.events.signature import HEADER, signed
from billing.period import Period
from billing.sales.sales import SalesSnapshot, type_of_cell
from billing.sales.worksheet import read_worksheet

BYTES_MAX = 100_000_000
TIMEOUT_SECONDS = 60.0
"""For the whole answer."""
_LOCAL = ("127.0.0.1", "::1", "localhost")
_CELLS = TypeAdapter(list[list[type_of_cell]])
_EXAMPLE = '{"period": "2026-11", "rows": [["email", "amount"], …]}'


class HttpSales:
    """``SalesSource`` by HTTP. The signature covers path and query, as they are sent."""

    def __init__(self, url: str, secrets: Sequence[str]) -> None:
        self._url = httpx.URL(url)
        self._secrets = secrets

    @property
    def name(self) -> str:
        """Without the query, which may hold a password."""
        return str(self._url.copy_with(query=None))

    async def read(self, period: Period) -> SalesSnapshot:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                body = await self._get(period)
        except (httpx.HTTPError, OSError) as error:
            raise SalesUnavailable(f"{self._about(period)}: {_words(error)}; it will be read again") from None
        return await asyncio.to_thread(self._understood, period, body)

    async def ping(self) -> list[str]:
        """Of this month and the one before, those that have rows. Raises ``SalesUnavailable``."""
        this_month, found = Period.at(datetime.now(UTC), "UTC"), []
        for period in (this_month, this_month.previous()):
            try:
                await self.read(period)
            except WorksheetMissing:
                continue
            found.append(str(period))
        return found

    async def _get(self, period: Period) -> bytes:
        url, parts = self._url.copy_merge_params({"period": period}), bytearray()
        headers = {"Accept": "application/json", "User-Agent": "monthly-billing"}
        headers[HEADER] = signed(url.raw_path, self._secrets, datetime.now(UTC))
        trust_env, verify = url.host not in _LOCAL, is_secure(str(url))
        async with (
            httpx.AsyncClient(timeout=None, trust_env=trust_env, verify=verify) as http,
            http.stream("GET", url, headers=headers) as answer,
        ):
            self._check_status(period, answer)
            async for part in answer.aiter_bytes():
                parts += part
                if len(parts) > BYTES_MAX:
                    raise SalesUnavailable(f"{self._about(period)}: more than {BYTES_MAX // 1_000_000} MB; send less")
        return bytes(parts)

    def _check_status(self, period: Period, answer: httpx.Response) -> None:
        if answer.status_code == 200:
            return
        about, status = self._about(period), answer.status_code
        if status == 404:
            raise WorksheetMissing(
                f"{about}: nothing is answered (404); add it there, with the first row alone if nothing was sold"
            )
        if status in (401, 403):
            raise SalesUnavailable(f"{about}: our signature is refused ({status}); compare BILLING_SALES_SECRET")
        if answer.has_redirect_location:
            raise SalesUnavailable(f"{about}: it redirects ({status}); set BILLING_SALES_URL to where that leads")
        raise SalesUnavailable(f"{about}: HTTP {status}; it will be read again")

    def _understood(self, period: Period, body: bytes) -> SalesSnapshot:
        try:
            answer = from_json(body)
            about, rows = str(answer["period"]), _CELLS.validate_python(answer["rows"])
        except (ValueError, TypeError, KeyError):
            raise SalesUnavailable(f"{self._about(period)}: the answer is none; write it as {_EXAMPLE}") from None
        if about != period:
            raise SalesUnavailable(f"{self._about(period)}: the answer is about {about[:20]!r}, not what was asked for")
        return read_worksheet(period, rows)

    def _about(self, period: Period) -> str:
        return f"sales of {period} from {self._url.host}"


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no whole answer within {TIMEOUT_SECONDS:g} seconds"
    return f"cannot be reached ({type(error).__name__}{f': {error}' if str(error) else ''})"
