"""A service order's page, and the list that leads there: what they show of its way."""

from datetime import timedelta
from typing import Any

from billing.tasks.member import Member
from billing.texts.ports import TextLimits
from billing.texts.text import TextKind, TextRow, TextStatus
from sandbox.timeline import until
from services.messages.customer_texts import about_step, id_of_text
from tests.console.paying import Person
from tests.console.people import Office
from tests.console.reviewing import fields
from tests.console.service_desk import ann, databases, desk, ledger, url
from tests.console.service_order_page import ORDER, install_photo, order, with_photo
from tests.ordering import request as to_make
from tests.service_ordering import AT, LATER, YES, connected, done, opened, payment, request, shown, task_of

__all__ = ["ann", "databases", "desk", "ledger", "order", "url"]  # fixtures
TOLD = 6  # the step that tells that all is done, among those that were begun


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
