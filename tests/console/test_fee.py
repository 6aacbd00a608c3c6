"""The page of a service order's fee: what it says, and how the fee is paid there."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.sql.ledger import SqlLedger
from billing.invoices.commands import Delivered
from billing.receivables.journal import Subject
from orders.procedures.procedure import Fee
from sandbox.stand_ins.control import local_http
from settings import Settings
from tests.console.conftest import Desk
from tests.console.months import AT, month, settings
from tests.console.people import Office, browser_at, office
from tests.console.reviewing import readable
from tests.ordering import cancel
from tests.service_ordering import CONNECT, DISCONNECT, YES, done, payment, request, shown

NOW = datetime.now(UTC)
FEE = Fee.model_validate({"code": "connection", "title": "Connection fee", "amount": "100 EUR"})


async def asked_for_fee(ledger: SqlLedger) -> None:
    """Somebody new, who owes 100.00 EUR for their connection."""
    await ledger.open_service_order(request(currency="eur"), CONNECT.evolve(fees=(FEE,)), NOW)
    await done(ledger, at=NOW, possible=YES)


def page_of(number: str, of_office: Settings) -> str:
    return f"/fee/{of_office.links.to_fee(number).rpartition('/')[2]}"


class Visitor:
    """Somebody who has opened the link in their text."""

    def __init__(self, there: Office, browser: httpx.AsyncClient, page: str) -> None:
        self.ledger, self.browser, self.page = there.ledger, browser, page

    async def sees(self, status: int = 200) -> str:
        answer = await self.browser.get(self.page)
        assert answer.status_code == status
        return readable(answer.text)


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    of_office = settings(tmp_path)
    async with office(of_office) as there, browser_at(there.url) as browser:
        await asked_for_fee(there.ledger)
        yield Visitor(there, browser, page_of("77", of_office))


async def test_the_page_says_what_is_owed_for_what_and_how_it_is_paid(visitor: Visitor) -> None:
    text = await visitor.sees()
    account = (await shown(visitor.ledger)).order.account
    assert account is not None
    for part in ("Connection fee", "77", "€100.00", f"your account number is {account}", "by card", "by WayForPay"):
        assert part in text, text
    assert "Dana" not in text


async def test_a_part_is_taken_off_and_what_is_paid_is_thanked_for(visitor: Visitor) -> None:
    await visitor.ledger.book(payment(90_00, currency="eur"), NOW)
    assert "Please pay €10.00" in await visitor.sees()
    await visitor.ledger.book(payment(10_00, "two", currency="eur"), NOW)
    assert "Paid, thank you" in await visitor.sees()
    link = await visitor.browser.post(f"{visitor.page}/link?rail=stripe-link")
    assert (link.status_code, link.headers["location"]) == (303, visitor.page)
    assert await visitor.ledger.live_checkouts() == []


async def test_of_an_order_that_was_cancelled_nothing_is_owed(visitor: Visitor) -> None:
    await visitor.ledger.change_service_order("77", cancel(), NOW)
    assert "There is nothing to pay here" in await visitor.sees()


async def test_nothing_is_paid_while_the_brake_is_on(visitor: Visitor) -> None:
    await visitor.ledger.pull_brake("ann", "wrong sheet", "cli", NOW)
    text = await visitor.sees()
    assert ("Payments are paused" in text, "by card" in text) == (True, False)
    link = await visitor.browser.post(f"{visitor.page}/link?rail=stripe-link")
    assert link.headers["location"] == visitor.page


@pytest.mark.parametrize("change", [lambda page: page[:-1], lambda page: page.replace("/77.", "/78.")])
async def test_a_forged_link_opens_nothing(visitor: Visitor, change: Any) -> None:
    visitor.page = change(visitor.page)
    await visitor.sees(404)


@pytest.mark.parametrize("rail", ["transfer", "nobody", "stripe"])
async def test_a_rail_that_has_no_page_leads_back(visitor: Visitor, rail: str) -> None:
    link = await visitor.browser.post(f"{visitor.page}/link?rail={rail}")
    assert (link.status_code, link.headers["location"]) == (303, visitor.page)


async def test_an_order_that_waits_for_debts_leads_on_to_the_bill(tmp_path: Path) -> None:
    of_office = settings(tmp_path)
    async with office(of_office) as there, browser_at(there.url) as browser:
        due = month("dana").evolve(notice_at=NOW - timedelta(days=5), charge_at=NOW - timedelta(days=1))
        await there.ledger.record(due.announcing(due.notice_at).delivered(Delivered(at=due.notice_at)), AT)
        account = await there.ledger.open_number("dana", "1000009", "ann", "contract 17", NOW)
        wanted = request("78", procedure="disconnect", subscriber=None, buyer=None, account=account.number, values={})
        await there.ledger.open_service_order(wanted, DISCONNECT, NOW)
        answer = await browser.get(page_of("78", of_office))
        assert answer.status_code == 303
        assert "/pay/payment1.dana.2026-11." in answer.headers["location"]


async def test_a_fee_is_paid_by_any_card_on_a_page_of_its_own_by_somebody_new(desk: Desk) -> None:
    ledger = desk.bed.ledger
    await asked_for_fee(ledger)
    page = desk.links.to_fee("77")
    link = await desk.browser.post(f"{page}/link?rail=stripe-link")
    assert link.status_code == 303
    async with local_http() as http:
        shown_there = await http.get(link.headers["location"])
        assert "Connection fee, order 77" in shown_there.text
        await http.post(link.headers["location"], data={"card": "pm_card_visa", "answer": "pay"})
    await desk.all_done()
    assert (await ledger.balance("dana")).owed_for(Subject.fee("77"), "eur") == 0
    assert (await shown(ledger)).order.step == "install"
    assert "Paid, thank you" in (await desk.browser.get(page)).text
