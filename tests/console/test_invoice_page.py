"""The page of an invoice: what it shows of a month, before, during and after."""

import re
from datetime import datetime, timedelta

from billing.invoices.commands import Edit
from billing.invoices.invoice import ChangeLine
from billing.period import Period
from billing.reviewers.users import Role
from billing.texts.ports import TextLimits
from billing.texts.text import Delivery, TextReport
from tests.bed import OCTOBER, now
from tests.console.conftest import Desk, console
from tests.console.reviewing import reviewer
from tests.contract.test_ledger_texts import text
from tests.workflows.test_tariffs import NUMBER, drafted, subscribed

PAGE = f"/desk/{OCTOBER}/invoices/acme"


async def test_a_draft_shows_its_lines_their_rows_the_total_and_what_comes_next(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "50.50", "12,5"))
    async with reviewer(desk) as ann:
        text = await ann.page()
    for shown in ("Acme", "acme@example.com", "October 2026", "Sale 1", "€100.00", "2026-10, row 3", "€50.50"):
        assert shown in text
    assert "“12,5”. '12,5' is not an amount in EUR" in text
    assert "A person is needed: row 4 of worksheet 2026-10 cannot be read" in text
    assert "Total €150.50" in text
    assert "unreadable" in text
    assert "Live from Temporal." in text


async def test_where_the_demo_skips_time_countdowns_go_by_its_clock(desk: Desk) -> None:
    month = await desk.bed.monitored()
    then = month.notice_at - timedelta(days=2, hours=3, minutes=30)
    desk.bed.settings.skipped_file.write_text(str((then - now()).total_seconds()))
    async with reviewer(desk) as ann:
        text = await ann.page()
        page = (await ann.browser.get(PAGE)).text
    assert "in 2 d 3 h" in text
    shown = re.search('<body data-now="([^"]+)">', page)  # the script counts on from there
    assert shown
    assert timedelta(0) <= datetime.fromisoformat(shown[1]) - then.replace(microsecond=0) < timedelta(minutes=5)


async def test_a_paid_month_tells_its_whole_story(desk: Desk) -> None:
    await desk.bed.monitored()
    await desk.bed.closed()
    async with reviewer(desk) as ann:
        text = await ann.page()
        page = (await ann.browser.get(PAGE)).text
    for shown in ("Sales imported", "Charge notice sent", "Charge begun", "Charge succeeded", "Closed: Paid", "pi_"):
        assert shown in text
    assert "Receipt" in text
    assert "Dear" in page or "Acme" in page
    assert 'action="/desk/2026-10/invoices/acme/halt"' not in page, "nothing can be done to a month that is closed"
    assert "/desk/2026-11/invoices/acme" in page, "the way to the next month"


async def test_a_declined_month_shows_code_and_collection(desk: Desk) -> None:
    await desk.overdue()
    async with reviewer(desk) as ann:
        text = await ann.page()
    for shown in ("Charge declined", "insufficient_funds", "Closed: Past due", "Collection €100.00 owed"):
        assert shown in text


async def test_mails_can_be_read_as_they_were_sent(desk: Desk) -> None:
    await desk.bed.monitored()
    await desk.bed.announced()
    async with reviewer(desk) as ann:
        text = await ann.page()
    (mail,) = desk.bed.mails("acme@example.com")
    assert mail.subject in text
    assert "to acme@example.com" in text


async def test_texts_are_shown_beside_the_mails(desk: Desk) -> None:
    await desk.bed.monitored()
    link = "https://pay.acme.kz/p/dvxtiv4iwmeljfa4"
    row = text(period=OCTOBER, began_at=now(), tried_at=now(), at=now(), body=f"Счет 5990 KZT {link}")
    await desk.bed.ledger.begin_text(row, TextLimits(), now())
    failed = TextReport(vendor_id="v1", delivery=Delivery.FAILED, code="22 wrong_number")
    await desk.bed.ledger.take_report(row.message_id, failed, now())
    async with reviewer(desk) as ann:
        shown = await ann.page()
    for words in (
        "to +77012345678, 22 wrong_number",
        "Счет 5990 KZT https://pay.acme.kz/p/…",
        "1 segment, 4.50 KZT",
        "Bill by text",
    ):
        assert words in shown
    assert link not in shown, "whoever has it may promise for the customer"


async def test_who_edited_what_is_told_version_by_version(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "50"))
    change = ChangeLine(line_id="row-2", amount_minor=8000)
    edit = Edit(by="bob", reason="typo", period=Period(OCTOBER), version=1, changes=(change,))
    await desk.bed.command("acme", edit)
    async with reviewer(desk) as ann:
        text = await ann.page()
    assert "Version 2 by bob: typo" in text
    assert "Changed: Sale 1 €100.00 €80.00" in text
    assert "Total €150.00 → €130.00" in text
    assert "Version 1 imported from the sheet" in text


async def test_a_month_that_is_not_there_is_not_found(desk: Desk) -> None:
    await desk.bed.monitored()
    async with reviewer(desk) as ann:
        for path in ("2026-10/invoices/nobody", "2025-01/invoices/acme", "never/invoices/acme", "2026-10/invoices/%22"):
            await ann.page(f"/desk/{path}", status=404)


async def test_a_viewer_sees_everything_and_can_do_nothing(desk: Desk) -> None:
    await desk.bed.monitored()
    async with reviewer(desk, "vic", Role.VIEWER) as vic:
        page = (await vic.browser.get(PAGE)).text
        assert "Sale 1" in page
        assert f'action="{PAGE}' not in page
        assert "/edit" not in page
        for action in ("halt", "resume", "edit", "approve", "skip", "close"):
            assert (await vic.send(action)).status_code == 403, action
    assert not (await desk.bed.month("acme")).decisions


async def test_a_reviewer_may_not_approve_skip_or_close(desk: Desk) -> None:
    await desk.bed.monitored()
    async with reviewer(desk, "rob", Role.REVIEWER) as rob:
        page = (await rob.browser.get(PAGE)).text
        assert f'action="{PAGE}/halt"' in page
        for action in ("approve", "skip", "close"):
            assert f'action="{PAGE}/{action}"' not in page
            assert (await rob.send(action)).status_code == 403, action
    assert not (await desk.bed.month("acme")).decisions


async def test_without_a_workflow_that_answers_the_page_shows_what_the_ledger_has(desk: Desk) -> None:
    await desk.bed.monitored()
    await desk.bed.handle("acme").terminate()
    async with reviewer(desk) as ann:
        text = await ann.page()
        refused = await ann.send("halt", "row 2 looks wrong")
    assert "€100.00" in text
    assert refused.status_code == 409
    assert "billing of this customer does not run" in refused.text.lower()
    assert "row 2 looks wrong" in refused.text


async def test_the_run_and_the_sheet_are_linked_where_they_are_configured(desk: Desk) -> None:
    await desk.bed.monitored()
    desk.bed.settings = desk.bed.settings.model_copy(
        update={"temporal_ui_url": "http://127.0.0.1:8233", "sales_sheet_id": "1AbC"}
    )
    async with console(desk.bed) as linked, reviewer(linked) as ann:
        page = (await ann.browser.get(PAGE)).text
        listed = (await ann.browser.get("/desk/2026-10/invoices?stage=Monitoring")).text
    run_id = (await desk.bed.handle("acme").describe()).run_id
    assert f"http://127.0.0.1:8233/namespaces/sandbox/workflows/monthly-billing-v1-acme/{run_id}/history" in page
    assert "https://docs.google.com/spreadsheets/d/1AbC/edit" in page
    query = "BillingPeriod%3D%222026-10%22%20AND%20BillingStage%3D%22Monitoring%22"
    assert f"http://127.0.0.1:8233/namespaces/sandbox/workflows?query={query}" in listed
    assert "BillingPeriod, BillingStage, BillingCustomer, BillingAmountMinor, BillingCurrency" in listed
    async with reviewer(desk, "bob") as ann:
        assert "/history" not in (await ann.browser.get(PAGE)).text


async def test_a_line_of_a_tariff_has_its_tariff_and_account_as_its_source(desk: Desk) -> None:
    period = await subscribed(desk.bed)
    await drafted(desk.bed)
    async with reviewer(desk) as ann:
        text = await ann.page(f"/desk/{period}/invoices/acme")
        assert f"tariff net, account {NUMBER}" in text
        assert f"one-off fee, account {NUMBER}" in text
        assert f"{period}, row 2" in text
        assert f"tariff net, account {NUMBER}" in (await ann.browser.get(f"/desk/{period}/invoices/acme/edit")).text
