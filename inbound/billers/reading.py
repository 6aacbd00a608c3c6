"""A bank's request by HTTP, as it was typed: parameters of the query and of a form, each once."""

from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import parse_qsl

from fastapi import Request

from billing.billers.biller import Asked

MAX_BODY_BYTES = 10_000
_PARAMETERS_MAX = 50


class Command(StrEnum):
    CHECK = "check"
    PAY = "pay"


class Unreadable(Exception):
    """A request that is answered by this status and line: no bank's program has sent it."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status
        self.line = line


async def body_of(request: Request) -> bytes:
    """Raises ``Unreadable``."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise Unreadable(413, f"the body has more than {MAX_BODY_BYTES:,} bytes")
    return bytes(body)


async def parameters_of(request: Request) -> dict[str, str] | None:
    """Those of the query and of a form; None if there are too many, or one that we read is there twice.

    Whatever else is in the request, and however it is written, is no reason to refuse money.
    """
    body = await body_of(request) if request.method == "POST" else b""
    try:
        texts = (part.decode("ascii", "replace") for part in (request.scope["query_string"], body))
        pairs = [(name, value) for text in texts for name, value in _pairs(text) if name in _READ]
    except ValueError:
        return None
    found = dict(pairs)
    return found if len(found) == len(pairs) else None


def command_of(parameters: Mapping[str, str]) -> Command | None:
    try:
        return Command(parameters.get("command", ""))
    except ValueError:
        return None


def asked(parameters: Mapping[str, str]) -> Asked:
    """By the names of the family's protocols."""
    account, total, txn_id, date = (parameters.get(name, "").strip() for name in _NAMES)
    return Asked(account, total, txn_id, date)


def _pairs(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=_PARAMETERS_MAX)


_NAMES = ("account", "sum", "txn_id", "txn_date")
_READ = {*_NAMES, "command", "data1"}
