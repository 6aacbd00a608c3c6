"""A service order's page: what it shows of its way, and what people decide there."""

from datetime import timedelta
from typing import Any

import pytest

from billing.reviewers.users import Role
from billing.tasks.documents import NewDocument
from billing.tasks.member import Member
from billing.texts.ports import TextLimits
from billing.texts.text import TextKind, TextRow, TextStatus
from orders.changes import Cancel, Halt
from orders.procedures.procedure import Procedure
from orders.service.service_order import ServiceStage
from sandbox.timeline import until
from services.messages.customer_texts import about_step, id_of_text
from tests.console.paying import Person, signed_in
from tests.console.people import Office
from tests.console.reviewing import fields
from tests.console.service_desk import ann, databases, desk, ledger, url, viewer
from tests.contract.task_fixtures import JPEG, PHOTO
from tests.ordering import request as to_make
from tests.service_ordering import (
    AT,
    CONNECT,
    LATER,
    YES,
    connected,
    done,
    opened,
    payment,
    request,
    shown,
    task_of,
    with_tariff,
)

__all__ = ["ann", "databases", "desk", "ledger", "url"]  # fixtures
ORDER = "/desk/orders/77"
TOLD = 6  # the step that tells that all is done, among those that were begun
BY: dict[str, Any] = {"by": "eve", "via": "cli"}


def with_photo() -> Procedure:
    """Whoever installs takes a photo, and may open the order again."""
    install = CONNECT.step("install").evolve(form=(*CONNECT.step("install").form, PHOTO))  # type: ignore[union-attr]
    steps = tuple(install if step.name == "install" else step for step in CONNECT.steps)
    return CONNECT.evolve(steps=steps, reopens={"within": "5d", "step": "install"})


@pytest.fixture(autouse=True)
async def order(desk: Office) -> None:
    await with_tariff(desk.ledger)
    await desk.ledger.open_service_order(request(), with_photo(), AT, "ann", "cli")


async def form(person: Person, action: str) -> dict[str, Any]:
    return fields((await person.browser.get(ORDER)).text, f"{ORDER}/service/{action}")


async def send(person: Person, action: str, status: int = 303, **typed: Any) -> str:
    given = await form(person, action) | {"reason": "they asked"} | typed
    return await person.post(f"{ORDER}/service/{action}", given, status)


async def install_photo(desk: Office) -> None:
    """The fee is paid, and the crew has uploaded a photo."""
    await done(desk.ledger, possible=YES)
    await desk.ledger.book(payment(), LATER)
    task, crew = await task_of(desk.ledger), Member("karl", ("crew",))
    await desk.ledger.add_document(task.number, crew, NewDocument("photo", "box.jpg", JPEG), LATER)


# -- what it shows


async def test_the_page_says_who_what_where_and_whose_turn_it_is(desk: Office, ann: Person) -> None:
    page = await ann.page(ORDER)
    account = (await shown(desk.ledger)).order.account
    assert "Order 77 Connect a subscriber" in page
    assert f"Dana Añ dana Account {account} , ordered Abay Ave. 1 Call +77011234567" in page
    assert "Stands Awaiting task At Feasibility" in page
    assert "of operator: nobody has claimed it" in page
    assert "Tariff internet-100" in page
    assert "Opened by ann" in page
    raw = (await ann.browser.get(ORDER)).text
    task = await task_of(desk.ledger)
    for address in (f"/desk/tasks/{task.number}", "/desk/money/accounts/dana", f"/desk/subscribers/{account}"):
        assert f'href="{address}"' in raw
    assert "The order stands at: Feasibility." in raw, "the picture is read aloud"
    assert raw.count('class="box task here"') == 1


async def test_its_steps_say_who_has_done_what_and_how_long_it_took(desk: Office, ann: Person) -> None:
    await done(desk.ledger, possible=YES)
    page = await ann.page(ORDER)
    assert "Feasibility task: operator Done by of-operator after" in page
    assert "Possible yes" in page
    assert "Fee KZT 5,000.00 to pay" in page
    assert "money that names order 77 pays this fee" in page
    await desk.ledger.book(payment(), LATER + timedelta(days=1))
    page = await ann.page(ORDER)
    assert "Connection fee payment Settled after 1 d" in page
    assert "Paid by bank-app KZT 5,000.00 KZT 0.00 left to pay" in page
    crew = await task_of(desk.ledger)
    await desk.ledger.return_task(
        crew.number, Member("karl", ("crew",)), "feasibility", "no <free> port", LATER + timedelta(days=2)
    )
    page = await ann.page(ORDER)
    assert "Returned by karl after 1 d: no <free> port" in page
    assert page.count("Feasibility task: operator") == 2


async def test_a_fee_is_paid_from_the_page_and_the_order_goes_on(desk: Office, ann: Person) -> None:
    await done(desk.ledger, possible=YES)
    raw = (await ann.browser.get(ORDER)).text
    assert "/desk/money/record?customer=dana&amp;currency=kzt&amp;order=77" in raw
    answer = await ann.browser.get("/desk/money/record?customer=dana&currency=kzt&order=77")
    given = fields(answer.text, "/desk/money/record")
    assert given["order"] == "77"
    paid = {"rail": "transfer", "reference": "R-1", "amount": "5000", "reason": "statement"}
    await ann.post("/desk/money/record", given | paid)
    assert (await shown(desk.ledger)).order.step == "install"


async def test_files_are_shown_where_they_were_taken(desk: Office, ann: Person) -> None:
    await install_photo(desk)
    assert "box.jpg" in await ann.page(ORDER)
    await done(desk.ledger)
    raw = (await ann.browser.get(ORDER)).text
    assert "box.jpg" in raw
    task = (await shown(desk.ledger)).steps[2]
    assert task.step == "install"
    assert "Ended Connected" in await ann.page(ORDER)
    assert "/files/" in raw
    assert "Completed" in await ann.page(ORDER)


async def test_what_its_customer_was_told_stands_at_the_step(desk: Office, ann: Person) -> None:
    """The text is on record already, and is not repeated; the console mails by itself, though no server takes it."""
    row = TextRow(
        message_id=id_of_text(TextKind.CONNECTED, "dana", None, about_step("77", TOLD), "+77011234567"),
        kind=TextKind.CONNECTED, customer_id="dana", period=None, recipient="+77011234567", body="Connected",
        segments=1, cost_micros=1, currency="kzt", vendor="smsc", status=TextStatus.SENT,
        began_at=LATER, tried_at=LATER, at=LATER,
    )  # fmt: skip
    for each in (row.evolve(message_id="of something else"), row):
        await desk.ledger.begin_text(each, TextLimits(), LATER)
    await install_photo(desk)
    await done(desk.ledger)
    assert (await shown(desk.ledger)).steps[TOLD - 1].step == "told"

    async def is_on_record() -> bool:
        page = await ann.page(ORDER)
        assert page.count("SMS to +77011234567: sent 1 Dec 2026, 04:00") == 1
        return page.count("Mail to dana@example.com:") == 1

    await until(is_on_record, 60)


async def test_an_order_of_many_steps_is_shown(desk: Office, ann: Person) -> None:
    """Each return adds a step, and nobody is kept from returning again."""
    await install_photo(desk)
    for place in range(51):
        task = await task_of(desk.ledger)
        crew = Member("karl", ("crew",))
        await desk.ledger.return_task(task.number, crew, "feasibility", "again", LATER + timedelta(minutes=place))
        await done(desk.ledger, at=LATER + timedelta(minutes=place), possible=YES)
    assert (await ann.page(ORDER)).count("Returned by karl") == 51


async def test_a_halt_of_the_application_says_what_to_put_right(desk: Office, ann: Person) -> None:
    await desk.ledger.open_service_order(
        request("78", values={"tariff": "no-such-tariff"}), with_photo(), AT, "ann", "cli"
    )
    await done(desk.ledger, "78", possible=YES)
    await desk.ledger.book(payment(reference="two"), LATER)
    await done(desk.ledger, "78")
    page = await ann.page("/desk/orders/78")
    assert "Halted by the application" in page
    assert "Put it right, then resume" in page


# -- what people decide


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


async def test_fees_lead_from_the_account_to_the_order(desk: Office, ann: Person) -> None:
    await done(desk.ledger, possible=YES)
    assert f'href="{ORDER}"' in (await ann.browser.get("/desk/money/accounts/dana")).text


async def test_an_open_page_hears_of_each_step_and_of_whose_the_task_is(desk: Office, ann: Person) -> None:
    async def pulse() -> str:
        async with ann.browser.stream("GET", f"{ORDER}/events") as events:
            async for line in events.aiter_lines():
                if line.startswith("data: "):
                    return line
        raise AssertionError("nothing was told")

    first = await pulse()
    await desk.ledger.claim_task((await task_of(desk.ledger)).number, Member("kate", ("operator",)), LATER)
    second = await pulse()
    assert first != second
    assert "kate has it" in await ann.page(ORDER)


# -- the list


async def test_orders_are_found_by_number_customer_step_and_stage(desk: Office, ann: Person) -> None:
    await opened(desk.ledger, number="78")
    await done(desk.ledger, "78", possible=YES)
    queries: list[tuple[dict[str, Any], set[str]]] = [
        ({}, {"77", "78"}),
        ({"kind": "service"}, {"77", "78"}),
        ({"kind": "service", "search": "8"}, {"78"}),
        ({"search": "añ"}, {"77", "78"}),
        ({"customer": "dana"}, {"77", "78"}),
        ({"kind": "service", "at": "connect.fee"}, {"78"}),
        ({"kind": "service", "at": "connect"}, {"77", "78"}),
        ({"kind": "service", "at": "<b>.x.y"}, set()),
        ({"kind": "service", "stage": "AwaitingPayment"}, {"78"}),
        ({"kind": "service", "stage": "nonsense"}, {"77", "78"}),
        ({"kind": "service", "page": "7"}, set()),
        ({"kind": "made"}, set()),
    ]
    for query, numbers in queries:
        raw = (await ann.browser.get("/desk/orders", params=query)).text
        assert {number for number in ("77", "78") if f'href="/desk/orders/{number}"' in raw} == numbers, query
    assert "Connection fee" in await ann.page("/desk/orders", kind="service", at="connect.fee")
    assert "To make 0 By procedure" in await ann.page("/desk/orders", kind="service")


async def test_both_lists_say_how_many_match_in_the_other(desk: Office, ann: Person) -> None:
    await desk.ledger.open_order(to_make("1077"), AT)
    assert "To make By procedure 1" in await ann.page("/desk/orders", search="77")
    assert "To make 1 By procedure" in await ann.page("/desk/orders", search="77", kind="service")
    assert "By procedure 1" in await ann.page("/desk/orders")
    assert "77 Dana Añ · dana Connect a subscriber" in await ann.page("/desk/orders", customer="dana")


async def test_an_account_names_its_open_orders(desk: Office, ann: Person) -> None:
    account = await connected(desk.ledger, "79")
    page = await ann.page(f"/desk/subscribers/{account}")
    assert "Open orders 77 Connect a subscriber Feasibility" in page
