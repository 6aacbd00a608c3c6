"""What people decide at a service order's page: halts, corrections, cancellations; and what is refused."""

from datetime import timedelta
from typing import Any

import pytest

from billing.reviewers.users import Role
from orders.changes import Cancel, Halt
from orders.service.service_order import ServiceStage
from tests.console.paying import Person, signed_in
from tests.console.people import Office
from tests.console.reviewing import fields
from tests.console.service_desk import ann, databases, desk, ledger, url, viewer
from tests.console.service_order_page import ORDER, install_photo, order
from tests.service_ordering import AT, CONNECT, LATER, YES, done, request, shown

__all__ = ["ann", "databases", "desk", "ledger", "order", "url"]  # fixtures
BY: dict[str, Any] = {"by": "eve", "via": "cli"}


async def form(person: Person, action: str) -> dict[str, Any]:
    return fields((await person.browser.get(ORDER)).text, f"{ORDER}/service/{action}")


async def send(person: Person, action: str, status: int = 303, **typed: Any) -> str:
    given = await form(person, action) | {"reason": "they asked"} | typed
    return await person.post(f"{ORDER}/service/{action}", given, status)


async def test_a_halted_order_waits_and_is_resumed(desk: Office, ann: Person) -> None:
    halting = await form(ann, "halt") | {"reason": "away until Monday"}
    for _ in range(2):  # a double click
        page = await ann.post(f"{ORDER}/service/halt", halting)
    assert "Done: halted." in page
    assert "Halted by ann: away until Monday" in page
    await done(desk.ledger, possible=YES)
    assert (await shown(desk.ledger)).order.step == "feasibility"
    assert "Done: resumed." in await send(ann, "resume")
    found = await shown(desk.ledger)
    assert found.order.step == "fee"
    assert [entry.what for entry in found.log] == ["opened", "halted", "resumed"]


async def test_what_a_halted_order_knows_is_corrected(desk: Office, ann: Person) -> None:
    assert "/service/correct" not in (await ann.browser.get(ORDER)).text
    await send(ann, "halt")
    page = await send(ann, "correct", 409, name="tariff", typed="internet-100")
    assert "Not done. Tariff is that already" in page
    assert "Done: corrected. Tariff: internet-500, and not internet-100" in await send(
        ann, "correct", name="tariff", typed="internet-500"
    )
    assert (await shown(desk.ledger)).order.values["tariff"] == "internet-500"


async def test_a_cancelled_order_says_what_follows_and_whose_decision_it_was(desk: Office, ann: Person) -> None:
    await done(desk.ledger, possible=YES)
    assert "It goes on with “Close the account”" in await ann.page(ORDER)
    page = await send(ann, "cancel", reason="they move <away>")
    assert "Done: cancelled." in page
    assert "Cancelled by ann: they move <away>" in page
    assert "Fee nothing to pay" in page
    assert (await shown(desk.ledger)).standing.stage is ServiceStage.CANCELLED
    assert 'aria-label="Actions"' not in (await ann.browser.get(ORDER)).text


async def test_a_cancellation_that_comes_too_late_is_refused_with_what_to_do_instead(desk: Office, ann: Person) -> None:
    cancelling = await form(ann, "cancel") | {"reason": "they have changed their mind"}
    until = {"cancel_until": "feasibility", "cancel_instead": "disconnect the account"}
    await desk.ledger.open_service_order(request("78"), CONNECT.evolve(**until), AT, "ann", "cli")
    late = "/desk/orders/78"
    await done(desk.ledger, "78", possible=YES)
    answer = await ann.browser.post(f"{late}/service/cancel", data=cancelling)
    assert answer.status_code == 409
    assert "can be cancelled up to feasibility (Feasibility); instead: disconnect the account" in answer.text
    assert 'value="they have changed their mind"' in answer.text
    page = await ann.page(late)
    assert "It cannot be cancelled any more" in page
    assert "Cancel the order" not in page
    assert (await shown(desk.ledger, "78")).order.step == "fee"


async def test_an_order_that_has_ended_is_reopened_while_its_procedure_allows_it(desk: Office, ann: Person) -> None:
    await install_photo(desk)
    now = (await shown(desk.ledger)).order.opened_at
    await done(desk.ledger, at=now + timedelta(days=3650))  # its end is in the future: it is young enough
    assert "The order goes on with “Install”" in await ann.page(ORDER)
    assert "Done: reopened." in await send(ann, "reopen", reason="it is slow again")
    assert (await shown(desk.ledger)).order.step == "install"


@pytest.mark.parametrize("action", ["halt", "cancel"])
@pytest.mark.parametrize("reason", ["", "   ", "x" * 1001])
async def test_without_a_reason_nothing_is_decided(desk: Office, ann: Person, action: str, reason: str) -> None:
    assert "Not done. Say why" in await send(ann, action, 422, reason=reason)
    assert [entry.what for entry in (await shown(desk.ledger)).log] == ["opened"]


async def test_a_decision_that_fits_no_more_is_refused(desk: Office, ann: Person) -> None:
    halting, resuming = await form(ann, "halt") | {"reason": "x"}, {"reason": "x"}
    assert "is not halted" in await ann.post(f"{ORDER}/service/resume", resuming, 409)
    await desk.ledger.change_service_order("77", Halt(change_id="h", reason="mine", **BY), LATER)
    assert "halted by eve: mine" in await ann.post(f"{ORDER}/service/halt", halting, 409)
    await desk.ledger.change_service_order("77", Cancel(change_id="c", reason="over", **BY), LATER)
    assert "is not reopened; open a new one" in await ann.post(f"{ORDER}/service/reopen", {"reason": "x"}, 409)


async def test_who_may_not_decide_sees_the_page_without_buttons(desk: Office) -> None:
    doors = [f"{ORDER}/service/{action}" for action in ("cancel", "halt", "resume", "reopen")]
    async with viewer(desk) as vic:
        assert 'aria-label="Actions"' not in (await vic.browser.get(ORDER)).text
        for door in doors:
            assert (await vic.browser.post(door, data={"reason": "x"})).status_code == 403
            assert (await vic.browser.get(door)).headers["location"] == ORDER
    async with signed_in(desk, "rob", Role.REVIEWER) as rob:
        assert "Cancel the order" not in await rob.page(ORDER)
        assert (await rob.browser.post(doors[0], data={"reason": "x"})).status_code == 403
        assert "Done: halted." in await send(rob, "halt")
    async with signed_in(desk, "karl", Role.STAFF) as karl:
        assert (await karl.browser.get(ORDER)).status_code == 403


async def test_what_is_no_service_order_is_said(ann: Person) -> None:
    for number in ("999", "x" * 300, "%2e%2e"):
        assert "There is no such order" in await ann.page(f"/desk/orders/{number}", 404)
        assert "no such order" in await ann.post(f"/desk/orders/{number}/service/halt", {"reason": "x"}, 404)
    assert "goes by a procedure" in await ann.post(f"{ORDER}/send-again", {"reason": "x"}, 404)
    assert "goes by a procedure" in await ann.page(f"{ORDER}/amend", 404)
