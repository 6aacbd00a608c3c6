"""A subscriber is connected through the departments by clicks, and another leaves, by people with phones.

The whole stack runs: the shop's system opens the orders, the bank's app pays, the network is told. The same people do
both; each has a browser of their own.
"""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser, FilePayload, Locator, Page, expect

from billing.invoices.commands import Delivered
from billing.invoices.month import Month
from billing.period import Period
from billing.reviewers.users import Role
from billing.subscribers.service import Change, NewService, ServiceCause, ServiceState
from billing.tariffs.changes import Subscribe
from billing.tariffs.tariff import Tariff, TariffVersion
from sandbox.stand_ins.control import local_http
from sandbox.timeline import until
from tests.bed import PATIENCE_SECONDS, now
from tests.browser.conftest import PHONE, looks_well
from tests.browser.files import chosen, png
from tests.browser.people import signed_in
from tests.console.conftest import Desk
from tests.console.months import month
from tests.console.people import make_user
from tests.console.test_orders_http import signature
from tests.contract.service_fixtures import NUMBER
from tests.contract.task_fixtures import PDF

pytestmark = pytest.mark.limit(600)

TASKS, SUBSCRIBERS = "/desk/tasks", "/desk/subscribers"
OLGA, CAROL, WES, KARL = "olga", "carol", "wes", "karl"
PEOPLE = {
    OLGA: (Role.REVIEWER, "operator"),
    CAROL: (Role.REVIEWER, "accounting"),
    WES: (Role.STAFF, "warehouse"),
    KARL: (Role.STAFF, "crew"),
}
TOUCHED = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
CONTRACT, PHOTO = chosen("contract.pdf", PDF), chosen("box.png", png())
CONNECTING = {
    "number": "77",
    "procedure": "connect",
    "buyer": {"customer_id": "dana", "name": "Dana A.", "email": "dana@example.com"},
    "subscriber": {"phone": "+77011234567", "address": "Abay Ave. 1, flat 7"},
    "tariff": "internet-100",
    "address": "Abay Ave. 1, flat 7",
    "currency": "eur",
    "timezone": "Europe/Paris",
}
LEAVING = {"number": "78", "procedure": "disconnect", "account": NUMBER, "text": "moved away"}
_Press = Callable[[Locator], Awaitable[None]]
_Said = Mapping[str, bool | str | FilePayload]


class Person:
    """Somebody at their page, with a mouse or a thumb."""

    def __init__(self, page: Page, press: _Press) -> None:
        self.page = page
        self._press = press

    async def does(self, title: str, said: _Said) -> None:
        """Claims the department's task of this title, fills its form in, and completes it."""
        await self.page.goto(TASKS)
        await self._press(self.page.get_by_role("link", name=title))
        await self._press(self.page.get_by_role("button", name="Claim it"))
        await expect(self.page.get_by_text("· yours")).to_be_visible()
        for label, value in said.items():
            await self._says(label, value)
        await self._press(self.page.get_by_role("button", name="Done", exact=True))
        await expect(self.page.get_by_text("has ended")).to_be_visible()

    async def _says(self, label: str, value: bool | str | FilePayload) -> None:
        if isinstance(value, bool):
            choice = self.page.get_by_role("group", name=label)
            await self._press(choice.get_by_label("Yes" if value else "No", exact=True))
        elif isinstance(value, str):
            await self.page.get_by_label(label).fill(value)
        else:
            await self.page.get_by_label(label).set_input_files([value])
            await expect(self.page.get_by_role("link", name=value["name"])).to_be_visible()


@asynccontextmanager
async def office(browser: Browser, desk: Desk, has_phones: bool = False) -> AsyncIterator[dict[str, Person]]:
    """Everybody, signed in."""
    async with AsyncExitStack() as stack:
        options, press = (TOUCHED, Locator.tap) if has_phones else ({}, Locator.click)
        yield {
            name: Person(await stack.enter_async_context(signed_in(browser, desk, name, **options)), press)
            for name in PEOPLE
        }


async def opens(desk: Desk, order: Mapping[str, object]) -> str:
    """The company's own system hands an order over; the number of the account that it is about."""
    desk.bed.orders.append(str(order["number"]))
    body = json.dumps(order).encode()
    answer = await desk.browser.post("/orders", content=body, headers=signature(body))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["account"])


async def pays_by_the_banks_app(desk: Desk, account: str) -> str:
    """What the app shows as owed, which the subscriber pays."""
    asked = {"command": "check", "txn_id": "1", "account": account, "sum": "1"}
    owed = (await desk.browser.get("/billers/bank-app", params=asked)).json()["sum"]
    paid = asked | {"command": "pay", "sum": owed}
    assert (await desk.browser.get("/billers/bank-app", params=paid)).json()["result"] == 0
    return str(owed)


def today() -> datetime:
    """Where both subscribers live."""
    return now().astimezone(ZoneInfo("Europe/Paris"))


async def network_has(desk: Desk, account: str, state: str) -> None:
    async def look() -> bool:
        async with local_http() as http:
            answer = await http.get(f"http://127.0.0.1:{desk.bed.ports.provisioning}/accounts")
        return bool(answer.json().get(account) == state)

    await until(look, PATIENCE_SECONDS)


def owed(since: datetime) -> Month:
    """A month of dan's that was announced then, and is due since."""
    drafted = month("dan", 100_00, Period.at(since - timedelta(days=40), "Europe/Paris"))
    return drafted.evolve(notice_at=since, charge_at=since).announcing(since).delivered(Delivered(at=since))


async def with_company(desk: Desk) -> None:
    """A tariff, everybody who works there, and dan, who has a debt."""
    ledger = desk.bed.ledger
    version = TariffVersion(starts_on=today().date() - timedelta(days=300), fee_minor=30_00)
    tariff = Tariff(code="internet-100", name="Internet 100", currency="eur", versions=(version,))
    await ledger.add_tariff(tariff, "ann", "list", now())
    for name, (role, department) in PEOPLE.items():
        await make_user(ledger, name, role, departments=(department,))
    await ledger.record(owed(now() - timedelta(days=10)), now())
    wanted = NewService(customer_id="dan", key="contract 7", number=NUMBER, by="ann", reason="contract 7")
    await ledger.register_service(wanted, now())
    works = Change(ServiceState.ACTIVE, ServiceCause.CONNECTED, "connect", now(), "ann", "installed")
    await ledger.change_service(NUMBER, works)
    begun = Subscribe(account=NUMBER, tariff="internet-100", starts_on=today().date().replace(day=1))
    await ledger.agree(begun, "ann", "contract 7", now())


async def connects(desk: Desk, people: dict[str, Person]) -> str:
    """Everybody's part, to the end; the account's number."""
    account = await opens(desk, CONNECTING)
    possible: _Said = {"Can it be connected?": True, "Area or node": "North", "Is equipment needed?": True}
    await people[OLGA].does("Can the address be connected?", possible)
    await people[WES].does(
        "Reserve the equipment", {"Does it have to be bought?": True, "What is reserved": "A router"}
    )
    await people[WES].does("Buy the equipment", {"The seller's invoice": chosen("invoice.pdf", PDF)})
    assert await pays_by_the_banks_app(desk, account) == "10.00"
    await _sees_the_money(people[CAROL].page)
    visit: _Said = {"Day of the visit": today().date().isoformat(), "Crew, by area and calendar": "North, Karl"}
    await people[OLGA].does("Agree on a day, and choose a crew", visit)
    handed_over: _Said = {"Serial numbers": "RT-0001\nONT-77", "A photo of the installation": PHOTO}
    await people[KARL].does("Install, and hand the equipment over", handed_over)
    await people[KARL].does("Have the documents signed", {"The signed contract": CONTRACT})
    return account


async def _sees_the_money(carol: Page) -> None:
    await carol.goto("/desk/money/accounts/dana")
    await expect(carol.get_by_text("Nothing is owed on either side.")).to_be_visible()
    await expect(carol.get_by_role("table").get_by_text("Payment").first).to_be_visible()


async def leaves(desk: Desk, people: dict[str, Person]) -> None:
    """Everybody's part of a leaving with a debt and without the router, to the end."""
    assert await opens(desk, LEAVING) == NUMBER
    owes: _Said = {"Let the order go on, whatever is owed?": True, "Why": "he moves abroad; the debt stays"}
    await people[CAROL].does("Nothing is owed, or accounting decides", owes)
    visit: _Said = {"Day of the visit": today().date().isoformat(), "Crew, by area and calendar": "North, Karl"}
    await people[OLGA].does("Agree on a day, and choose a crew", visit)
    came_back: _Said = {"Serial numbers of what came back": "ONT-77", "A photo": PHOTO}
    await people[KARL].does("Dismantle, and take the equipment back", came_back)
    await people[WES].does("Is all the equipment back?", {"Is all of it back?": False, "What the missing costs": "45"})
    signed: _Said = {"The signed termination": chosen("termination.pdf", PDF)}
    await people[OLGA].does("Have the documents signed", signed)


async def test_a_subscriber_is_connected_by_clicks_and_another_leaves_by_phones(desk: Desk, browser: Browser) -> None:
    await with_company(desk)
    days = today().date()
    async with office(browser, desk) as people:
        account = await connects(desk, people)
        olga = people[OLGA].page
        await olga.goto(f"{SUBSCRIBERS}/{account}")
        await expect(olga.get_by_role("heading", name=f"{account} Active")).to_be_visible()
        since = re.compile(f"{account} internet-100 from ({days}|{today().date()})$")
        await expect(olga.get_by_role("region", name="Tariffs").get_by_text(since)).to_be_visible()
        await looks_well(olga, "connected")
    await network_has(desk, account, "active")
    async with office(browser, desk, has_phones=True) as people:
        await leaves(desk, people)
        olga = people[OLGA].page
        await olga.goto(f"{SUBSCRIBERS}/{NUMBER}")
        await expect(olga.get_by_role("heading", name=f"{NUMBER} Disconnected")).to_be_visible()
        items = olga.get_by_role("region", name="Tariffs")
        await expect(items.get_by_text(re.compile(f"to ({days}|{today().date()})$"))).to_be_visible()
        await expect(items.get_by_text("45.00 EUR")).to_contain_text("Equipment that was not given back")
        await expect(olga.get_by_text("€100.00")).to_be_visible()
        await looks_well(olga, "left")
    await network_has(desk, NUMBER, "disconnected")
