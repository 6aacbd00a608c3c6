"""The sheet beside a draft: what was changed there after the collection, and taking it in with one button."""

import asyncio

import httpx

from billing.commands import Halt
from billing.invoices.commands import Edit
from billing.invoices.invoice import ChangeLine
from billing.period import Period
from billing.reviewers.users import Role
from tests.bed import OCTOBER
from tests.console.conftest import Desk
from tests.console.reviewing import Reviewer, readable, reviewer

PAGE = f"/desk/{OCTOBER}/invoices/acme"
COMPARED = f"{PAGE}?compare=1"
ACME = "acme@example.com"


async def refresh(person: Reviewer, page: str = COMPARED) -> httpx.Response:
    """Presses the button that is on the page."""
    text = (await person.browser.get(page)).text
    return await person.post(f"{PAGE}/refresh", person.form_in(text, "refresh"))


async def test_a_draft_is_compared_on_request_and_refreshed_with_one_button(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "50"))
    desk.bed.sales(OCTOBER, (ACME, "120", "Sale 1"), (ACME, "7", "Tea"))
    async with reviewer(desk, role=Role.REVIEWER) as ann:
        text = await ann.page()
        assert "Compare with the sheet" in text
        assert "Sheet changed since" not in text
        text = await ann.page(COMPARED)
        assert "Sheet changed since the import rows: 1 added, 1 removed" not in text
        assert "Changed: Sale 1 €100.00 €120.00" in text
        text = await ann.result(await refresh(ann))
        assert "Done. Version 2: 127.00 EUR" in text
        assert "Total €127.00" in text
        assert "The sheet has not changed since the draft took it in; edits stay." in await ann.page(COMPARED)
    month = await desk.bed.month("acme")
    (decision,) = month.decisions
    assert (decision.by, decision.reason, decision.via) == ("ann", "the sheet has changed", "console")
    assert month.invoice is not None
    assert [(line.source.row if line.source else 0) for line in month.invoice.lines] == [2, 3]


async def test_what_the_notice_found_is_shown_unasked_and_a_refresh_corrects_the_notice(desk: Desk) -> None:
    await desk.bed.monitored()
    desk.bed.sales(OCTOBER, (ACME, "100", "Sale 1"), (ACME, "20", "Forgotten"))
    await desk.bed.announced()
    async with reviewer(desk) as ann:
        text = await ann.page()
        assert "sheet changed" in text
        assert "Sheet changed since the import rows: 1 added; 20.00 EUR more" in text
        assert "Added: Forgotten €20.00" in text
        assert "a corrected notice follows" in text
        await ann.result(await refresh(ann, PAGE))
    await desk.bed.until("acme", lambda month: month.notices == 2)
    assert "120.00" in desk.bed.mails(ACME)[-1].text


async def test_a_double_click_refreshes_once(desk: Desk) -> None:
    await desk.bed.monitored()
    desk.bed.sales(OCTOBER, (ACME, "100", "Sale 1"), (ACME, "20", "Forgotten"))
    async with reviewer(desk) as ann:
        form = ann.form_in((await ann.browser.get(COMPARED)).text, "refresh")
        both = await asyncio.gather(*(ann.post(f"{PAGE}/refresh", form) for _ in range(2)))
        again = await ann.post(f"{PAGE}/refresh", form)
    assert {answer.status_code for answer in (*both, again)} <= {303, 409}
    assert again.status_code == 303
    month = await desk.bed.month("acme")
    assert month.invoice is not None
    assert month.invoice.total_minor == 12000


async def test_only_what_was_shown_is_taken_in(desk: Desk) -> None:
    await desk.bed.monitored()
    desk.bed.sales(OCTOBER, (ACME, "110", "Sale 1"))
    async with reviewer(desk) as ann:
        form = ann.form_in((await ann.browser.get(COMPARED)).text, "refresh")
        desk.bed.sales(OCTOBER, (ACME, "999", "Sale 1"))
        answer = await ann.post(f"{PAGE}/refresh", form)
        assert answer.status_code == 409
        assert "the sheet has changed since this page was loaded" in readable(answer.text).lower()
        assert "€999.00" in answer.text, "and this is what it says now"
        form = ann.form_in(answer.text, "refresh")
        change = ChangeLine(line_id="row-2", amount_minor=5000)
        edit = Edit(by="bob", reason="agreed", period=Period(OCTOBER), version=1, changes=(change,))
        await desk.bed.command("acme", edit)
        answer = await ann.post(f"{PAGE}/refresh", form)
        assert answer.status_code == 409
        assert "This invoice has changed" in answer.text
    assert len((await desk.bed.month("acme")).decisions) == 2


async def test_a_sheet_that_cannot_be_read_does_not_make_the_page_fail(desk: Desk) -> None:
    await desk.bed.monitored()
    await desk.bed.sheets_fault(path="/v4/", kind="status", status=503, times=None)
    async with reviewer(desk) as ann:
        text = await ann.page(COMPARED)
        assert "The sheet cannot be compared now" in text
        assert "€100.00" in text
        answer = await ann.post(f"{PAGE}/refresh", await ann.form("halt"))
        assert answer.status_code == 409


async def test_rows_that_cannot_be_read_are_shown_and_not_taken_in(desk: Desk) -> None:
    await desk.bed.monitored()
    desk.bed.sales(OCTOBER, (ACME, "100", "Sale 1"), (ACME, "1,50", "Tea"))
    async with reviewer(desk) as ann:
        text = await ann.page(COMPARED)
        assert "Row 3 cannot be read: 1,50" in text
        assert "correct them in the sheet" in text
        assert "Refresh the draft" not in text


async def test_a_viewer_may_look_and_not_refresh(desk: Desk) -> None:
    await desk.bed.monitored()
    desk.bed.sales(OCTOBER, (ACME, "110", "Sale 1"))
    async with reviewer(desk, "vic", Role.VIEWER) as vic:
        text = await vic.page(COMPARED)
        assert "€110.00" in text
        assert "Refresh the draft" not in text
        assert (await vic.send("refresh")).status_code == 403


async def test_a_closed_month_and_one_that_nobody_collected_have_nothing_to_compare(desk: Desk) -> None:
    await desk.bed.monitored()
    await desk.bed.command("acme", Halt(by="bob", reason="wait"))
    async with reviewer(desk) as ann:
        await ann.result(await ann.send("skip"))
        assert "Compare with the sheet" not in await ann.page()
        assert "Compare with the sheet" not in await ann.page("/desk/2026-11/invoices/acme?compare=1")
