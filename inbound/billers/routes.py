"""``/billers/{rail}``: banks ask and tell, from the addresses of their contract only.

::

    GET, POST /billers/{rail}                   check and pay, in the contract's dialect
    GET, POST /billers/{rail}.xml               Kaspi's in XML
    GET       /billers/{rail}/bills/{account}   the neutral dialect: what is due
    POST      /billers/{rail}/payments          the neutral dialect: what was paid
    GET       /billers/{rail}/probe             doctor's own: which address arrives here

Whoever calls from elsewhere is answered 403 before anything is looked up. No account or query is ever logged. A bank
that is allowed meets no limit of rate: it would take that for a broken line, and repeat.
"""

import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from billing.billers.biller import Address, Answer, Asked, BillerCode, Dialect, Outcome
from billing.billers.typed import is_txn_id
from billing.errors import InvalidInput
from billing.events.signature import HEADER, require_genuine
from inbound.billers.dialects import Written, written
from inbound.billers.neutral import Neutral, payment_told, require_known
from inbound.billers.reading import Command, Unreadable, asked, body_of, command_of, parameters_of
from services.biller import Biller

_AGAIN_SECONDS = "5"

AddressOf = Callable[[Request], Address | None]
"""The address of a client, as our own proxy has seen it."""

_log = logging.getLogger(__name__)


class BillerRoutes:
    """``billers`` by rail; ``secret`` signs doctor's probes, "": it makes none."""

    def __init__(self, billers: Mapping[str, Biller], address_of: AddressOf, secret: str) -> None:
        self._billers = billers
        self._address_of = address_of
        self._secret = secret
        self.router = APIRouter(prefix="/billers")
        for path, answer, methods in (
            ("/{name}", self.exchange, ["GET", "POST"]),
            ("/{rail}/bills/{account}", self.bill, ["GET"]),
            ("/{rail}/payments", self.payment, ["POST"]),
            ("/{rail}/probe", self.probe, ["GET"]),
        ):
            self.router.add_api_route(path, answer, methods=methods, response_model=None)

    async def exchange(self, request: Request, name: str) -> Response:
        """The dialects with commands."""
        rail, _, form = name.partition(".")
        return await self._guarded(rail, request, lambda biller: _commanded(biller, form, request))

    async def bill(self, request: Request, rail: str, account: str) -> Response:
        """The neutral dialect. What is signed is the path, for there is no body."""

        async def answer(biller: Biller) -> Response:
            neutral = _neutral(biller)
            require_known(request, request.url.path.encode(), biller.contract)
            outcome = await biller.check(Asked(account))
            return _response(neutral.render(outcome), neutral)

        return await self._guarded(rail, request, answer)

    async def payment(self, request: Request, rail: str) -> Response:
        """The neutral dialect."""

        async def answer(biller: Biller) -> Response:
            neutral, body = _neutral(biller), await body_of(request)
            require_known(request, body, biller.contract)
            told = payment_told(request, body)
            return _response(await biller.pay(told, neutral.render), neutral) if told else _malformed(biller, neutral)

        return await self._guarded(rail, request, answer)

    async def probe(self, request: Request, rail: str) -> Response:
        """Tells doctor which address arrives here, and whether the contract has it; whoever else asks finds nothing."""
        try:
            secrets = [self._secret] if self._secret else []
            require_genuine(request.url.path.encode(), request.headers.get(HEADER, ""), secrets, datetime.now(UTC))
            biller = self._billers[rail]
        except (InvalidInput, KeyError):
            return _line(404, "no such rail")
        address = self._address_of(request)
        return JSONResponse({"address": str(address or ""), "is_allowed": biller.contract.allows(address)})

    async def _guarded(self, rail: str, request: Request, answer: Callable[[Biller], Awaitable[Response]]) -> Response:
        biller = self._billers.get(rail)
        if biller is None:
            return _line(404, "no such rail")
        address = self._address_of(request)
        if not biller.contract.allows(address):
            _log.warning("%s: refused, %s is no address of its contract", rail, address or "an unknown address")
            return _line(403, "this address is not in the contract")
        try:
            return await answer(biller)
        except Unreadable as error:
            _log.warning("%s: refused: %s", rail, error.line)
            return _line(error.status, error.line)


async def _commanded(biller: Biller, form: str, request: Request) -> Response:
    dialect = written(biller.contract, form)
    if dialect is None:
        raise Unreadable(404, "this rail speaks another dialect")
    parameters = await parameters_of(request)
    command = command_of(parameters) if parameters else None
    if parameters is None or command is None:
        return _malformed(biller, dialect)
    agreed, given = biller.contract.data1, parameters.get("data1", "")
    if agreed and not hmac.compare_digest(agreed.encode(), given.encode()):
        raise Unreadable(403, "data1 is not what was agreed on")
    wanted = asked(parameters)
    if not is_txn_id(wanted.txn_id):
        return _malformed(biller, dialect)
    if command is Command.PAY:
        return _response(await biller.pay(wanted, dialect.render), dialect)
    if biller.contract.dialect is Dialect.KASPI:
        wanted = wanted._replace(sum="")  # a dummy
    return _response(dialect.render(await biller.check(wanted)), dialect)


def _malformed(biller: Biller, dialect: Written) -> Response:
    _log.warning("%s: refused: a request is malformed", biller.contract.rail)
    return _response(dialect.render(Outcome(BillerCode.MALFORMED)), dialect)


def _neutral(biller: Biller) -> Neutral:
    if biller.contract.dialect is not Dialect.NEUTRAL:
        raise Unreadable(404, "this rail speaks another dialect")
    return Neutral(biller.contract)


def _response(answer: Answer, dialect: Written) -> Response:
    headers = {"Retry-After": _AGAIN_SECONDS} if answer.code is BillerCode.AGAIN else None
    return Response(answer.content, dialect.status(answer.code), headers, answer.content_type)


def _line(status: int, line: str) -> PlainTextResponse:
    return PlainTextResponse(f"{line}\n", status)
