"""The desk's list of orders: what is due, paid and open, where each stands, and how long releases take."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.reviewers.users import Role
from orders.order import Buyer, ReleaseKind
from orders.ports import PAGE_ROWS
from tests.console.paying import Person, ann, desk, signed_in
from tests.console.people import Office
from tests.ordering import AT, LATER, cancel, halt, payment, request

__all__ = ["ann", "desk"]  # fixtures
ORDERS = "/desk/orders"
NOW = datetime.now(UTC)


def listed(page: str) -> list[str]:
    return re.findall(r"\b(o\d+)\b Bo", page)


async def opened(desk: Office, count: int = 4) -> None:
    for number in range(count):
        await desk.ledger.open_order(request(f"o{number}", 10_000 + number), AT + timedelta(minutes=number))


async def test_before_the_first_order_the_page_says_how_orders_come(ann: Person) -> None:
    page = await ann.page(ORDERS)
    assert "No orders yet" in page
    assert "POST /orders" in page
    assert "From payment to release" not in page


async def test_orders_are_listed_with_due_paid_and_difference(desk: Office, ann: Person) -> None:
    await opened(desk, 1)
    await desk.ledger.book(payment(4_000, number="o0"), LATER)
    page = await ann.page(ORDERS)
    assert "o0 Bo Añ · buyer Part paid €100.00 €40.00 €60.00" in page
    assert "Part paid 1" in page, "the strip counts the stages"


async def test_orders_are_found_by_stage_search_and_buyer(desk: Office, ann: Person) -> None:
    await opened(desk)
    other = Buyer(customer_id="zed", name="Bo <Zed>")
    await desk.ledger.open_order(request("o9", buyer=other), LATER)
    await desk.ledger.book(payment(10_000, number="o0"), LATER)
    await desk.ledger.change_order("o1", cancel(), LATER)
    await desk.ledger.change_order("o2", halt(), LATER)
    queries: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["o9", "o3", "o2", "o1", "o0"]),
        ({"search": "O3"}, ["o3"]),
        ({"search": "añ"}, ["o3", "o2", "o1", "o0"]),
        ({"customer": "zed"}, ["o9"]),
        ({"stage": "Halted"}, ["o2"]),
        ({"stage": "Released"}, ["o0"]),
        ({"stage": "nonsense", "page": "999999"}, []),
        ({"open": "1"}, ["o9", "o3", "o2", "o0"]),
        ({"open": "1", "stage": "Cancelled"}, []),
        ({"search": "%"}, []),
        ({"search": "x" * 5000}, []),
    ]
    for query, found in queries:
        assert listed(await ann.page(ORDERS, **query)) == found, query
    assert "No order matches" in await ann.page(ORDERS, search="nothing")
    assert "Bo <Zed>" in await ann.page(ORDERS), "shown as text, not as markup"


async def test_older_orders_are_a_page_away(desk: Office, ann: Person) -> None:
    await opened(desk, PAGE_ROWS + 2)
    assert listed(await ann.page(ORDERS))[0] == f"o{PAGE_ROWS + 1}"
    second = await ann.page(ORDERS, page="2")
    assert listed(second) == ["o1", "o0"]
    assert "101\N{EN DASH}102 of 102" in second
    assert "There is no page 3" in await ann.page(ORDERS, page="3")


async def test_the_plot_shows_half_and_almost_all_releases(desk: Office, ann: Person) -> None:
    paid_at = NOW - timedelta(hours=5)
    await desk.ledger.open_order(request("o0"), paid_at)
    assert "nothing was released in the last 7 days" in await ann.page(ORDERS)
    await desk.ledger.book(payment(10_000, number="o0"), paid_at)
    answered_at = paid_at + timedelta(seconds=1.5)
    await desk.ledger.note_answer("o0", ReleaseKind.PRODUCTION, True, "in the press", answered_at)
    page = await ann.page(ORDERS, days="1")
    assert "half took up to 1.5 s" in page
    assert "99% took up to 1.5 s" in page
    assert re.search(r"As a table .* 1 1\.5 s 1\.5 s 1\.5 s", page)


async def test_everybody_signed_in_sees_orders_and_nobody_else(desk: Office) -> None:
    await opened(desk, 1)
    async with signed_in(desk, "vic", Role.VIEWER) as vic:
        assert listed(await vic.page(ORDERS)) == ["o0"]
        vic.browser.cookies.clear()
        assert (await vic.browser.get(ORDERS)).status_code == 303


@pytest.mark.parametrize("path", [f"{ORDERS}/-/events", f"{ORDERS}/o0/events"])
async def test_an_open_page_is_told_that_something_has_changed(desk: Office, ann: Person, path: str) -> None:
    await opened(desk, 1)
    async with ann.browser.stream("GET", path) as answer:
        lines = answer.aiter_lines()
        first = await anext(line async for line in lines if line.startswith("data: "))
        await desk.ledger.book(payment(4_000, number="o0"), LATER)
        assert await anext(line async for line in lines if line.startswith("data: ")) != first
