"""Vendors of texts, on real sockets: what leaves us word for word, what comes back, and whether a text was sent."""

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.sms import smsc, twilio
from adapters.sms.smsc import Smsc
from adapters.sms.twilio import Twilio
from billing.errors import (
    InvalidInput,
    NumberRefused,
    TextError,
    TextRefused,
    TextsUnavailable,
    TextUnknown,
)
from billing.texts.text import Delivery, OutgoingText, ReportRequest, SentText, TextReport
from bootstrap_texts import SANDBOX_SMSC, SANDBOX_TWILIO
from sandbox.sms.api import sms_app
from sandbox.stand_ins.faults import Faults

Serve = Callable[[ASGIApp], Awaitable[str]]
TEXT = OutgoingText(message_id="0123456789abcdef0123456789abcdef", to="+77012345678", body="Счет 5990 KZT, л/с 1234")
TOKEN = SANDBOX_TWILIO.token.get_secret_value()


class Golden:
    """Answers each request with the next answer, and keeps the request."""

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        self.requests.append((request.method, address, dict(request.headers), await request.body()))
        status, body = self.answers.pop(0)
        answer = Response(body, status) if isinstance(body, str) else JSONResponse(body, status)
        await answer(scope, receive, send)


def smsc_at(url: str, secret: str = "s3cret") -> Smsc:
    return Smsc("sandbox", SANDBOX_SMSC.password.get_secret_value(), "ACME", secret, f"{url}/rest/")


def twilio_at(url: str, callback: str = "https://billing.example.com/webhooks/texts") -> Twilio:
    return Twilio("AC_sandbox", TOKEN, "+15005550006", callback, "usd", url)


# -- word for word


async def test_what_smsc_is_sent(serve: Serve) -> None:
    golden = Golden((200, {"id": TEXT.message_id, "cnt": 1, "cost": "4.5"}), (200, {"status": 1}))
    vendor = smsc_at(await serve(golden))
    sent = await vendor.send(TEXT)
    assert sent == TextReport(vendor_id=TEXT.message_id, delivery=Delivery.ACCEPTED, cost_micros=4_500_000)
    found = await vendor.look_up(TEXT, datetime.now(UTC))
    assert found is not None
    assert found.delivery is Delivery.DELIVERED
    await vendor.close()
    access = {"login": "sandbox", "psw": SANDBOX_SMSC.password.get_secret_value(), "fmt": 3}
    (first, second) = [(method, path, json.loads(body)) for method, path, _, body in golden.requests]
    about = {"phones": "77012345678", "mes": TEXT.body, "id": TEXT.message_id, "charset": "utf-8"}
    assert first == ("POST", "/rest/send/", {**access, **about, "sender": "ACME", "cost": 2})
    assert second == ("POST", "/rest/status/", {**access, "phone": "77012345678", "id": TEXT.message_id})


async def test_what_twilio_is_sent(serve: Serve) -> None:
    golden = Golden(
        (201, {"sid": "SM1", "status": "queued", "price": None, "price_unit": "USD"}), (200, {"messages": []})
    )
    vendor = twilio_at(await serve(golden))
    assert (await vendor.send(TEXT)).vendor_id == "SM1"
    assert await vendor.look_up(TEXT, datetime.now(UTC)) is None
    await vendor.close()
    (method, path, headers, body), (_, listed, _, _) = golden.requests
    assert (method, path) == ("POST", "/2010-04-01/Accounts/AC_sandbox/Messages.json")
    assert headers["authorization"].startswith("Basic ")
    assert parse_qs(body.decode()) == {
        "To": ["+77012345678"],
        "From": ["+15005550006"],
        "Body": [TEXT.body],
        "StatusCallback": [f"https://billing.example.com/webhooks/texts?id={TEXT.message_id}"],
    }
    assert listed == "/2010-04-01/Accounts/AC_sandbox/Messages.json?To=%2B77012345678&PageSize=100"


# -- errors


def test_every_error_that_a_vendor_documents_has_a_rule() -> None:
    assert smsc.RULES.keys() == set(smsc.Code)
    assert twilio.RULES.keys() == set(twilio.Code)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, {"error": "invalid number", "error_code": 7}, NumberRefused),
        (200, {"error": "denied", "error_code": 6}, TextRefused),
        (200, {"error": "no money", "error_code": 3}, TextsUnavailable),
        (200, {"error": "authorise error", "error_code": 2}, TextsUnavailable),
        (200, {"error": "duplicate", "error_code": 9}, TextUnknown),
        (200, {"error": "of next year", "error_code": 77}, TextUnknown),
        (200, {"id": "of another", "cnt": 1}, TextUnknown),
        (200, "<html>", TextUnknown),
        (500, {}, TextUnknown),
        (429, {}, TextsUnavailable),
    ],
)
async def test_smscs_errors_come_with_200(status: int, body: Any, error: type[TextError], serve: Serve) -> None:
    vendor = smsc_at(await serve(Golden((status, body))))
    with pytest.raises(error) as raised:
        await vendor.send(TEXT)
    await vendor.close()
    assert type(raised.value) is error
    assert "7701" not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"code": 21211}, NumberRefused),
        (400, {"code": 21610}, NumberRefused),
        (400, {"code": 99999}, TextRefused),
        (401, {"code": 20003}, TextsUnavailable),
        (403, {}, TextsUnavailable),
        (429, {"code": 20429}, TextsUnavailable),
        (500, {"code": 20500}, TextUnknown),
        (502, "<html>", TextUnknown),
        (201, "{", TextUnknown),
        (201, {"status": "queued"}, TextUnknown),
    ],
)
async def test_twilios_errors(status: int, body: Any, error: type[TextError], serve: Serve) -> None:
    vendor = twilio_at(await serve(Golden((status, body))))
    with pytest.raises(error) as raised:
        await vendor.send(TEXT)
    await vendor.close()
    assert type(raised.value) is error
    assert "7701" not in str(raised.value)


async def test_a_vendor_that_cannot_be_reached_has_taken_nothing() -> None:
    for vendor in (smsc_at("http://127.0.0.1:9"), twilio_at("http://127.0.0.1:9")):
        with pytest.raises(TextsUnavailable):
            await vendor.send(TEXT)
        await vendor.close()


# -- both, on the stand-in


class Stand(NamedTuple):
    """A vendor on the stand-in, and the control surface of that."""

    vendor: Smsc | Twilio
    url: str

    async def control(self, path: str, body: object = None, method: str = "POST") -> Any:
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.request(method, f"{self.url}/_control/{path}", json=body)
            return answer.raise_for_status().json()

    async def taken(self) -> list[Any]:
        texts: list[Any] = await self.control("texts", method="GET")
        return texts


@pytest.fixture(params=["smsc", "twilio"])
async def stand(request: pytest.FixtureRequest, serve: Serve) -> AsyncIterator[Stand]:
    url = await serve(Faults(sms_app()))
    vendor = smsc_at(url) if request.param == "smsc" else twilio_at(url, "")
    yield Stand(vendor, url)
    await vendor.close()


async def test_a_text_is_delivered_and_its_status_says_so(stand: Stand) -> None:
    began = datetime.now(UTC)
    report = await stand.vendor.send(TEXT)
    sent = SentText(message_id=TEXT.message_id, vendor_id=report.vendor_id, to=TEXT.to)
    assert (await stand.vendor.status(sent)).delivery is Delivery.DELIVERED
    found = await stand.vendor.look_up(TEXT, began)
    assert found is not None
    assert found.vendor_id == report.vendor_id
    assert "left" in await stand.vendor.ping()


async def test_a_text_whose_answer_was_lost_is_found(stand: Stand) -> None:
    began = datetime.now(UTC)
    await stand.control("faults", {"kind": "drop_after", "path": "send|Messages.json$", "method": "POST"})
    with pytest.raises(TextUnknown):
        await stand.vendor.send(TEXT)
    found = await stand.vendor.look_up(TEXT, began)
    assert found is not None
    assert found.delivery is Delivery.DELIVERED
    assert await stand.vendor.look_up(TEXT.evolve(message_id="f" * 32, body="Other"), began) is None


async def test_a_text_that_never_arrived_is_not_found(stand: Stand) -> None:
    await stand.control("answers", {"executed": False})
    with pytest.raises(TextUnknown):
        await stand.vendor.send(TEXT)
    assert await stand.vendor.look_up(TEXT, datetime.now(UTC)) is None


async def test_a_look_up_without_an_answer_is_made_again(stand: Stand) -> None:
    await stand.control("faults", {"kind": "drop_after", "path": "status|Messages.json$"})
    with pytest.raises(TextsUnavailable):
        await stand.vendor.look_up(TEXT, datetime.now(UTC))


async def test_what_cannot_be_delivered_has_failed(stand: Stand) -> None:
    await stand.control("outcomes", {"to": "7701", "state": "failed"})
    report = await stand.vendor.send(TEXT)
    sent = SentText(message_id=TEXT.message_id, vendor_id=report.vendor_id, to=TEXT.to)
    status = await stand.vendor.status(sent)
    assert status.delivery is Delivery.FAILED
    assert status.code in ("22 wrong_number", "undelivered 30005")


async def test_twilio_does_not_find_an_earlier_text_of_the_same_words(serve: Serve) -> None:
    vendor = twilio_at(await serve(Faults(sms_app())))
    await vendor.send(TEXT)
    assert await vendor.look_up(TEXT, datetime.now(UTC) + timedelta(hours=1)) is None
    await vendor.close()


# -- reports


def test_smscs_report_is_signed_by_our_secret() -> None:
    body = f"id={TEXT.message_id}&phone=77012345678&status=22&err=0&md5="
    right = hashlib.md5(f"{TEXT.message_id}:77012345678:22:s3cret".encode()).hexdigest()
    vendor = smsc_at("http://127.0.0.1:9")
    name, report = vendor.read_report(ReportRequest("", "", "", f"{body}{right}".encode()))
    assert (name, report.delivery, report.code) == (TEXT.message_id, Delivery.FAILED, "22 wrong_number")
    for forged in (f"{body}{'0' * 32}", body, "md5=", "\udcff"):
        with pytest.raises(InvalidInput):
            vendor.read_report(ReportRequest("", "", "", forged.encode("utf-8", "surrogateescape")))
    unknown = smsc_at("http://127.0.0.1:9", secret="")
    with pytest.raises(InvalidInput):
        unknown.read_report(ReportRequest("", "", "", f"{body}{right}".encode()))


def test_twilios_report_is_signed_as_its_documentation_shows() -> None:
    """The example of Twilio's page on security of webhooks."""
    vendor = Twilio("AC1", "12345", "+1")
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    fields = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212"
    assert twilio._signature("12345", url, {name: values[0] for name, values in parse_qs(fields).items()}) == (
        "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    )
    with pytest.raises(InvalidInput, match="signature"):
        vendor.read_report(ReportRequest(url, "m1", "RSOYDt4T1cUTdK1PDd93/VVr8B9=", fields.encode()))
