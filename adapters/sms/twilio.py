"""Twilio, by its REST API: ``Twilio("AC…", "token", "+15005550006", callback="https://…/webhooks/texts")``.

It takes no id of ours, and sending is not idempotent: a text that was perhaps taken is looked for in the list of those
to its number, by what it says.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from enum import IntEnum
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from adapters.sms.http import Answer, VendorHttp, looking_up, text_of
from billing.errors import InvalidInput, NumberRefused, TextError, TextRefused, TextsUnavailable, TextUnknown
from billing.texts.text import MICROS, Delivery, OutgoingText, ReportRequest, SentText, TextReport

API_URL = "https://api.twilio.com"
_PAGE = 100
_CLOCKS_DIFFER = timedelta(minutes=1)
_FORM_FIELDS_MAX = 100


class Code(IntEnum):
    """Twilio's codes that say more than the HTTP status does."""

    AUTHENTICATION = 20003
    NOT_ACTIVE = 20005
    NOT_FOUND = 20404
    TOO_MANY = 20429
    INTERNAL = 20500
    UNAVAILABLE = 20503
    INVALID_TO = 21211
    INVALID_FROM = 21212
    REGION = 21408
    NO_BODY = 21602
    NO_FROM = 21603
    FROM_NOT_OURS = 21606
    UNSUBSCRIBED = 21610
    NO_ROUTE = 21612
    NO_MOBILE = 21614
    TOO_LONG = 21617


class ErrorRule(NamedTuple):
    """What an answer with this code becomes, and what to do next."""

    becomes: type[TextError]
    advice: str


_OUR_BUG = "our bug: Twilio does not take this text; tell the engineers"
_OF_SENDER = "Twilio does not let us send from this number; correct BILLING_SMS, all texts wait"
RULES: dict[Code, ErrorRule] = {
    Code.AUTHENTICATION: ErrorRule(TextsUnavailable, "Twilio refuses account or token; correct BILLING_SMS"),
    Code.NOT_ACTIVE: ErrorRule(TextsUnavailable, "the account at Twilio is not active; look at its balance there"),
    Code.NOT_FOUND: ErrorRule(TextUnknown, "Twilio has no record of this text"),
    Code.TOO_MANY: ErrorRule(TextsUnavailable, "Twilio is busy"),
    Code.INTERNAL: ErrorRule(TextUnknown, "Twilio failed, and has perhaps sent it; it is looked up"),
    Code.UNAVAILABLE: ErrorRule(TextUnknown, "Twilio failed, and has perhaps sent it; it is looked up"),
    Code.INVALID_TO: ErrorRule(NumberRefused, "this is no phone number; correct it"),
    Code.INVALID_FROM: ErrorRule(TextsUnavailable, _OF_SENDER),
    Code.REGION: ErrorRule(TextRefused, "texts to this country are not allowed at Twilio; allow them there"),
    Code.NO_BODY: ErrorRule(TextRefused, _OUR_BUG),
    Code.NO_FROM: ErrorRule(TextsUnavailable, _OF_SENDER),
    Code.FROM_NOT_OURS: ErrorRule(TextsUnavailable, _OF_SENDER),
    Code.UNSUBSCRIBED: ErrorRule(NumberRefused, "the customer has stopped our texts; ask for another way"),
    Code.NO_ROUTE: ErrorRule(
        NumberRefused, "this number cannot be reached from ours; ask the customer for another one"
    ),
    Code.NO_MOBILE: ErrorRule(NumberRefused, "this number takes no texts; ask the customer for another one"),
    Code.TOO_LONG: ErrorRule(TextRefused, _OUR_BUG),
}
_FAILED = ("undelivered", "failed", "canceled")
_ARRIVED = ("delivered", "read")


class Twilio:
    """``Texts`` by Twilio. ``callback`` is where deliveries are reported; "": they are asked for."""

    name = "twilio"

    def __init__(
        self,
        account_sid: str,
        token: str,
        sender: str,
        callback: str = "",
        currency: str = "usd",
        api_url: str = API_URL,
    ) -> None:
        self._token = token
        # A messaging service chooses one of its numbers.
        self._sender = {"MessagingServiceSid" if sender.startswith("MG") else "From": sender}
        self._callback = callback
        self._currency = currency
        self._account = f"/2010-04-01/Accounts/{account_sid}"
        self._http = VendorHttp("Twilio", api_url, (account_sid, token))

    async def close(self) -> None:
        await self._http.close()

    async def ping(self) -> str:
        fields = await self._found("Balance.json")
        return f"Twilio has {text_of(fields, 'balance')} {text_of(fields, 'currency')} left"

    async def send(self, text: OutgoingText) -> TextReport:
        about = {"To": text.to, **self._sender, "Body": text.body}
        if self._callback:
            about["StatusCallback"] = f"{self._callback}?id={text.message_id}"
        return self._report(_understood(await self._http.ask("POST", f"{self._account}/Messages.json", data=about)))

    async def look_up(self, text: OutgoingText, since: datetime) -> TextReport | None:
        query = {"To": text.to, "PageSize": str(_PAGE)}
        fields = await self._found("Messages.json", query)
        messages = fields.get("messages")
        if not isinstance(messages, list):
            raise TextUnknown("Twilio's list says nothing")
        earliest = since - _CLOCKS_DIFFER
        found = [each for each in messages if isinstance(each, dict) and _is_it(each, text, earliest)]
        return self._report(found[0]) if found else None

    async def status(self, sent: SentText) -> TextReport:
        if not sent.vendor_id:
            raise TextUnknown("Twilio has no record of this text")
        return self._report(await self._found(f"Messages/{sent.vendor_id}.json"))

    def read_report(self, request: ReportRequest) -> tuple[str, TextReport]:
        try:
            fields = dict(parse_qsl(request.body.decode(), keep_blank_values=True, max_num_fields=_FORM_FIELDS_MAX))
        except ValueError:
            raise InvalidInput("the call is no form") from None
        if not hmac.compare_digest(_signature(self._token, request.url, fields).encode(), request.signature.encode()):
            raise InvalidInput("the call has no signature of Twilio by our token")
        if not request.message_id or "MessageSid" not in fields:
            raise InvalidInput("the call is about no text")
        asked = {"sid": fields["MessageSid"], "status": fields.get("MessageStatus", "")}
        return request.message_id, self._report({**asked, "error_code": fields.get("ErrorCode")})

    async def _found(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What a look-up finds; what is refused there says nothing about the text."""
        with looking_up():
            answer = await self._http.ask("GET", f"{self._account}/{path}", params=query)
            if answer.status >= 500:
                raise TextUnknown(f"Twilio's answer says nothing (HTTP {answer.status})")
        try:
            return _understood(answer)
        except TextRefused as error:
            raise TextUnknown(str(error)) from None

    def _report(self, fields: Mapping[str, Any]) -> TextReport:
        sid, status = text_of(fields, "sid"), text_of(fields, "status")
        if not sid:
            raise TextUnknown("Twilio's answer names no text")
        delivery = Delivery.FAILED if status in _FAILED else Delivery.ACCEPTED
        delivery = Delivery.DELIVERED if status in _ARRIVED else delivery
        code = f"{status} {text_of(fields, 'error_code')}".strip()
        return TextReport(vendor_id=sid, delivery=delivery, code=code, cost_micros=self._micros(fields))

    def _micros(self, fields: Mapping[str, Any]) -> int | None:
        """The price, which is negative, and comes later than the first answer; None: not known, or other money."""
        if text_of(fields, "price_unit").lower() != self._currency:
            return None
        try:
            return abs(int(Decimal(text_of(fields, "price")) * MICROS))
        except (InvalidOperation, ValueError, OverflowError):
            return None


def _understood(answer: Answer) -> dict[str, Any]:
    if answer.status < 300 and answer.fields:
        return answer.fields
    code = text_of(answer.fields, "code")
    if code.isdecimal() and int(code) in list(Code):
        rule = RULES[Code(int(code))]
        raise rule.becomes(f"{rule.advice} (Twilio's error {code})")
    if answer.status in (401, 403, 429):
        raise TextsUnavailable(f"Twilio does not take texts now (HTTP {answer.status}); check BILLING_SMS")
    if 400 <= answer.status < 500:
        raise TextRefused(f"Twilio refuses the text (HTTP {answer.status}, error {code[:10] or 'missing'})")
    raise TextUnknown(f"Twilio's answer says nothing (HTTP {answer.status}); it is looked up")


def _is_it(fields: Mapping[str, Any], text: OutgoingText, earliest: datetime) -> bool:
    if fields.get("to") != text.to or fields.get("body") != text.body:
        return False
    try:
        return parsedate_to_datetime(str(fields.get("date_created"))) >= earliest
    except (ValueError, TypeError):
        raise TextUnknown("Twilio's list does not say when a text was made") from None


def _signature(token: str, url: str, fields: Mapping[str, str]) -> str:
    """The address with every field appended, sorted by name."""
    text = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()
