"""The stand-in's reports of deliveries: signed calls, which may come twice, late, never, or contradict each other."""

import asyncio
import base64
import hashlib
import hmac
import re
from typing import Literal

import httpx
from pydantic import Field

from sandbox.sms.store import SmsStore, Text
from sandbox.stand_ins.control import local_http
from sandbox.stand_ins.faults import Fault, FaultRules

_TRIES = 3
_PAUSE_SECONDS = 0.2
SMSC_STATES = {"accepted": 0, "delivered": 1, "failed": 22}


class ReportFault(Fault):
    """A failure of a report, decided when a text is taken. contradict: the opposite follows ``seconds`` later."""

    kind: Literal["drop", "duplicate", "delay", "contradict"]
    to: re.Pattern[str] = re.compile("")
    seconds: float = Field(default=0.05, ge=0)


class ReportSender:
    def __init__(self, store: SmsStore, smsc_secret: str, twilio_token: str) -> None:
        self.faults = FaultRules[ReportFault]()
        self._store = store
        self._smsc_secret = smsc_secret
        self._twilio_token = twilio_token
        self._tasks: set[asyncio.Task[None]] = set()

    def report(self, text: Text) -> None:
        """Has it reported how far the text has come."""
        url = text["report_url"] or self._store.report_url
        if not url or text["state"] == "accepted":
            return
        fault = self.faults.firing(lambda rule: bool(rule.to.search(text["to"])))
        task = asyncio.get_running_loop().create_task(self._send(url, text, fault))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, url: str, text: Text, fault: ReportFault | None) -> None:
        kind = fault.kind if fault else ""
        if kind == "drop":
            return
        if fault and kind == "delay":
            await asyncio.sleep(fault.seconds)
        for _ in range(2 if kind == "duplicate" else 1):
            await self._post(url, text)
        if fault and kind == "contradict":
            await asyncio.sleep(fault.seconds)
            await self._post(url, {**text, "state": "failed" if text["state"] == "delivered" else "delivered"})

    async def _post(self, url: str, text: Text) -> None:
        fields, headers = self._smsc(text) if text["dialect"] == "smsc" else self._twilio(url, text)
        async with local_http(timeout=5.0) as http:
            for _ in range(_TRIES):
                try:
                    if (await http.post(url, data=fields, headers=headers)).is_success:
                        return
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(_PAUSE_SECONDS)

    def _smsc(self, text: Text) -> tuple[dict[str, str], dict[str, str]]:
        status = str(SMSC_STATES[text["state"]])
        signed = f"{text['id']}:{text['to']}:{status}:{self._smsc_secret}"
        fields = {"id": text["id"], "phone": text["to"], "status": status, "err": "0"}
        return {**fields, "md5": hashlib.md5(signed.encode()).hexdigest()}, {}

    def _twilio(self, url: str, text: Text) -> tuple[dict[str, str], dict[str, str]]:
        status = "undelivered" if text["state"] == "failed" else text["state"]
        fields = {"MessageSid": text["sid"], "MessageStatus": status, "To": text["to"], "AccountSid": "AC_sandbox"}
        fields |= {"ErrorCode": "30005"} if text["state"] == "failed" else {}
        signed = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
        digest = hmac.new(self._twilio_token.encode(), signed.encode(), hashlib.sha1).digest()
        return fields, {"X-Twilio-Signature": base64.b64encode(digest).decode()}
