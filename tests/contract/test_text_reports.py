"""Vendors report how far texts have come, over sockets: twice, late, contradicting each other, or forged."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from adapters.sms.smsc import Smsc
from adapters.sms.twilio import Twilio
from adapters.sql.ledger import SqlLedger
from billing.tasks.listing import TaskFilter
from billing.texts.text import TextFacts, TextKind, TextStatus
from bootstrap_texts import SANDBOX_SMSC, SANDBOX_TWILIO
from inbound.text_reports import PATH, TextReportRoutes
from process.settings.texts import TextTerms
from sandbox.sms.api import sms_app
from sandbox.stand_ins.control import control, local_http
from sandbox.timeline import until
from services.alerts import Alerts
from services.messages.customer_texts import CustomerTexts
from tests.contract.conftest import Serve
from tests.contract.ledger_fixtures import AT
from tests.contract.test_customer_messages import Woken

TERMS = TextTerms()


class Reported:
    """A vendor that reports to us."""

    def __init__(self, ledger: SqlLedger, vendor: Smsc | Twilio, port: int) -> None:
        self.ledger, self.vendor, self.port, self.address = ledger, vendor, port, ""
        alerts = Alerts(ledger, Woken(), True)
        self.texts = CustomerTexts(vendor, ledger, TERMS, TERMS, alerts, lambda: AT)

    async def send(self) -> None:
        await self.texts.send(TextKind.BILL, "acme", "+77012345678", "1", TextFacts(account="1000009"))

    async def comes_to(self, status: TextStatus) -> None:
        async def is_there() -> bool:
            return (await self.ledger.texts())[0].status is status

        await until(is_there, 20)


@pytest.fixture(params=["smsc", "twilio"])
async def reported(request: pytest.FixtureRequest, ledger: SqlLedger, serve: Serve) -> AsyncIterator[Reported]:
    stand, app = await serve(sms_app()), FastAPI()
    address = f"{await serve(app)}"
    vendor: Smsc | Twilio
    if request.param == "smsc":
        password, secret = SANDBOX_SMSC.password.get_secret_value(), SANDBOX_SMSC.secret.get_secret_value()
        vendor = Smsc(SANDBOX_SMSC.login, password, "", secret, f"{stand}/rest/")
    else:
        token = SANDBOX_TWILIO.token.get_secret_value()
        vendor = Twilio(SANDBOX_TWILIO.account_sid, token, SANDBOX_TWILIO.sender, f"{address}{PATH}", "usd", stand)
    port = int(stand.rpartition(":")[2])
    await control(port, "report-url", {"url": f"{address}{PATH}"})
    world = Reported(ledger, vendor, port)
    world.address = f"{address}{PATH}"
    app.router.routes += TextReportRoutes(vendor, world.texts, address).router.routes
    yield world
    await vendor.close()


async def test_a_delivery_is_reported(reported: Reported) -> None:
    await reported.send()
    await reported.comes_to(TextStatus.DELIVERED)


async def test_a_failure_that_is_reported_twice_opens_one_task(reported: Reported) -> None:
    await control(reported.port, "outcomes", {"state": "failed"})
    await control(reported.port, "reports/faults", {"kind": "duplicate"})
    await reported.send()
    await reported.comes_to(TextStatus.FAILED)
    (task,) = await reported.ledger.tasks(TaskFilter())
    assert task.values["phone"] == "+7…5678"


async def test_a_failure_that_is_contradicted_is_none(reported: Reported) -> None:
    await control(reported.port, "outcomes", {"state": "failed"})
    await control(reported.port, "reports/faults", {"kind": "contradict"})
    await reported.send()
    await reported.comes_to(TextStatus.DELIVERED)


async def test_what_is_not_signed_is_not_believed(reported: Reported) -> None:
    await control(reported.port, "outcomes", {"state": "accepted"})
    await reported.send()
    (row,) = await reported.ledger.texts()
    forged = {"id": row.message_id, "phone": "77012345678", "status": "22", "md5": "0" * 32, "MessageSid": "SM1"}
    async with local_http() as http:
        address = f"{reported.address}?id={row.message_id}"
        answer = await http.post(address, data=forged, headers={"X-Twilio-Signature": "none"})
        assert answer.status_code == 400
        assert (await http.post(address, content=b"x" * 30_000)).status_code == 413
        assert (await http.post(address, content=b"\xff\xfe")).status_code == 400
    assert (await reported.ledger.texts())[0].status is TextStatus.SENT
