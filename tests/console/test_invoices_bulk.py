"""One decision about many invoices, on running months: bound to what was seen, answered row by row, done once."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from billing.commands import Halt, Resume, parse_command
from billing.customers.customer import ReviewMode, Terms
from billing.invoices.commands import COMMANDS
from billing.invoices.month import Month
from billing.period import Period
from billing.reviewers.users import Role
from tests.bed import OCTOBER, Bed
from tests.console.conftest import console
from tests.console.people import signed_in_at

LIST = f"/desk/{OCTOBER}/invoices"
BULK = f"/desk/{OCTOBER}/bulk"
APPROVED = Terms(review_mode=ReviewMode.APPROVE)


@pytest.fixture
async def browser(bed: Bed) -> AsyncIterator[httpx.AsyncClient]:
    """Of an approver, at a console beside the bed."""
    async with (
        console(bed) as desk,
        signed_in_at(desk.links.base_url, bed.ledger, "cleo", Role.APPROVER) as opened,
    ):
        yield opened


async def monitored(bed: Bed, *names: str, **fields: Any) -> None:
    """Customers in the monitoring window, each with one sale."""
    people = [await bed.customer(name, **fields) for name in names]
    bed.sales(OCTOBER, *((each.mailbox, "100", "Tea") for each in people))
    for each in people:
        await bed.start(each, OCTOBER)
    for each in people:
        await bed.drafted(each.customer_id, OCTOBER)
        await bed.recorded(each.customer_id, OCTOBER)


async def until_recorded(bed: Bed, customer_id: str, version: int) -> Month:
    async with asyncio.timeout(60):
        while True:
            month = await bed.ledger.month(customer_id, Period(OCTOBER))
            if month is not None and month.invoice is not None and month.invoice.version == version:
                return month
            await asyncio.sleep(0.02)


async def halted_on_record(bed: Bed, *names: str) -> None:
    """Until the list can show it: the answer to a command comes before its record."""
    async with asyncio.timeout(60):
        while not all([(await bed.recorded(name, OCTOBER)).halt for name in names]):
            await asyncio.sleep(0.02)


async def rows(browser: httpx.AsyncClient) -> list[str]:
    """What the tick boxes of the list carry."""
    return re.findall(r'name="row" value="([^"]+)"', (await browser.get(LIST)).text)


async def confirmed(browser: httpx.AsyncClient, action: str, **fields: Any) -> dict[str, str]:
    """The form that comes after the selection, with a reason filled in."""
    page = await browser.post(LIST, data={"action": action, **fields})
    assert page.status_code == 200, page.text
    form = {
        name: match[1]
        for name in ("action", "submission", "back", "csrf")
        if (match := re.search(rf'name="{name}" value="([^"]*)"', page.text))
    }
    listed = re.search(r'<textarea name="rows" hidden>([^<]*)<', page.text)
    assert listed
    return {**form, "rows": listed[1], "reason": "as agreed"}


async def streamed(browser: httpx.AsyncClient, form: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The answers by customer, as the script reads them."""
    answer = await browser.post(BULK, data=form, headers={"Accept": "application/x-ndjson"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert len({line["customer_id"] for line in lines}) == len(lines)
    return {line["customer_id"]: line for line in lines}


async def test_a_selection_is_halted_and_resumed_row_by_row(bed: Bed, browser: httpx.AsyncClient) -> None:
    await monitored(bed, "acme", "bolt", "coal")
    ticked = [row for row in await rows(browser) if not row.startswith("coal")]
    outcomes = await streamed(browser, await confirmed(browser, "halt", row=ticked))
    assert {name: each["accepted"] for name, each in outcomes.items()} == {"acme": True, "bolt": True}
    assert "halted" in outcomes["acme"]["result"]
    assert outcomes["acme"]["name"] == "Acme"
    month = await bed.month("acme")
    assert month.halt is not None
    assert (month.halt.by, month.halt.reason) == ("cleo", "as agreed")
    assert (await bed.month("coal")).halt is None

    await halted_on_record(bed, "acme", "bolt")
    outcomes = await streamed(browser, await confirmed(browser, "resume", all="1"))
    assert {name: each["accepted"] for name, each in outcomes.items()} == {"acme": True, "bolt": True}, "not coal"
    assert (await bed.month("acme")).halt is None


async def test_many_are_resumed_from_what_was_seen_to_stop_them_and_from_nothing_else(
    bed: Bed, browser: httpx.AsyncClient
) -> None:
    await monitored(bed, "acme", "bolt")
    await streamed(browser, await confirmed(browser, "halt", all="1"))
    await halted_on_record(bed, "acme", "bolt")
    form = await confirmed(browser, "resume", row=await rows(browser))
    assert (await bed.command("acme", Resume(by="ann", reason="it is right"))).accepted
    assert (await bed.command("acme", Halt(by="carl", reason="fraud"))).accepted
    outcomes = await streamed(browser, form)
    assert {name: each["accepted"] for name, each in outcomes.items()} == {"acme": False, "bolt": True}
    assert "halted by carl: fraud" in outcomes["acme"]["result"]


async def test_the_same_submission_twice_takes_effect_once(bed: Bed, browser: httpx.AsyncClient) -> None:
    await monitored(bed, "acme")
    form = await confirmed(browser, "halt", row=await rows(browser))
    first, second = await asyncio.gather(streamed(browser, form), streamed(browser, form))
    assert first == second
    assert await streamed(browser, form) == first
    assert [decision.command for decision in (await bed.month("acme")).decisions] == ["halt"]


async def test_an_approval_is_of_what_was_seen_and_a_stale_row_is_refused(bed: Bed, browser: httpx.AsyncClient) -> None:
    await monitored(bed, "acme", "bolt", terms=APPROVED)
    form = await confirmed(browser, "approve", row=await rows(browser))
    edit = {"by": "bob", "reason": "typo", "period": OCTOBER, "version": 1}
    change = {"op": "change", "line_id": "row-3", "amount_minor": 200}
    answer = await bed.command("bolt", parse_command("edit", [{**edit, "changes": [change]}], COMMANDS))
    assert answer.accepted, answer.result
    await until_recorded(bed, "bolt", 2)
    outcomes = await streamed(browser, form)
    assert outcomes["acme"]["accepted"], outcomes
    assert not outcomes["bolt"]["accepted"]
    assert "version 2 now, not 1" in outcomes["bolt"]["result"]
    approval = (await bed.month("acme")).approval
    assert approval is not None
    assert approval.by == "cleo"
    assert (await bed.month("bolt")).approval is None


async def test_all_that_match_are_those_of_the_filter(bed: Bed, browser: httpx.AsyncClient) -> None:
    await monitored(bed, "acme", "bolt")
    form = await confirmed(browser, "halt", all="1", search="bolt")
    assert (await streamed(browser, form)).keys() == {"bolt"}
    assert form["back"] == f"{LIST}?search=bolt"


async def test_without_the_script_the_results_are_a_page(bed: Bed, browser: httpx.AsyncClient) -> None:
    await monitored(bed, "acme", "bolt")
    form = await confirmed(browser, "halt", row=await rows(browser))
    await bed.command("bolt", Halt(by="bob", reason="mine"))
    page = await browser.post(BULK, data=form)
    assert "Halt: 1 done, 1 refused" in page.text
    assert "already halted by bob: mine" in page.text
    assert re.search(r'invoices/bolt">Bolt</a><span class="sub">bolt<', page.text), "by name, as it was selected"
    assert f'href="{LIST}?"' in page.text


async def test_a_decision_without_a_reason_or_a_selection_does_nothing(bed: Bed, browser: httpx.AsyncClient) -> None:
    await monitored(bed, "acme")
    nothing = await browser.post(LIST, data={"action": "halt"})
    assert nothing.status_code == 400
    assert "Nothing is selected" in nothing.text
    form = await confirmed(browser, "halt", row=await rows(browser))
    unsaid = await browser.post(BULK, data={**form, "reason": "  "})
    assert unsaid.status_code == 400
    assert "Say why" in unsaid.text
    assert form["rows"] in unsaid.text
    assert (await bed.month("acme")).decisions == ()


async def test_what_the_role_does_not_allow_is_refused(bed: Bed) -> None:
    async with console(bed) as desk, signed_in_at(desk.links.base_url, bed.ledger, "rob", Role.REVIEWER) as reviewer:
        row = {"row": "acme 1 d"}
        assert (await reviewer.post(LIST, data={"action": "approve", **row})).status_code == 403
        assert (await reviewer.post(BULK, data={"action": "approve", "rows": "acme 1 d"})).status_code == 403
        assert (await reviewer.post(LIST, data={"action": "erase", **row})).status_code == 400
        async with signed_in_at(desk.links.base_url, bed.ledger, "viv", Role.VIEWER) as viewer:
            assert (await viewer.post(LIST, data={"action": "halt", **row})).status_code == 403
            assert (await viewer.post(BULK, data={"action": "halt"})).status_code == 403


async def test_a_customer_without_a_running_month_is_refused_and_the_others_go_on(
    bed: Bed, browser: httpx.AsyncClient
) -> None:
    await monitored(bed, "acme", "bolt")
    form = await confirmed(browser, "halt", row=await rows(browser))
    await bed.handle("bolt").terminate()
    outcomes = await streamed(browser, form)
    assert outcomes["acme"]["accepted"]
    assert not outcomes["bolt"]["accepted"]
    assert "no running workflow" in outcomes["bolt"]["result"]
