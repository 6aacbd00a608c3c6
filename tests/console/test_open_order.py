"""The form that opens an order: made of what the procedure asks for, sent twice, and sent with what cannot be."""

from typing import Any

import pytest

from billing.reviewers.users import Role
from orders.service.ports import ServiceFilter
from orders.service.service_order import ServiceStanding
from tests.console.paying import Person, signed_in
from tests.console.people import Office
from tests.console.reviewing import fields
from tests.console.service_desk import ann, databases, desk, ledger, url, viewer
from tests.service_ordering import connected, with_tariff
from tests.unit.test_account_numbers import PERSONAL

__all__ = ["ann", "databases", "desk", "ledger", "url"]  # fixtures
PROCEDURES = "/desk/procedures"
DANA = {
    "customer": "dora",
    "name": "Dora <B>",
    "phone": "+77017654321",
    "address": "Abay Ave. 2",
    "tariff": "internet-100",
}
REQUEST = {"category": "No connection", "text": "the lamp is red"}


@pytest.fixture(autouse=True)
async def tariff(desk: Office) -> None:
    await with_tariff(desk.ledger)


def door(procedure: str) -> str:
    return f"{PROCEDURES}/{procedure}/open"


async def form(person: Person, procedure: str, query: str = "") -> dict[str, Any]:
    """What stands in the form when it has just been loaded; currency and zone are those of who is new in a sandbox."""
    answer = await person.browser.get(f"{door(procedure)}{query}")
    assert answer.status_code == 200, answer.text
    return fields(answer.text, door(procedure))


async def orders(desk: Office) -> list[ServiceStanding]:
    return [row.standing for row in (await desk.ledger.service_orders(ServiceFilter())).rows]


async def test_a_subscriber_is_connected_by_the_form_once(desk: Office, ann: Person) -> None:
    given = await form(ann, "connect") | DANA
    for _ in range(2):
        page = await ann.post(door("connect"), given)
        assert "Done: opened." in page
        assert "Dora <B> dora" in page
        assert "+77017654321" in page
    (order,) = await orders(desk)
    assert (order.procedure, order.step, order.customer_id) == ("connect", "feasibility", "dora")
    (service,) = await desk.ledger.services_of("dora")
    assert service.address == "Abay Ave. 2"
    assert 'href="/desk/procedures/connect/open"' in (await ann.browser.get("/desk/subscribers")).text


async def test_the_number_of_ones_own_system_names_the_order(desk: Office, ann: Person) -> None:
    given = await form(ann, "connect") | DANA | {"number": "CRM-77"}
    assert "Order CRM-77" in await ann.post(door("connect"), given)
    other = await form(ann, "connect") | DANA | {"number": "CRM-77", "phone": "+77010000000"}
    assert "Order CRM-77 is another order already" in await ann.post(door("connect"), other, 409)
    assert len(await orders(desk)) == 1


@pytest.mark.parametrize(
    ("procedure", "typed"),
    [
        ("change_tariff", {"tariff": "internet-100"}),
        ("disconnect", {"date": "2030-12-24", "text": "they move"}),
        ("request", REQUEST),
    ],
)
async def test_the_page_of_a_subscriber_leads_to_a_form_that_knows_the_account(
    desk: Office, ann: Person, procedure: str, typed: dict[str, str]
) -> None:
    account = await connected(desk.ledger)
    subscriber = (await ann.browser.get(f"/desk/subscribers/{account}")).text
    query = f"?account={account}"
    assert f'href="{door(procedure)}{query}"' in subscriber
    given = await form(ann, procedure, query)
    assert given["account"] == account
    assert "Done: opened." in await ann.post(door(procedure), given | typed)
    assert [order.procedure for order in await orders(desk)].count(procedure) == 1


async def test_who_is_known_need_not_be_typed_again(desk: Office, ann: Person) -> None:
    account = await connected(desk.ledger)
    assert f'href="{door("connect")}?customer=dana"' in (await ann.browser.get(f"/desk/subscribers/{account}")).text
    given = await form(ann, "connect", "?customer=dana")
    assert (given["customer"], given["name"], given["email"]) == ("dana", "Dana Añ", "dana@example.com")


@pytest.mark.parametrize(
    ("procedure", "typed", "said"),
    [
        ("request", {"category": ""}, "What is it about? is missing"),
        ("request", {"category": "Weather"}, "none of: No connection"),
        ("request", {"text": "x" * 2001}, "the text has 2,001 characters; at most 2,000 are taken"),
        ("request", {"account": ""}, "Account is missing"),
        ("request", {"account": "1000008"}, "is no account number"),
        ("request", {"account": "<b>"}, "is no account number"),
        ("request", {"number": "no number!"}, "order number: 'no number!' is none; write up to 60 letters"),
        ("disconnect", {"date": "tomorrow"}, "'tomorrow' is no day; write it like 2026-12-24"),
        ("connect", DANA | {"tariff": ""}, "Tariff is missing"),
        ("connect", DANA | {"customer": ""}, "Who is connected is missing"),
        ("connect", DANA | {"customer": "No Id"}, "customer: 'No Id' is no id; write small letters"),
        ("connect", DANA | {"phone": "call me"}, "phone: "),
        ("connect", DANA | {"personal_number": "123"}, "personal_number: "),
        ("connect", DANA | {"new_account": "123"}, "number: "),
        ("connect", DANA | {"email": "nobody"}, "email: "),
    ],
)
async def test_what_cannot_be_opened_is_said_and_kept(
    desk: Office, ann: Person, procedure: str, typed: dict[str, str], said: str
) -> None:
    account = await connected(desk.ledger)
    before = len(await orders(desk))
    given = await form(ann, procedure) | {"account": account, **REQUEST, **typed}
    answer = await ann.browser.post(door(procedure), data=given)
    assert answer.status_code == 422, answer.text
    page = await ann.post(door(procedure), given, 422)
    assert "Not opened." in page
    assert said.lower() in page.lower()
    assert len(await orders(desk)) == before
    kept = fields(answer.text, door(procedure))
    assert kept["change_id"] == given["change_id"]
    if "email" in typed:
        assert kept["email"] == typed["email"]


async def test_a_personal_number_is_kept_by_its_last_digits_and_not_shown_again(desk: Office, ann: Person) -> None:
    given = await form(ann, "connect") | DANA
    for typed in ({"personal_number": f"{PERSONAL[:-1]}8"}, {"personal_number": PERSONAL, "phone": "call me"}):
        answer = await ann.browser.post(door("connect"), data=given | typed)
        assert answer.status_code == 422
        assert PERSONAL[:-1] not in answer.text
        assert "Type it again: 12 digits" in answer.text
    assert "Done: opened." in await ann.post(door("connect"), given | {"personal_number": PERSONAL})
    kept = await desk.ledger.personal_number("dora")
    assert kept is not None
    assert kept.last_four == PERSONAL[-4:]
    (order,) = await orders(desk)
    for page in (f"/desk/orders/{order.number}", "/desk/subscribers", f"{door('connect')}?personal_number={PERSONAL}"):
        assert PERSONAL not in (await ann.browser.get(page)).text


async def test_an_account_that_nobody_has_is_refused(desk: Office, ann: Person) -> None:
    given = await form(ann, "request") | REQUEST | {"account": "2000008"}
    assert "There is no service account 2000008" in await ann.post(door("request"), given, 409)


async def test_a_procedure_that_is_not_there_is_said(ann: Person) -> None:
    assert "There is no such procedure" in await ann.page(door("nothing"), 404)
    assert "There is no such procedure" in await ann.post(door("%3Cb%3E"), {"account": "1"}, 404)


async def test_who_only_looks_opens_nothing(desk: Office) -> None:
    async with viewer(desk) as vic:
        assert (await vic.browser.get(door("request"))).status_code == 403
        assert (await vic.browser.post(door("request"), data=REQUEST)).status_code == 403
        assert "/open" not in (await vic.browser.get("/desk/procedures/request")).text
        account = await connected(desk.ledger)
        assert "/open" not in (await vic.browser.get(f"/desk/subscribers/{account}")).text
    async with signed_in(desk, "karl", Role.STAFF) as karl:
        assert (await karl.browser.get(door("request"))).status_code == 403
