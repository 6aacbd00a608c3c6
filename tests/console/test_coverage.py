"""What monitors outside and reviewers see of coverage: the switch, the numbers, the page."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from activities.completeness import CompletenessRequest
from adapters.sql.ledger import SqlLedger
from billing.completeness.report import FindingKind, LateMonth, run_of
from billing.completeness.tally import Tally
from billing.keys import workflow_id
from billing.period import Period
from billing.remedies import RemedyAction
from billing.reviewers.alerts import of_worker
from billing.reviewers.users import Role
from clients.schedules import COMPLETENESS, ensure_daily
from inbound.monitor import STALE
from sandbox.stack.temporal_server import TemporalServer
from tests.bed import OCTOBER, PATIENCE_SECONDS, Bed, now, prepared_bed
from tests.console.conftest import Desk, console
from tests.console.months import undrafted
from tests.console.people import signed_in_at
from tests.console.reviewing import Reviewer, fields, reviewer
from tests.typed import typed
from workflows.daily import DailyCompleteness
from workflows.options import TASK_QUEUE


async def cover(bed: Bed, number: int = 1, periods: tuple[Period, ...] = (Period(OCTOBER),)) -> None:
    """The daily run, now."""
    request = CompletenessRequest(periods=periods)
    name = f"coverage-{bed.folder.name}-{number}"
    handle = await bed.client.start_workflow(DailyCompleteness.run, request, id=name, task_queue=TASK_QUEUE)
    await handle.result()


async def test_the_switch_is_red_before_the_first_run_green_after_it_and_red_when_the_heartbeat_stops(
    desk: Desk,
) -> None:
    never = await desk.browser.get("/healthz/billing")
    assert never.status_code == 503
    assert "coverage has never run" in never.text
    desk.bed.sales(OCTOBER)
    await cover(desk.bed)
    well = await desk.browser.get("/healthz/billing")
    assert (well.status_code, well.json()) == (200, {"billing": "ok"})
    await desk.bed.tamper(
        "UPDATE coverage_runs SET daily_at = ?", str(datetime.now(UTC) - STALE - timedelta(minutes=1))[:26]
    )
    stopped = await desk.browser.get("/healthz/billing")
    assert stopped.status_code == 503
    assert "coverage ran last at" in stopped.text


async def test_every_day_looks_at_the_month_before_last_too_whose_sheet_no_collection_reads_any_more(bed: Bed) -> None:
    current = Period.at(now(), "UTC")
    await cover(bed, periods=())
    for period in (current, current.previous(), current.previous().previous()):
        assert await bed.ledger.coverage_of(period) is not None


async def test_the_switch_is_red_when_something_is_overdue_and_the_numbers_say_for_how_long(desk: Desk) -> None:
    await desk.bed.monitored()
    await cover(desk.bed)
    assert (await desk.browser.get("/healthz/billing")).status_code == 200
    due = datetime.now(UTC) - timedelta(hours=7)
    await desk.bed.tamper("UPDATE invoices SET next_at = ?", str(due)[:26])
    answer = await desk.browser.get("/healthz/billing")
    assert (answer.status_code, "a step that was due at" in answer.text) == (503, True)
    assert "acme" not in answer.text
    numbers = (await desk.browser.get("/metrics")).text
    overdue = next(line for line in numbers.splitlines() if line.startswith("billing_overdue_seconds"))
    assert 7 * 3600 <= int(overdue.split()[1]) < 8 * 3600


async def test_the_switch_is_red_for_an_hour_after_a_worker_had_to_replace_itself(desk: Desk) -> None:
    desk.bed.sales(OCTOBER)
    await cover(desk.bed)
    chain = workflow_id("acme")
    await desk.bed.ledger.save_alert(of_worker(chain, datetime.now(UTC) - timedelta(minutes=61)))
    assert (await desk.browser.get("/healthz/billing")).status_code == 200
    await desk.bed.ledger.save_alert(of_worker(chain, datetime.now(UTC)))
    answer = await desk.browser.get("/healthz/billing")
    assert (answer.status_code, "a worker had to replace itself at" in answer.text) == (503, True)
    assert "acme" not in answer.text


async def test_the_numbers_are_in_the_text_format_of_prometheus_and_name_nobody(desk: Desk) -> None:
    await desk.overdue()
    last = Period.at(now(), "UTC").previous()
    await desk.bed.ledger.record(undrafted("bolt", last), now())
    text = (await desk.browser.get("/metrics")).text
    assert "billing_coverage_age_seconds NaN" in text
    assert "billing_collections_open 1" in text
    assert f'billing_months{{period="{last}",stage="Scheduled"}} 1' in text
    assert "acme" not in text
    assert "bolt" not in text
    for line in text.splitlines():
        assert line.startswith(("# HELP billing_", "# TYPE billing_", "billing_")), line


async def test_while_the_ledger_is_down_switch_and_numbers_say_so(bed: Bed, tmp_path: Path) -> None:
    nowhere = await SqlLedger.connect(f"sqlite:///{tmp_path}/no/such/folder/ledger.db")
    async with console(bed, nowhere) as desk:
        for path in ("/healthz/billing", "/metrics"):
            answer = await desk.browser.get(path)
            assert (answer.status_code, "the ledger could not" in answer.text) == (503, True)


async def test_the_page_shows_what_the_daily_run_found_and_what_to_do(desk: Desk) -> None:
    bed = desk.bed
    page = f"/desk/{OCTOBER}/coverage"
    assert (await desk.browser.get(page)).status_code == 303  # to sign in
    async with signed_in_at(desk.links.base_url, bed.ledger, role=Role.VIEWER) as browser:
        assert "October 2026 is not checked yet" in (await browser.get(page)).text
        await bed.monitored()
        bed.sales(OCTOBER, ("acme@example.com", "100", "Sale 1"), ("acme@exmaple.com", "7", "<b>Typo</b>"))
        await cover(bed)
        text = (await browser.get(page)).text
        for words in ("1 finding", "Is it acme@example.com (acme)?", "Unclaimed row", "Waiting", "€107.00", "€100.00"):
            assert words in text
        assert "<b>Typo" not in text
        assert "later than planned" not in text, "October was over when acme was started"
        assert f'<a class="button" href="/desk/{OCTOBER}/invoices/acme?compare=1#sheet">Refresh the draft</a>' in text
        assert (await browser.get("/desk/2026-1/coverage")).status_code == 404


async def test_reviewers_are_told_of_a_finding_once(bed: Bed) -> None:
    await bed.monitored()
    await cover(bed, 1)
    assert "coverage" not in await bed.told()
    await bed.handle("acme").terminate()
    await cover(bed, 2)
    await cover(bed, 3)
    told = await bed.told()
    assert told.count("acme has no running workflow") == 1
    assert "python starter.py start acme" in told


async def test_a_run_that_cannot_see_the_sheet_turns_the_switch_red_is_told_once_and_forgets_nothing(
    desk: Desk,
) -> None:
    bed = desk.bed
    await bed.monitored()
    bed.sales(OCTOBER, ("acme@example.com", "100", "Sale 1"), ("who@elsewhere.org", "7", "Odd"))
    await cover(bed, 1)
    assert (await desk.browser.get("/healthz/billing")).status_code == 200
    assert "billing_unseen_sources 0" in (await desk.browser.get("/metrics")).text
    await bed.sheets_fault(path="/v4/", kind="status", status=503, times=None)
    await cover(bed, 2)
    await cover(bed, 3)
    answer = await desk.browser.get("/healthz/billing")
    assert (answer.status_code, answer.json()) == (503, {"billing": "the last coverage run could not see: the sheet"})
    assert "billing_unseen_sources 1" in (await desk.browser.get("/metrics")).text
    assert (await bed.told()).count("coverage could not see everything: the sheet: ") == 1
    run = await bed.ledger.coverage_of(Period(OCTOBER))
    assert run is not None
    assert any("who@elsewhere.org" in text for text in run.told)


async def test_months_before_the_first_customer_need_no_worksheet_and_later_ones_do(desk: Desk) -> None:
    bed = desk.bed
    await bed.monitored()
    await cover(bed, 1, (Period("2026-08"), Period("2026-09"), Period(OCTOBER)))
    answer = await desk.browser.get("/healthz/billing")
    assert (answer.status_code, answer.json()) == (200, {"billing": "ok"})
    (bed.folder / "sheets" / "sales" / f"{OCTOBER}.csv").unlink()
    await cover(bed, 2)
    assert "could not see: the sheet" in (await desk.browser.get("/healthz/billing")).text


async def test_the_schedule_is_made_once_with_a_run_if_asked_and_a_paused_one_stays_paused(bed: Bed) -> None:
    schedule = bed.client.get_schedule_handle(COMPLETENESS.schedule_id)
    await ensure_daily(bed.client, COMPLETENESS, at_once=True)
    async with asyncio.timeout(60):
        while (await bed.ledger.vitals(datetime.now(UTC))).covered_at is None:
            await asyncio.sleep(0.1)
    await schedule.pause()
    await ensure_daily(bed.client, COMPLETENESS)
    assert (await schedule.describe()).schedule.state.paused
    await schedule.delete()


async def test_the_page_does_what_it_says_the_button_looks_now_and_the_page_shows_it(desk: Desk) -> None:
    await desk.bed.monitored()
    page = f"/desk/{OCTOBER}/coverage"
    async with reviewer(desk, "vera", Role.VIEWER) as vera:
        assert "A reviewer can have any month looked at now." in await vera.page(page)
        assert (await vera.post(page, {})).status_code == 403
    async with reviewer(desk, role=Role.REVIEWER) as ann:
        assert "October 2026 is not checked yet" in await ann.page(page)
        assert (await ann.post(page, fields((await ann.browser.get(page)).text, page))).status_code == 303
        await until_page(ann, page, "Every customer and every row is accounted for")

        desk.bed.sales(OCTOBER, ("acme@example.com", "100", "Sale 1"), ("who@elsewhere.org", "7", "Odd"))
        for _ in range(2):  # a second click begins no second look
            assert (await ann.post(page, fields((await ann.browser.get(page)).text, page))).status_code == 303
        found = await until_page(ann, page, "who@elsewhere.org")
        assert "1 finding" in found
    for period in (OCTOBER, str(Period.at(now(), "UTC"))):  # what monitors show is of all that is looked at daily
        assert await desk.bed.ledger.coverage_of(Period(period)) is not None


async def test_what_the_command_finds_is_on_the_page_and_is_no_heartbeat(desk: Desk) -> None:
    bed = desk.bed
    await bed.monitored()
    bed.sales(OCTOBER, ("acme@example.com", "100", "Sale 1"), ("who@elsewhere.org", "7", "Odd"))
    code, output = await typed(bed, "coverage", "--period", OCTOBER)
    assert (code, "who@elsewhere.org" in output) == (1, True)
    async with reviewer(desk, "vera", Role.VIEWER) as vera:
        text = await vera.page(f"/desk/{OCTOBER}/coverage")
        assert "1 finding" in text
        assert "Unclaimed row" in await vera.page(f"/desk/{OCTOBER}")
    assert "coverage has never run" in (await desk.browser.get("/healthz/billing")).text
    await cover(bed)
    assert "who@elsewhere.org" in await bed.told(), "a look of people has told nobody"

    code, output = await typed(bed, "coverage", "--period", OCTOBER, TEMPORAL_ADDRESS="127.0.0.1:9")
    assert (code, "not looked at" in output) == (1, True)
    run = await bed.ledger.coverage_of(Period(OCTOBER))
    assert run is not None
    assert run.unseen == frozenset(), "who saw less does not replace it"


async def test_who_is_late_is_listed_by_name(desk: Desk) -> None:
    await desk.bed.monitored()
    tally = Tally()
    tally.note_late(LateMonth(customer_id="acme", planned_at=datetime.now(UTC), seconds=7200, open=True))
    await desk.bed.ledger.save_coverage(run_of(tally.coverage(Period(OCTOBER), datetime.now(UTC), {})))
    async with reviewer(desk) as ann:
        assert "Acme acme" in (await ann.page(f"/desk/{OCTOBER}/coverage"))


async def test_many_findings_are_filtered_by_kind_and_words_and_paged(desk: Desk) -> None:
    tally = Tally()
    for number in range(120):
        resume = RemedyAction.RESUME.of(f"customer-{number}", Period(OCTOBER))
        tally.find(FindingKind.HALTED, f"customer-{number}", f"customer-{number}: halted by ann", resume)
    tally.find(FindingKind.UNCLAIMED, "", "row 7, who@elsewhere.org", advice="correct or delete row 7")
    await desk.bed.ledger.save_coverage(run_of(tally.coverage(Period(OCTOBER), datetime.now(UTC), {})))
    page = f"/desk/{OCTOBER}/coverage"
    async with reviewer(desk) as ann:
        text = await ann.page(page)
        assert "121 findings Unclaimed row 1 Halted 120" in text
        assert "row 7, who@elsewhere.org Correct or delete row 7." in text
        assert "50 of 121" in text
        assert "100 of 120" in (second := await ann.page(f"{page}?kind=halted&page=2"))
        assert "who@elsewhere.org" not in second
        assert "Decide about all in the list" in second
        assert "1 of 1 " in await ann.page(f"{page}?search=CUSTOMER-77")
        assert "No finding matches." in await ann.page(f"{page}?kind=halted&search=who")
        assert "50 of 121" in await ann.page(f"{page}?kind=nonsense&page=x")


async def test_while_no_worker_looks_the_page_says_that_it_waits(server: TemporalServer, tmp_path: Path) -> None:
    async with prepared_bed(server, tmp_path, with_worker=False) as bed, console(bed) as desk:
        page = "/desk/2026-08/coverage"
        async with reviewer(desk) as ann:
            assert (await ann.post(page, {})).status_code == 303
            assert "Looking now" in (text := await ann.page(page))
            assert "Waiting for a worker to begin." in text
            assert "Check now" not in text
        await bed.client.get_workflow_handle(f"{COMPLETENESS.schedule_id}-2026-08").terminate()


async def until_page(who: Reviewer, page: str, words: str) -> str:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while words not in (text := await who.page(page)) or "Looking now" in text:
            await asyncio.sleep(0.05)
    return text


async def test_columns_that_are_not_read_are_told_once_and_shown_with_rows_that_are_no_sale(desk: Desk) -> None:
    bed = desk.bed
    await bed.monitored()
    sheet = bed.folder / "sheets" / "sales" / f"{OCTOBER}.csv"
    sheet.write_text("E-mail,VAT,Betrag,H,Beschreibung\nacme@example.com,20%,100,,Sale 1\nno sale,,100,,Total\n")
    await cover(bed, 1)
    await cover(bed, 2)
    assert (await bed.told()).count("worksheet 2026-10 has columns that are not read: VAT, H") == 1
    async with signed_in_at(desk.links.base_url, bed.ledger, role=Role.VIEWER) as browser:
        text = (await browser.get(f"/desk/{OCTOBER}/coverage")).text
    assert "The sheet has columns that are not read: VAT, H; rows that say &#39;no sale&#39;: 3." in text
    assert "Every customer and every row is accounted for." in text
