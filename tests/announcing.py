"""A process that sends announcements until it is killed: ``main(ledger, port of the vendor, instant)``."""

import asyncio
from datetime import datetime, timedelta

from adapters.sms.smsc import Smsc
from adapters.sql.ledger import SqlLedger
from bootstrap_texts import SANDBOX_SMSC
from services.messages.customer_texts import CustomerTexts
from tests.contract.announcement_fixtures import TERMS, Clock, alerts_of, sending


async def main(url: str, port: str, at: str) -> None:
    ledger, clock = await SqlLedger.connect(url), Clock(datetime.fromisoformat(at))
    password, secret = SANDBOX_SMSC.password.get_secret_value(), SANDBOX_SMSC.secret.get_secret_value()
    vendor = Smsc(SANDBOX_SMSC.login, password, "ACME", secret, f"http://127.0.0.1:{port}/rest/")
    texts = CustomerTexts(vendor, ledger, TERMS, TERMS, alerts_of(ledger), clock.now)
    async with sending(ledger, texts, clock, claim=timedelta(seconds=1)):
        await asyncio.Event().wait()
