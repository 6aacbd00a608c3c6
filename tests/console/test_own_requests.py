"""Requests that customers write on a page of their own: theirs only, once each, and with the answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.customers.own_requests import OPEN_MAX, TEXT_MAX
from console.web.throttle import CUSTOMER_TRIES_MAX
from orders.changes import Cancel
from orders.order import Buyer
from orders.service.ports import ServiceFilter, ServiceShown
from tests.console.paying import Person, announced
from tests.console.people import Office
from tests.console.reviewing import fields
from tests.console.service_desk import ann, customer, databases, desk, ledger, own_page, url
from tests.contract.procedure_fixtures import asking_for
from tests.service_ordering import AT, CONNECT, LATER, connected, done, request

__all__ = ["ann", "databases", "desk", "ledger", "url"]  # fixtures
TYPED = {"category": "No connection", "text": "The lamp is <red>\r\nsince Monday"}


def path_of(page: str) -> str:
    return "/pay/" + page.partition("/pay/")[2] + "/requests"


@pytest.fixture
async def account(desk: Office) -> str:
    return await connected(desk.ledger)


@pytest.fixture
def path(desk: Office, account: str) -> str:
    return path_of(own_page(desk))


async def form(person: Person, path: str) -> dict[str, Any]:
    return fields((await person.browser.get(path)).text, path)


async def requests(desk: Office) -> list[ServiceShown]:
    rows = (await desk.ledger.service_orders(ServiceFilter(procedure="request"))).rows
    found = [await desk.ledger.service_order(row.standing.number) for row in rows]
    return [each for each in found if each]


async def test_a_request_is_one_order_however_often_it_is_sent(desk: Office, account: str, path: str) -> None:
    async with customer(desk) as dana:
        given = await form(dana, path) | TYPED
        for _ in range(3):
            page = await dana.post(path, given)
            assert "Thank you, we have your request" in page
        (shown,) = await requests(desk)
        assert shown.order.number in page
        assert "No connection we are on it" in page
        assert "The lamp is <red> since Monday" in page
    order = shown.order
    assert (order.customer_id, order.account, order.opened_by) == ("dana", account, "the customer")
    assert order.values["text"] == "The lamp is <red>\nsince Monday"
    assert order.step == "repair"
    assert shown.log[0].via == "customer"


async def test_other_words_and_another_form_are_another_order(desk: Office, path: str) -> None:
    async with customer(desk) as dana:
        given = await form(dana, path) | TYPED
        await dana.post(path, given)
        await dana.post(path, given | {"text": "and the line is slow"})  # back, and on
        await dana.post(path, await form(dana, path) | TYPED)
    assert len(await requests(desk)) == 3


async def test_the_answer_stands_on_the_page(desk: Office, path: str) -> None:
    async with customer(desk) as dana:
        await dana.post(path, await form(dana, path) | TYPED)
        (shown,) = await requests(desk)
        number = shown.order.number
        assert "Our answer" not in await dana.page(path)
        await done(desk.ledger, number, datetime.now(UTC), answer="A cable was <cut>; it works again")
        page = await dana.page(path)
        assert "No connection answered" in page
        assert "Our answer A cable was <cut>; it works again" in page
        await dana.post(path, await form(dana, path) | TYPED | {"category": "Contract"})
        other = next(each.order.number for each in await requests(desk) if each.order.number != number)
        undo = Cancel(change_id="c", by="eve", via="cli", reason="written twice")
        await desk.ledger.change_service_order(other, undo, datetime.now(UTC))
        page = await dana.page(path)
        assert "Contract withdrawn" in page
        assert "written twice" not in page, "what people say among themselves"


async def test_an_answer_of_yes_or_no_stands_there_in_words(desk: Office, account: str, path: str) -> None:
    values = {"category": "No connection", "text": "Help"}
    wanted = request("80", procedure="request", account=account, buyer=None, subscriber=None, values=values)
    await desk.ledger.open_service_order(wanted, asking_for("yes_no"), LATER)
    await done(desk.ledger, "80", LATER, answer="no")
    async with customer(desk) as dana:
        assert "Our answer no" in await dana.page(path)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"text": ""}, "Please write a few words"),
        ({"text": " \r\n "}, "Please write a few words"),
        ({"text": "x" * (TEXT_MAX + 1)}, "Please write 1,000 characters at most; these are 1,001"),
        ({"category": "Weather"}, "Please choose what it is about"),
        ({"category": ""}, "Please choose what it is about"),
        ({"account": "2000008"}, "Please choose one of your accounts"),
        ({"account": "<b>"}, "Please choose one of your accounts"),
        ({"account": ""}, "Please choose one of your accounts"),
    ],
)
async def test_what_is_missing_is_said_and_the_rest_is_kept(
    desk: Office, path: str, typed: dict[str, str], said: str
) -> None:
    async with customer(desk) as dana:
        given = await form(dana, path) | TYPED | typed
        answer = await dana.browser.post(path, data=given)
        assert answer.status_code == 422
        assert said in await dana.post(path, given, 422)
        assert fields(answer.text, path)["form_id"] == given["form_id"]
        if "text" not in typed:
            assert "The lamp is &lt;red&gt;\nsince Monday</textarea>" in answer.text
    assert await requests(desk) == []


async def test_an_account_of_somebody_else_is_none_of_theirs(desk: Office, path: str) -> None:
    zed = Buyer(customer_id="zed", name="Zed")
    other = await desk.ledger.open_service_order(request("99", buyer=zed), CONNECT, AT)
    async with customer(desk) as dana:
        given = await form(dana, path) | TYPED | {"account": other.account}
        assert "Please choose one of your accounts" in await dana.post(path, given, 422)
        assert str(other.account) not in await dana.page(path)
    assert await requests(desk) == []


async def test_whoever_writes_too_often_is_slowed_down(desk: Office, path: str) -> None:
    async with customer(desk) as dana:
        given = await form(dana, path) | TYPED
        for place in range(CUSTOMER_TRIES_MAX):
            await dana.post(path, given | {"text": f"again {place}"})
        assert "Too many tries" in await dana.post(path, given | {"text": "once more"}, 429)
        assert "Your requests" in await dana.page(path), "reading is free"
    assert len(await requests(desk)) == CUSTOMER_TRIES_MAX


async def test_with_many_open_requests_no_more_are_taken_but_a_repeat_is_answered(
    desk: Office, account: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.web.throttle.CUSTOMER_TRIES_MAX", 1000)
    async with customer(desk) as dana:
        given = await form(dana, path) | TYPED
        for place in range(OPEN_MAX):
            await dana.post(path, given | {"text": f"number {place}"})
        assert "We are working on 20 requests of yours" in await dana.post(path, given, 409)
        await dana.post(path, given | {"text": "number 3"})
    assert len(await requests(desk)) == OPEN_MAX


async def test_a_link_that_is_cut_off_or_too_old_opens_nothing(desk: Office, path: str) -> None:
    expired = path_of(own_page(desk, until=datetime.now(UTC) - timedelta(days=1)))
    async with customer(desk) as stranger:
        for wrong, status in ((path.replace("dana", "zed"), 404), ("/pay/x/requests", 404), (expired, 410)):
            assert (await stranger.browser.get(wrong)).status_code == status
            assert (await stranger.browser.post(wrong, data=TYPED)).status_code == status
        elsewhere = {"sec-fetch-site": "cross-site"}
        assert (await stranger.browser.post(path, data=TYPED, headers=elsewhere)).status_code == 403
        assert (await stranger.browser.post(path, data=TYPED | {"text": "x" * 20_000})).status_code == 413
    assert await requests(desk) == []


async def test_who_has_no_account_is_not_asked(desk: Office) -> None:
    await desk.ledger.record(announced(), AT)
    async with customer(desk) as acme:
        assert (await acme.browser.get(path_of(own_page(desk, "acme")))).status_code == 404


async def test_operators_see_what_was_written(desk: Office, ann: Person, path: str) -> None:
    async with customer(desk) as dana:
        await dana.post(path, await form(dana, path) | TYPED)
    (shown,) = await requests(desk)
    page = await ann.page(f"/desk/orders/{shown.order.number}")
    assert "Answer a request" in page
    assert "by the customer" in page
    assert "The lamp is <red> since Monday" in page
