"""The stand-in for vendors of texts as an ASGI app: ``Faults(sms_app(Path("sms.jsonl")))``.

POST   /rest/send/ /rest/status/ /rest/balance/                          SMSC
*      /2010-04-01/Accounts/AC_sandbox/Messages.json, …/Balance.json     Twilio
GET    /_control/texts                  what was taken
POST   /_control/answers {"smsc_code": 9, "twilio_code": 20500, "executed": true, "times": 1}    false answers to send
DELETE /_control/answers
POST   /_control/outcomes {"to": "7701", "state": "failed"}     what becomes of texts; else they are delivered at once
POST   /_control/state {"number": 1, "state": "delivered"}      what becomes of one now
POST   /_control/report-url {"url": …}                          where SMSC reports; Twilio is told with each text
POST   /_control/reports/faults {"kind": "contradict"}
DELETE /_control/reports/faults
"""

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Literal

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from bootstrap_texts import SANDBOX_SMSC, SANDBOX_TWILIO
from sandbox.sms.reports import SMSC_STATES, ReportFault, ReportSender
from sandbox.sms.store import SmsStore, Text
from sandbox.stand_ins.faults import Fault, FaultRules

State = Literal["accepted", "delivered", "failed"]
_PRICE = {"smsc": "4.5", "twilio": "-0.00750"}
_TWILIO_HTTP = {20003: 401, 20429: 429, 20500: 500, 20503: 503, 20404: 404}


class FalseAnswer(Fault):
    """``executed``: the text was taken all the same."""

    smsc_code: int = 9
    twilio_code: int = 20500
    executed: bool = False


class Outcome(BaseModel, extra="forbid"):
    to: re.Pattern[str] = re.compile("")
    state: State


class OneState(BaseModel, extra="forbid"):
    number: int
    state: State


class ReportUrl(BaseModel, extra="forbid"):
    url: str


class StandIn:
    """The parts of one stand-in."""

    def __init__(self, journal: Path | None) -> None:
        self.store = SmsStore(journal)
        self.reports = ReportSender(self.store, SANDBOX_SMSC.secret.get_secret_value(), SANDBOX_TWILIO_TOKEN)
        self.answers = FaultRules[FalseAnswer]()
        self.outcomes: list[Outcome] = []

    def take(self, dialect: str, to: str, body: str, **fields: Any) -> Text:
        state = next((outcome.state for outcome in self.outcomes if outcome.to.search(to)), "delivered")
        given = {"id": "", "report_url": "", "sender": "", **fields}
        text = self.store.take(dialect=dialect, to=to, body=body, state=state, **given)
        self.reports.report(text)
        return text


SANDBOX_TWILIO_TOKEN = SANDBOX_TWILIO.token.get_secret_value()


def sms_app(journal: Path | None = None) -> FastAPI:
    stand, app = StandIn(journal), FastAPI(openapi_url=None)
    _add_smsc(app, stand)
    _add_twilio(app, stand)
    _add_controls(app, stand)
    return app


# -- SMSC


def _add_smsc(app: FastAPI, stand: StandIn) -> None:
    @app.post("/rest/{call}/")
    async def smsc(call: str, request: Request) -> Any:
        body = await request.json()
        if (body.get("login"), body.get("psw")) != (SANDBOX_SMSC.login, SANDBOX_SMSC.password.get_secret_value()):
            return _error(2, "authorise error")
        match call:
            case "send":
                return _smsc_send(stand, body)
            case "status":
                return _smsc_status(stand, body)
            case "balance":
                return {"balance": "1000.00", "currency": "KZT"}
        raise HTTPException(404)


def _smsc_send(stand: StandIn, body: Mapping[str, Any]) -> Any:
    number, text_id = str(body.get("phones", "")), str(body.get("id", ""))
    if not re.fullmatch(r"[1-9]\d{6,14}", number):
        return _error(7, "invalid number")
    if not re.fullmatch(r"[A-Za-z0-9.\-_]{1,40}", text_id) or body.get("fmt") != 3 or not body.get("mes"):
        return _error(1, "parameters error")
    false = stand.answers.firing(lambda rule: True)
    if false is None or false.executed:
        stand.take("smsc", number, body["mes"], id=text_id, sender=body.get("sender", ""))
    return _error(false.smsc_code, "asked for") if false else {"id": text_id, "cnt": 1, "cost": _PRICE["smsc"]}


def _smsc_status(stand: StandIn, body: Mapping[str, Any]) -> Any:
    text = stand.store.newest(dialect="smsc", id=str(body.get("id")), to=str(body.get("phone")))
    if text is None:
        return {"status": -3}
    return {"status": SMSC_STATES[text["state"]], "last_date": "01.12.2026 10:00:00"}


def _error(code: int, words: str) -> Any:
    return {"error": words, "error_code": code}


# -- Twilio


def _add_twilio(app: FastAPI, stand: StandIn) -> None:
    account = f"/2010-04-01/Accounts/{SANDBOX_TWILIO.account_sid}"

    @app.post(f"{account}/Messages.json", status_code=201)
    async def send(request: Request) -> Any:
        form = await request.form()
        to, body = str(form.get("To", "")), str(form.get("Body", ""))
        if not re.fullmatch(r"\+[1-9]\d{6,14}", to):
            return _refused(21211)
        false = stand.answers.firing(lambda rule: True)
        if false is None or false.executed:
            text = stand.take("twilio", to, body, report_url=str(form.get("StatusCallback", "")))
        return _refused(false.twilio_code) if false else {**_shown(text), "status": "queued", "price": None}

    @app.get(f"{account}/Messages.json")
    async def listed(To: str = "", PageSize: int = 50) -> Any:
        found = [text for text in stand.store.texts.values() if text["dialect"] == "twilio" and text["to"] == To]
        return {"messages": [_shown(text) for text in found[::-1][:PageSize]]}

    @app.get(f"{account}/Messages/{{sid}}.json")
    async def one(sid: str) -> Any:
        text = stand.store.newest(dialect="twilio", sid=sid)
        return _shown(text) if text else _refused(20404)

    @app.get(f"{account}/Balance.json")
    async def balance() -> Any:
        return {"balance": "10.00", "currency": "USD"}


def _shown(text: Text) -> dict[str, Any]:
    status = {"accepted": "sent", "failed": "undelivered"}.get(text["state"], text["state"])
    made = format_datetime(datetime.fromisoformat(text["taken_at"]))
    money = {"price": _PRICE["twilio"], "price_unit": "USD"}
    about = {"sid": text["sid"], "to": text["to"], "body": text["body"], "status": status}
    return {**about, **money, "date_created": made, "error_code": 30005 if text["state"] == "failed" else None}


def _refused(code: int) -> JSONResponse:
    return JSONResponse({"code": code, "message": "asked for", "status": 400}, _TWILIO_HTTP.get(code, 400))


# -- what tests and demos say


def _add_controls(app: FastAPI, stand: StandIn) -> None:
    @app.get("/_control/texts")
    async def texts() -> list[Text]:
        return list(stand.store.texts.values())

    @app.post("/_control/answers")
    async def add_answer(answer: FalseAnswer) -> list[FalseAnswer]:
        stand.answers.append(answer)
        return list(stand.answers)

    @app.delete("/_control/answers")
    async def clear_answers() -> list[FalseAnswer]:
        stand.answers.clear()
        return []

    @app.post("/_control/outcomes")
    async def add_outcome(outcome: Outcome) -> list[Outcome]:
        stand.outcomes.insert(0, outcome)
        return list(stand.outcomes)

    @app.post("/_control/state")
    async def set_state(wanted: OneState) -> Text:
        text = stand.store.put({**stand.store.texts[wanted.number], "state": wanted.state})
        stand.reports.report(text)
        return text

    @app.post("/_control/report-url")
    async def report_url(wanted: ReportUrl) -> ReportUrl:
        stand.store.set_report_url(wanted.url)
        return wanted

    @app.post("/_control/reports/faults")
    async def add_fault(fault: ReportFault) -> list[ReportFault]:
        stand.reports.faults.append(fault)
        return list(stand.reports.faults)

    @app.delete("/_control/reports/faults")
    async def clear_faults() -> list[ReportFault]:
        stand.reports.faults.clear()
        return []
