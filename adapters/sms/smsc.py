"""SMSC (smsc.kz, smsc.ru, smsc.ua), by its JSON API: ``Smsc("login", "password", sender="ACME")``.

It takes an id of ours, so a text can be looked up before a repeat. It does not mind if two texts have the same id.
Errors come with HTTP 200, as a number in the body.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import IntEnum
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from adapters.sms.http import VendorHttp, looking_up, text_of
from billing.errors import InvalidInput, NumberRefused, TextError, TextRefused, TextsUnavailable, TextUnknown
from billing.texts.text import MICROS, Delivery, OutgoingText, ReportRequest, SentText, TextReport

API_URL = "https://smsc.kz/rest/"
_SEND_WITH_PRICE = 2
_JSON = 3
_NOT_FOUND = -3
_FORM_FIELDS_MAX = 50


class Code(IntEnum):
    """The errors that SMSC documents."""

    PARAMETERS = 1
    LOGIN = 2
    BALANCE = 3
    BLOCKED = 4
    DATE = 5
    FORBIDDEN = 6
    NUMBER = 7
    UNDELIVERABLE = 8
    REPEATED = 9


class ErrorRule(NamedTuple):
    """What an error of this code becomes when a text is sent, and what to do next."""

    becomes: type[TextError]
    advice: str


RULES: dict[Code, ErrorRule] = {
    Code.PARAMETERS: ErrorRule(TextRefused, "our bug: a parameter is not of SMSC's form; tell the engineers"),
    Code.LOGIN: ErrorRule(TextsUnavailable, "SMSC refuses login or password; correct BILLING_SMS, all texts wait"),
    Code.BALANCE: ErrorRule(TextsUnavailable, "no money is left at SMSC; top the account up, all texts wait"),
    Code.BLOCKED: ErrorRule(TextsUnavailable, "SMSC has blocked our address for a while, for many errors"),
    Code.DATE: ErrorRule(TextRefused, "our bug: a time is not of SMSC's form; tell the engineers"),
    Code.FORBIDDEN: ErrorRule(TextRefused, "SMSC forbids this text or sender; have the sender's name registered there"),
    Code.NUMBER: ErrorRule(NumberRefused, "this is no phone number; correct it"),
    Code.UNDELIVERABLE: ErrorRule(NumberRefused, "this number takes no texts; ask the customer for another one"),
    # Disputed: the same request twice in a minute, or too many at once. It is looked up, whichever it was.
    Code.REPEATED: ErrorRule(TextUnknown, "SMSC calls it a repeat; it is looked up"),
}
_BUSY = (Code.LOGIN, Code.BLOCKED, Code.REPEATED)
"""Errors of a look-up that say nothing about the text."""


class State(IntEnum):
    """How far a text has come, as SMSC numbers it."""

    STOPPED = -2
    WAITING = -1
    PASSED_ON = 0
    DELIVERED = 1
    READ = 2
    EXPIRED = 3
    FOLLOWED = 4
    IMPOSSIBLE = 20
    WRONG_NUMBER = 22
    FORBIDDEN = 23
    NO_MONEY = 24
    NOT_IN_SERVICE = 25


_ON_THE_WAY = (State.WAITING, State.PASSED_ON)
_ARRIVED = (State.DELIVERED, State.READ, State.FOLLOWED)


class Smsc:
    """``Texts`` by SMSC. ``secret`` is that of the calls that report deliveries; without it none is believed."""

    name = "smsc"

    def __init__(self, login: str, password: str, sender: str = "", secret: str = "", api_url: str = API_URL) -> None:
        self._access = {"login": login, "psw": password, "fmt": _JSON}
        self._sender = {"sender": sender} if sender else {}
        self._secret = secret
        self._http = VendorHttp("SMSC", api_url)

    async def close(self) -> None:
        await self._http.close()

    async def ping(self) -> str:
        with looking_up():
            fields = await self._ask("balance/", {"cur": 1})
        if code := text_of(fields, "error_code"):
            raise _refusal(code)
        return f"SMSC has {text_of(fields, 'balance')} {text_of(fields, 'currency')} left".replace("  ", " ")

    async def send(self, text: OutgoingText) -> TextReport:
        about = {"phones": _digits(text.to), "mes": text.body, "id": text.message_id, "charset": "utf-8"}
        fields = await self._ask("send/", {**about, **self._sender, "cost": _SEND_WITH_PRICE})
        if code := text_of(fields, "error_code"):
            raise _refusal(code)
        if text_of(fields, "id") != text.message_id:
            raise TextUnknown("SMSC has answered about another text; it is looked up")
        return TextReport(vendor_id=text.message_id, delivery=Delivery.ACCEPTED, cost_micros=_micros(fields))

    async def look_up(self, text: OutgoingText, since: datetime) -> TextReport | None:
        return await self._status(text.message_id, text.to)

    async def status(self, sent: SentText) -> TextReport:
        report = await self._status(sent.message_id, sent.to)
        if report is None:
            raise TextUnknown("SMSC has no record of this text")
        return report

    def read_report(self, request: ReportRequest) -> tuple[str, TextReport]:
        try:
            pairs = parse_qsl(request.body.decode(), max_num_fields=_FORM_FIELDS_MAX)
        except ValueError:
            raise InvalidInput("the call is no form") from None
        fields = dict(pairs)
        signed = ":".join((fields.get("id", ""), fields.get("phone", ""), fields.get("status", ""), self._secret))
        ours = hashlib.md5(signed.encode()).hexdigest()
        if not self._secret or not hmac.compare_digest(ours.encode(), fields.get("md5", "").lower().encode()):
            raise InvalidInput("the call has no signature of SMSC by our secret")
        report = _report(fields.get("id", ""), fields.get("status", ""))
        if report is None:
            raise InvalidInput("the call is about no text")
        return fields["id"], report

    async def _status(self, message_id: str, to: str) -> TextReport | None:
        with looking_up():
            fields = await self._ask("status/", {"phone": _digits(to), "id": message_id})
        if code := text_of(fields, "error_code"):
            if code in [str(int(busy)) for busy in _BUSY]:
                raise TextsUnavailable(f"SMSC cannot be asked now (error {code})")
            raise TextUnknown(f"SMSC cannot tell what became of it (error {code})")
        return _report(message_id, text_of(fields, "status"))

    async def _ask(self, path: str, fields: Mapping[str, object]) -> dict[str, Any]:
        answer = await self._http.ask("POST", path, json={**self._access, **fields})
        if answer.status == 429:
            raise TextsUnavailable("SMSC is busy (HTTP 429)")
        if answer.status != 200 or not answer.fields:
            raise TextUnknown(f"SMSC's answer says nothing (HTTP {answer.status})")
        return answer.fields


def _refusal(code: str) -> TextError:
    try:
        rule = RULES[Code(int(code))]
    except ValueError:
        return TextUnknown(f"SMSC answers with error {code[:10]}, which it does not document; it is looked up")
    return rule.becomes(f"{rule.advice} (SMSC's error {code})")


def _report(message_id: str, status: str) -> TextReport | None:
    """None: SMSC has no such text. Raises ``TextUnknown`` for a status that it does not document."""
    if status == str(_NOT_FOUND):
        return None
    try:
        state = State(int(status))
    except ValueError:
        raise TextUnknown(f"SMSC answers with status {status[:10]!r}, which it does not document") from None
    delivery = Delivery.ACCEPTED if state in _ON_THE_WAY else Delivery.FAILED
    delivery = Delivery.DELIVERED if state in _ARRIVED else delivery
    return TextReport(vendor_id=message_id, delivery=delivery, code=f"{int(state)} {state.name.lower()}")


def _micros(fields: Mapping[str, Any]) -> int | None:
    try:
        return max(0, int(Decimal(text_of(fields, "cost")) * MICROS))
    except (InvalidOperation, ValueError, OverflowError):
        return None


def _digits(phone: str) -> str:
    return phone.removeprefix("+")
