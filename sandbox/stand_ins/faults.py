"""Rules by which the stand-ins misbehave, and ASGI middleware that breaks answers by them, the outermost under uvicorn.

    POST   /_control/faults     adds a rule: {"path": "/confirm$", "method": "POST", "kind": "drop_after", "times": 2}
    GET    /_control/faults     the rules, with how often each fired
    DELETE /_control/faults     clears them
    POST   /_control/faults/seed {"seed": 7}    the same requests in the same order meet the same faults from here on

The first matching rule fires.
"""

import asyncio
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTROL_PATH = "/_control/faults"
SEED_PATH = f"{CONTROL_PATH}/seed"
CACHED_FAULT = "sandbox.cached_fault"  # scope key of a CachedFault

_GOOGLE_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class Fault(BaseModel, extra="forbid"):
    """How often a fault strikes: ``times`` (null: until it is cleared), each time with its ``probability``."""

    times: int | None = Field(default=1, ge=1)
    probability: float = Field(default=1.0, ge=0, le=1)
    fired: int = 0


_F = TypeVar("_F", bound=Fault)


class FaultRules(list[_F]):
    """The rules in force; the first that matches fires."""

    def __init__(self) -> None:
        super().__init__()
        self.random = random.Random(0)

    def firing(self, matches: Callable[[_F], bool]) -> _F | None:
        for rule in self:
            remains = rule.times is None or rule.fired < rule.times
            if remains and matches(rule) and self.random.random() < rule.probability:
                rule.fired += 1
                return rule
        return None


class FaultRule(Fault):
    """A failure, and the requests that it strikes.

    drop_before and drop_after close the connection without an answer, before or after the app ran. The other
    kinds strike instead of the app (slow: before it), unless `executed`: then the app ran and committed first.
    `cached` (kind status): the stand-in itself answers so, and remembers it under the idempotency key.
    """

    path: re.Pattern[str] = re.compile("")  # searched for in the path
    method: Literal["GET", "POST", "DELETE", "*"] = "*"
    kind: Literal["drop_before", "drop_after", "status", "html_502", "garbage_200", "rate_limit", "slow"]
    status: int = Field(default=500, ge=400, le=599)
    seconds: float = Field(default=1.5, ge=0)
    executed: bool = False
    cached: bool = False

    def matches(self, scope: Scope) -> bool:
        return self.method in ("*", scope["method"]) and bool(self.path.search(scope["path"]))


class FaultSeed(BaseModel, extra="forbid"):
    seed: int


@dataclass(frozen=True)
class CachedFault:
    """Asks the stand-in to answer with this status, after executing the call or instead of it."""

    status: int
    executed: bool


class Faults:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.rules = FaultRules[FaultRule]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in (CONTROL_PATH, SEED_PATH):
            return await (await self._control(Request(scope, receive)))(scope, receive, send)
        if scope["type"] != "http" or scope["path"].startswith("/_control/"):
            return await self.app(scope, receive, send)
        rule = self.rules.firing(lambda rule: rule.matches(scope))
        if rule is None:
            return await self.app(scope, receive, send)
        if rule.cached:
            scope[CACHED_FAULT] = CachedFault(rule.status, rule.executed)
            return await self.app(scope, receive, send)
        await self._strike(rule, scope, receive, send)

    async def _strike(self, rule: FaultRule, scope: Scope, receive: Receive, send: Send) -> None:
        held: list[Message] = []

        async def hold(message: Message) -> None:
            held.append(message)

        if rule.executed or rule.kind == "drop_after":
            await self.app(scope, receive, hold)
        match rule.kind:
            case "drop_before" | "drop_after":
                await _drop_connection(receive, send)
            case "slow":
                await asyncio.sleep(rule.seconds)
                if not rule.executed:
                    return await self.app(scope, receive, send)
                for message in held:
                    await send(message)
            case _:
                await _false_answer(rule, scope["path"])(scope, receive, send)

    async def _control(self, request: Request) -> Response:
        try:
            if request.url.path == SEED_PATH:
                self.rules.random.seed(FaultSeed.model_validate_json(await request.body()).seed)
            elif request.method == "POST":
                self.rules.append(FaultRule.model_validate_json(await request.body()))
            elif request.method == "DELETE":
                self.rules.clear()
        except ValidationError as error:
            return JSONResponse({"detail": str(error)}, 422)
        return JSONResponse([rule.model_dump(mode="json") for rule in self.rules])


def error_body(path: str, status: int) -> dict[str, Any]:
    """An error of the shape that Google (/v4/...) or Stripe (everything else) gives for this status."""
    phrase = HTTPStatus(status).phrase
    if path.startswith("/v4/"):
        return {"error": {"code": status, "message": phrase, "status": _GOOGLE_STATUS.get(status, "UNKNOWN")}}
    kind = "api_error" if status >= 500 else "invalid_request_error"
    code = {"code": "rate_limit"} if status == 429 else {}
    return {"error": {"type": kind, "message": phrase} | code}


def _false_answer(rule: FaultRule, path: str) -> Response:
    match rule.kind:
        case "html_502":
            return HTMLResponse("<html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1></html>", 502)
        case "garbage_200":
            return Response('{"id": "pi_', media_type="application/json")
        case "rate_limit":
            return JSONResponse(error_body(path, 429), 429)
        case _:
            return JSONResponse(error_body(path, rule.status), rule.status)


async def _drop_connection(receive: Receive, send: Send) -> None:
    """Close the client's socket, which ASGI cannot say: `send` is a method of uvicorn's cycle, which holds it."""
    cycle: Any = getattr(send, "__self__", None)
    assert hasattr(cycle, "transport"), "Faults must be the outermost app under uvicorn"
    cycle.transport.close()
    while (await receive())["type"] != "http.disconnect":  # else uvicorn would still answer with a 500
        pass
