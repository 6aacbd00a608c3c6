"""What the company's own systems send, signed: bodies of limited size, and addresses; docs/orders.md shows how."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from fastapi import Request
from fastapi.responses import JSONResponse

from billing.errors import BillingError, InvalidInput
from billing.events.signature import HEADER, require_genuine

MAX_BODY_BYTES = 200_000
_JSON = "application/json"
_AGAIN_SECONDS = "5"

_log = logging.getLogger(__name__)


class Refused(Exception):
    """A request that is answered with ``status`` and a line."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status

    def answer(self) -> JSONResponse:
        return fault(self.status, str(self))


class Signed:
    """Reads genuine requests only; ``secrets`` are ours and the company's system's: none, and nobody may ask."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = secrets

    async def text(self, request: Request, most: str) -> str:
        """The JSON in the body; ``most`` says how much of it may be sent. Raises ``Refused``."""
        body = await _body(request, most)
        self._require_genuine(request, body)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != _JSON:
            raise Refused(415, f"Content-Type is {kind[:100] or 'missing'!r}; send {_JSON} in UTF-8")
        try:
            return body.decode()
        except UnicodeDecodeError as error:
            raise Refused(422, f"the body is not UTF-8: byte {error.start} is {body[error.start]:#04x}") from None

    def require_genuine_path(self, request: Request) -> None:
        """What is signed is the path, for there is no body. Raises ``Refused``."""
        self._require_genuine(request, request.url.path.encode())

    def _require_genuine(self, request: Request, signed: bytes) -> None:
        if not self._secrets:
            raise Refused(403, "no secret is set here, so nobody may ask: set BILLING_ORDERS_SECRET")
        try:
            require_genuine(signed, request.headers.get(HEADER, ""), self._secrets, datetime.now(UTC))
        except InvalidInput as error:
            _log.warning("a request to %s is refused: %s", request.url.path[:100], error)
            raise Refused(401, str(error)) from None


def fault(status: int, line: str, **headers: str) -> JSONResponse:
    return JSONResponse({"error": line}, status, headers)


def unavailable(error: BillingError) -> JSONResponse:
    _log.error("a signed request is not answered: %s", error)
    line = "nothing can be stored or read now; send the same request again"
    return fault(503, line, **{"Retry-After": _AGAIN_SECONDS})


async def _body(request: Request, most: str) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise Refused(413, f"the body has more than {MAX_BODY_BYTES:,} bytes; {most}")
    return body
