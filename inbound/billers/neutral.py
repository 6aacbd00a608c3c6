"""The neutral dialect, which any bank can be asked to call: ``GET bills/{account}`` and ``POST payments``, in JSON.

Requests are signed as events are (``Billing-Signature``, over the path or the body), or carry HTTP Basic.
"""

import base64
import binascii
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import Request
from pydantic import ConfigDict, Field, ValidationError

from billing.billers.biller import Answer, Asked, BillerCode, Contract, Outcome
from billing.errors import InvalidInput
from billing.events.signature import HEADER, require_genuine
from billing.model import Code, Model
from billing.money import plain_amount
from inbound.billers.dialects import JSON
from inbound.billers.reading import Unreadable


class PaymentTold(Model):
    """The body of ``POST payments``. ``sum`` is text, for no decimal survives as a number everywhere."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: Code
    account: Code
    sum: Code
    paid_at: Code = Field("", description="ISO 8601; without an offset, in the contract's zone")


@dataclass(frozen=True)
class Neutral:
    contract: Contract

    def render(self, outcome: Outcome) -> Answer:
        values: dict[str, object] = {"code": outcome.code, "message": self.contract.words(outcome.code)}
        values |= {"id": outcome.txn_id} if outcome.txn_id else {}
        values |= {"number": str(outcome.number)} if outcome.number else {}
        if outcome.code is BillerCode.OK:
            name = "sum" if outcome.number else "due"
            values |= {name: plain_amount(outcome.amount_minor or 0, self.contract.currency)}
            values |= {"currency": self.contract.currency.upper()}
        values |= {"name": outcome.name} if outcome.name else {}
        return Answer(outcome.code, json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode(), JSON)

    def status(self, code: BillerCode) -> int:
        return _STATUS[code]


def require_known(request: Request, signed: bytes, contract: Contract) -> None:
    """Raises ``Unreadable`` unless the request is signed, or has the user and password that were agreed on."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if contract.user and contract.password and scheme.lower() == "basic":
        if hmac.compare_digest(_decoded(given), f"{contract.user}:{contract.password}".encode()):
            return
        raise Unreadable(401, "user or password is wrong")
    try:
        require_genuine(signed, request.headers.get(HEADER, ""), [contract.secret], datetime.now(UTC))
    except InvalidInput as error:
        raise Unreadable(401, str(error)) from None


def payment_told(request: Request, body: bytes) -> Asked | None:
    """None: the body is no payment."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return None
    try:
        told = PaymentTold.model_validate_json(body)
    except ValidationError:
        return None
    return Asked(told.account.strip(), told.sum, told.id, told.paid_at)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


_STATUS = {
    BillerCode.OK: 200,
    BillerCode.NOT_FOUND: 404,
    BillerCode.CLOSED: 410,
    BillerCode.BAD_ACCOUNT: 422,
    BillerCode.BAD_SUM: 422,
    BillerCode.TOO_SMALL: 422,
    BillerCode.TOO_LARGE: 422,
    BillerCode.MALFORMED: 422,
    BillerCode.AGAIN: 503,
}
