"""An order's page: what it shows, and what people do there."""

import re
from typing import Any

import httpx
import pytest

from billing.receivables.incoming import PaymentKind
from billing.reviewers.users import Role
from orders.order import OrderStage, OrderStanding, ReleaseKind
from tests.console.paying import MONEY, Person, ann, desk, signed_in
from tests.console.people import Office
from tests.console.reviewing import fields, readable
from tests.ordering import AT, LATER, amend, back, cancel, halt, log_of, payment, request

__all__ = ["ann", "desk"]  # fixtures
ORDER = "/desk/orders/1042"


@pytest.fixture(autouse=True)
async def order(desk: Office) -> None:
    await desk.ledger.open_order(request(), AT)


async def standing(desk: Office) -> OrderStanding:
    found = await desk.ledger.order("1042")
    assert found is not None
    return found


async def form(person: Person, action: str) -> dict[str, Any]:
    path = f"{ORDER}/amend" if action == "amend" else ORDER
    return fields((await person.browser.get(path)).text, f"{ORDER}/{action}")


async def send(person: Person, action: str, status: int = 303, **typed: Any) -> str:
    """Fills in a form on the order's page and sends it; the page that it leads to."""
    given = await form(person, action) | {"reason": "the buyer asked"} | typed
    return await person.post(f"{ORDER}/{action}", given, status)


# -- what it shows


async def test_the_page_says_what_is_missing(desk: Office, ann: Person) -> None:
    page = await ann.page(ORDER)
    assert "Due €100.00 Paid €0.00 Difference €100.00" in page
    assert "€100.00 more, and production begins" in page
    await desk.ledger.book(payment(4_000), LATER)
    page = await ann.page(ORDER)
    assert "€60.00 more, and production begins" in page
    assert "Paid one transfer" in page


async def test_payment_and_order_link_to_each_other(desk: Office, ann: Person) -> None:
    await desk.ledger.book(payment(4_000), LATER)
    page = (await ann.browser.get(ORDER)).text
    address = re.search(r'href="(/desk/money/payment\?[^"]*)"', page)
    assert address is not None
    of_payment = (await ann.browser.get(address[1].replace("&amp;", "&"))).text
    assert f'href="{ORDER}"' in of_payment
    account = (await ann.browser.get(f"{MONEY}/accounts/buyer")).text
    assert f'href="{ORDER}"' in account
    assert "a buyer, not billed monthly" in readable(account)


async def test_a_release_is_shown_with_productions_answer(desk: Office, ann: Person) -> None:
    await desk.ledger.book(payment(10_000), LATER)
    page = await ann.page(ORDER)
    assert "Production has not answered yet" in page
    assert "Make and ship it version 1 not answered yet €0.00 outstanding at that moment" in page
    await desk.ledger.note_answer("1042", ReleaseKind.PRODUCTION, True, "job 7 <b>", LATER)
    page = await ann.page(ORDER)
    assert "job 7 <b>" in page
    assert "Fulfilled" in page


async def test_an_order_that_is_paid_under_the_brake_says_what_it_waits_for(desk: Office, ann: Person) -> None:
    await desk.ledger.pull_brake("eve", "wrong file", "cli", LATER)
    await desk.ledger.book(payment(10_000), LATER)
    page = await ann.page(ORDER)
    assert "Awaiting release" in page
    assert "released once the emergency brake is off" in page
    assert "Cancel the order" in page, "nothing is released yet"


async def test_money_that_goes_back_after_the_release_is_owed_again(desk: Office, ann: Person) -> None:
    paid = payment(10_000)
    await desk.ledger.book(paid, LATER)
    await desk.ledger.book(back(10_000, paid, PaymentKind.CHARGEBACK), LATER)
    page = await ann.page(ORDER)
    assert "Difference €100.00" in page
    assert "Taken back" in page
    assert "Make and ship it" in page, "what is released stays released"


async def test_earlier_versions_and_credit_stay_readable(desk: Office, ann: Person) -> None:
    await desk.ledger.book(payment(4_000), LATER)
    await desk.ledger.change_order("1042", halt(), LATER)
    await desk.ledger.change_order("1042", amend(3_000), LATER)
    page = await ann.page(ORDER)
    assert "version 2" in page
    assert "Version 1, €100.00" in page
    assert "€10.00 that came for this order are credit of buyer" in page
    assert "Halted by ann: the buyer asked" in page


async def test_an_order_that_is_not_there_is_said(ann: Person) -> None:
    for number in ("9999", "x" * 300, "%2e%2e"):
        assert "There is no such order" in await ann.page(f"/desk/orders/{number}", 404)


# -- what people do


async def test_a_halted_order_is_resumed_and_released_at_once(desk: Office, ann: Person) -> None:
    assert "Done: halted." in await send(ann, "halt")
    await desk.ledger.book(payment(10_000), LATER)
    page = await ann.page(ORDER)
    assert "Nothing more is released until somebody resumes" in page
    assert "Done: resumed." in await send(ann, "resume")
    assert (await standing(desk)).stage is OrderStage.RELEASED


async def test_a_double_click_takes_effect_once(desk: Office, ann: Person) -> None:
    given = await form(ann, "halt") | {"reason": "look"}
    for _ in range(2):
        assert "Done: halted." in await ann.post(f"{ORDER}/halt", given)
    assert (await log_of(desk.ledger)).count("halted") == 1


@pytest.mark.parametrize("refund", ["", "1"])
async def test_an_order_is_cancelled_with_its_money(desk: Office, ann: Person, refund: str) -> None:
    await desk.ledger.book(payment(4_000), LATER)
    page = await send(ann, "cancel", refund=refund)
    assert "Done: cancelled." in page
    assert "Cancelled by ann: the buyer asked" in page
    assert ("To give back €40.00 of one by hand" in page) is bool(refund)
    end = (await standing(desk)).order.end
    assert end is not None
    assert end.by == "ann"


async def test_a_rejected_release_is_sent_again(desk: Office, ann: Person) -> None:
    await desk.ledger.book(payment(10_000), LATER)
    await desk.ledger.note_answer("1042", ReleaseKind.PRODUCTION, False, "410: no such press", LATER)
    page = await ann.page(ORDER)
    assert "Production has refused a release for good" in page
    assert "410: no such press" in page
    assert "Done: sent again." in await send(ann, "send-again")


async def test_an_amendment_is_a_new_version(desk: Office, ann: Person) -> None:
    page = await send(ann, "amend", description=["Sign", "Pole"], quantity=["2", ""], amount=["120", "5.50"])
    assert "Done: amended." in page
    found = await standing(desk)
    assert (found.order.version, found.owed_minor) == (2, 12_550)
    assert [line.quantity for line in found.order.agreed.lines] == [2, 1]


async def test_an_amendment_of_an_older_version_is_refused_and_kept(desk: Office, ann: Person) -> None:
    given = await form(ann, "amend") | {"reason": "one more", "description": "Sign, red", "amount": "77"}
    await desk.ledger.change_order("1042", amend(5_000), LATER)
    answer = await ann.browser.post(f"{ORDER}/amend", data=given)
    assert answer.status_code == 409
    page = readable(answer.text)
    assert "Version 2 is current, you saw version 1" in page
    assert 'value="Sign, red"' in answer.text
    kept = fields(answer.text, f"{ORDER}/amend") | {"description": "Sign, red", "quantity": "", "amount": "77"}
    assert "Done: amended." in await ann.post(f"{ORDER}/amend", kept)
    assert (await standing(desk)).owed_minor == 7_700


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"amount": "-1"}, "Correct the marked lines"),
        ({"amount": "12,50"}, "12,50"),
        ({"quantity": "0"}, "quantity"),
        ({"amount": "0"}, "The price is 0.00 EUR"),
        ({"description": ""}, "enter a description"),
        ({"file_digest": "no digest"}, "64 digits"),
        ({"deposit": "200"}, "whole number from 1 to 99"),
        ({"reason": ""}, "Say why"),
        ({"reason": "x" * 2000}, "Say why"),
    ],
)
async def test_what_cannot_be_agreed_is_said_and_kept(
    desk: Office, ann: Person, typed: dict[str, str], said: str
) -> None:
    given = {"description": "Sign", "quantity": "1", "amount": "50"} | typed
    page = await send(ann, "amend", 422, **given)
    assert "Not saved." in page
    assert said in page
    assert (await standing(desk)).order.version == 1


@pytest.mark.parametrize("action", ["halt", "cancel"])
@pytest.mark.parametrize("reason", ["", "   ", "x" * 1001])
async def test_without_a_reason_nothing_is_done(desk: Office, ann: Person, action: str, reason: str) -> None:
    page = await send(ann, action, 422, reason=reason)
    assert "Not done. Say why" in page
    assert await log_of(desk.ledger) == ["opened"]


async def test_what_comes_too_late_is_refused_with_what_was_typed(desk: Office, ann: Person) -> None:
    given = await form(ann, "cancel") | {"reason": "changed their mind"}
    await desk.ledger.book(payment(10_000), LATER)
    answer = await ann.browser.post(f"{ORDER}/cancel", data=given)
    assert answer.status_code == 409
    assert "was released already" in readable(answer.text)
    assert 'value="changed their mind"' in answer.text
    page = await ann.page(ORDER)
    assert "Amend" not in page
    assert "Cancel the order" not in page
    assert "It cannot be amended" not in await ann.page(ORDER)
    assert (await ann.browser.get(f"{ORDER}/amend")).status_code == 303


async def test_nothing_is_offered_once_an_order_has_ended(desk: Office, ann: Person) -> None:
    await desk.ledger.change_order("1042", cancel(), LATER)
    page = (await ann.browser.get(ORDER)).text
    assert 'aria-label="Actions"' not in page
    await desk.ledger.book(payment(10_000), LATER)
    page = await ann.page(ORDER)
    assert "€100.00 that came for this order are credit of buyer" in page


async def test_who_may_not_sees_but_does_not_act(desk: Office) -> None:
    posts = [f"{ORDER}/{action}" for action in ("amend", "cancel", "halt", "resume", "send-again")]
    async with signed_in(desk, "vic", Role.VIEWER) as vic:
        assert 'aria-label="Actions"' not in (await vic.browser.get(ORDER)).text
        for path in posts:
            assert (await vic.browser.post(path, data={"reason": "x"})).status_code == 403
    async with signed_in(desk, "rob", Role.REVIEWER) as rob:
        page = await rob.page(ORDER)
        assert "Halt" in page
        assert "Cancel the order" not in page
        assert (await rob.browser.post(f"{ORDER}/cancel", data={"reason": "x"})).status_code == 403
        assert "Done: halted." in await send(rob, "halt")
        del rob.browser.headers["X-CSRF-Token"]
        assert (await rob.browser.post(f"{ORDER}/resume", data={"reason": "x"})).status_code == 403
    assert await log_of(desk.ledger) == ["opened", "halted"]


async def test_an_actions_own_address_leads_back_to_the_page(ann: Person) -> None:
    for action in ("cancel", "halt", "resume", "send-again"):
        answer: httpx.Response = await ann.browser.get(f"{ORDER}/{action}")
        assert (answer.status_code, answer.headers["location"]) == (303, ORDER)
