"""A customer who is told by text alone: the address in the text leads to what they owe, a promise, and a request."""

import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from billing.customers.channels import Channel
from billing.customers.customer import Terms
from billing.customers.ladder import parse_ladder
from billing.invoices.commands import Delivered
from billing.subscribers.service import NewService
from orders.service.ports import ServiceFilter
from sandbox.stand_ins.control import control
from settings import Settings
from tests.console.conftest import Desk
from tests.console.months import AT, NOVEMBER, month, settings
from tests.console.people import Office, browser_at, office
from tests.console.reviewing import fields, readable
from tests.console.test_fee import asked_for_fee
from tests.service_ordering import payment

NOW = datetime.now(UTC)
ANN, PHONE, NUMBER = "ann-by-text", "+77012345678", "1234567897"
BY_TEXT = Terms(bill_by=(Channel.SMS,), ladder=parse_ladder("1 remind sms, 7 warn sms, 14 suspend"))


async def texted(desk: Desk) -> str:
    """The path of the address in Ann's bill, as the vendor has it; she has no email."""
    await desk.bed.monitored(ANN, payment_method={"kind": "bill"}, phone=PHONE, terms=BY_TEXT)
    wanted = NewService(customer_id=ANN, number=NUMBER, phone=PHONE, by="ben", reason="contract 17")
    await desk.bed.ledger.register_service(wanted, datetime.now(UTC))
    await desk.bed.closed(ANN)
    (text,) = await control(desk.bed.settings.sandbox_sms_port, "texts", method="GET")
    assert text["to"] == PHONE.lstrip("+")
    assert not desk.bed.mails(f"{ANN}@example.com")
    (address,) = re.findall(r"https?://\S+", text["body"])
    return str(urlsplit(address).path)


async def test_the_text_of_a_bill_leads_to_the_bill_a_promise_and_a_request(desk: Desk) -> None:
    path = await texted(desk)
    assert PHONE[1:] not in path
    led = await desk.browser.get(path)
    assert led.status_code == 303
    assert led.headers["cache-control"] == "no-store"
    page = led.headers["location"].partition(desk.links.base_url)[2]
    collection = await desk.bed.collects(lambda found: bool(found.open_debts), ANN)
    shown = readable(await desk.shows("Do you need a few days", page))
    assert NUMBER in shown
    assert "€100.00" in shown

    (last,) = re.findall(r'name="until" max="([0-9-]+)"', (await desk.browser.get(page)).text)
    assert (await desk.browser.post(f"{page}/promise", data={"until": last})).status_code == 303
    promised = await desk.bed.collects(lambda found: found.promise is not None, ANN)
    assert promised.period == collection.period

    form = fields((await desk.browser.get(f"{page}/requests")).text, f"{page}/requests")
    typed = form | {"category": "No connection", "text": "The lamp is red"}
    written = await desk.browser.post(f"{page}/requests", data=typed)
    assert written.status_code == 303, written.text
    found = await desk.bed.ledger.service_orders(ServiceFilter(customer_id=ANN, procedure="request"))
    assert found.count == 1

    await desk.bed.ledger.book(payment(100_00, currency="eur", customer_id=ANN), datetime.now(UTC))
    await desk.bed.collects(lambda found: found.outcome is not None, ANN)
    again = (await desk.browser.get(path)).headers["location"]
    assert "Paid, thank you" in (await desk.browser.get(again)).text, "nothing is owed: the last bill"


async def leads_to(of_office: Settings, there: Office, customer_id: str = "acme", account: str | None = None) -> str:
    """Where the address of the text leads; or what it says, if it leads nowhere."""
    async with browser_at(there.url) as browser:
        answer = await browser.get(urlsplit(of_office.links.to_own_page(customer_id, account)).path)
        return answer.headers.get("location") or readable(answer.text)


async def test_of_two_bills_the_older_one_comes_first_and_without_one_the_fee(tmp_path: Path) -> None:
    of_office = settings(tmp_path)
    async with office(of_office) as there:
        await there.ledger.record(month(), AT)
        assert "There is nothing to pay here" in await leads_to(of_office, there), "a draft is no bill yet"
        for period in (NOVEMBER, NOVEMBER.previous()):
            drafted = month(period=period)
            bill = drafted.announcing(drafted.notice_at).delivered(Delivered(at=drafted.notice_at))
            await there.ledger.record(bill, AT)
        assert "/pay/payment1.acme.2026-10." in await leads_to(of_office, there)
        account = await there.ledger.open_number("acme", NUMBER, "ann", "contract 17", NOW)
        await there.ledger.close_number(account.number, "ann", "moved", NOW)
        assert "/pay/payment1.acme.2026-10." in await leads_to(of_office, there, account=NUMBER), "closed, and owed"
        await asked_for_fee(there.ledger)
        assert (await leads_to(of_office, there, "dana")).endswith(urlsplit(of_office.links.to_fee("77")).path)


@pytest.mark.parametrize("token", ["dvxtiv4iwmeljfa4", "acme.aaaaaaaaaa", ".", "%ED%A0%80", "a" * 3000])
async def test_a_forged_address_opens_nothing(tmp_path: Path, token: str) -> None:
    async with office(settings(tmp_path)) as there, browser_at(there.url) as browser:
        assert (await browser.get(f"/p/{token}")).status_code == 404


async def test_an_address_of_nobody_any_more_opens_nothing(tmp_path: Path) -> None:
    of_office = settings(tmp_path)
    async with office(of_office) as there:
        assert "There is nothing here" in await leads_to(of_office, there, account=NUMBER)
