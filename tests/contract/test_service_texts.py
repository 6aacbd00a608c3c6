"""Whoever was suspended hears by text that the service works again, once, and not before it does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.sms.smsc import Smsc
from adapters.sql.ledger import SqlLedger
from billing.customers.channels import Channel
from billing.customers.customer import Terms
from billing.events.event import Destination
from billing.events.ports import EventSender
from billing.subscribers.service import CallState
from billing.texts.text import Language
from bootstrap_texts import SANDBOX_SMSC
from process.text_settings import TextTerms
from sandbox.sms.api import sms_app
from sandbox.stack.stand_ins import serve as served
from sandbox.stand_ins.control import control
from sandbox.stand_ins.faults import Faults
from sandbox.timeline import until
from services.alerts import Alerts
from services.customer_texts import CustomerTexts
from services.event_dispatcher import EventDispatcher
from services.provisioning import ServiceSender
from services.service_texts import ServiceTexts
from tests.contract.service_fixtures import DUE, SUSPENDED, WHY, payment, subscribe
from tests.contract.test_event_delivery import QUICKLY, SECONDS, Waker
from tests.contract.test_ledger_journal import announced, drafted, record
from tests.contract.test_provisioning import changes_once, network

DONE = CallState.DONE
TERMS = TextTerms(language=Language.KAZAKH)


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    """A ledger that tells provisioning and customers."""
    ledger = await SqlLedger.connect(url, (Destination.PROVISIONING, Destination.CUSTOMER))
    yield ledger
    await ledger.close()


async def owes(ledger: SqlLedger, bill_by: Channel) -> None:
    month = drafted(1000)
    customer = month.customer.evolve(phone="+77012345678", terms=Terms(bill_by=(bill_by,)))
    await record(ledger, announced(month.evolve(customer=customer)))
    await subscribe(ledger)


@asynccontextmanager
async def world(ledger: SqlLedger, folder: Path) -> AsyncIterator[tuple[int, int]]:
    """The ports of the vendor of texts and of provisioning, both told by a dispatcher."""
    alerts = Alerts(ledger, Waker(), enabled=True)
    async with served(Faults(sms_app())) as port, network(folder) as (provisioning, network_port, _):
        vendor = Smsc(
            SANDBOX_SMSC.login, SANDBOX_SMSC.password.get_secret_value(), api_url=f"http://127.0.0.1:{port}/rest/"
        )
        texts = CustomerTexts(vendor, ledger, TERMS, TERMS, alerts, lambda: DUE)
        senders: dict[Destination, EventSender] = {
            Destination.PROVISIONING: ServiceSender(ledger, provisioning, alerts, timedelta(hours=3)),
            Destination.CUSTOMER: ServiceTexts(ledger, texts),
        }
        dispatcher = EventDispatcher(ledger, senders, alerts, pause=lambda tries: QUICKLY, poll=QUICKLY)
        async with dispatcher.open():
            yield port, network_port
        await vendor.close()


async def delivered(ledger: SqlLedger) -> None:
    async def is_empty() -> bool:
        return not [event async for page in ledger.outgoing_events(True, None) for event in page]

    await until(is_empty, SECONDS)


async def bodies(port: int) -> list[str]:
    return [text["body"] for text in await control(port, "texts", method="GET")]


async def test_a_restore_is_texted_once_after_the_network_has_done_it(ledger: SqlLedger, tmp_path: Path) -> None:
    await owes(ledger, Channel.SMS)
    async with world(ledger, tmp_path) as (port, network_port):
        await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
        await changes_once(ledger, None, DONE, DONE)
        await control(network_port, "faults", {"kind": "status", "times": 3})
        await ledger.book(payment(1000), DUE)
        await delivered(ledger)
        assert await bodies(port) == ["Қызмет қайта қосылды. Рақмет! Ж/ш 1000009"]
        history = await ledger.service_changes("1000009")
        assert [change.call for change in history] == [None, DONE, DONE, DONE]


async def test_whoever_gets_no_bills_by_text_gets_none_of_these(ledger: SqlLedger, tmp_path: Path) -> None:
    await owes(ledger, Channel.MAIL)
    async with world(ledger, tmp_path) as (port, _):
        await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
        await ledger.book(payment(1000), DUE)
        await delivered(ledger)
        assert await bodies(port) == []


async def test_a_number_that_takes_no_texts_holds_nothing_up(ledger: SqlLedger, tmp_path: Path) -> None:
    await owes(ledger, Channel.SMS)
    async with world(ledger, tmp_path) as (port, _):
        await control(port, "answers", {"smsc_code": 8, "times": None})
        await ledger.restrict("acme", SUSPENDED, "rung 14", DUE, *WHY)
        await ledger.book(payment(1000), DUE)
        await delivered(ledger)
        assert await bodies(port) == []
