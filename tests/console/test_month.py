"""The month at a glance, and how an open page hears that it has changed."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from billing.completeness.report import FindingKind, run_of
from billing.completeness.tally import Tally
from billing.errors import LedgerUnavailable
from billing.invoices.stages import Stage
from billing.period import Period
from billing.remedies import RemedyAction
from billing.reviewers.users import Role
from console.reviewers.live import Live
from console.reviewers.wording import day
from tests.console.months import AT, NOVEMBER, SOON, desk, halted, month, settings, undrafted
from tests.console.people import Office, office, signed_in_at
from tests.console.reviewing import fields

__all__ = ["desk"]  # fixture


@pytest.fixture
async def browser(desk: Office) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in_at(desk.url, desk.ledger, "ann", Role.REVIEWER) as opened:
        yield opened


def text_of(page: httpx.Response) -> str:
    """What is written there, without markup."""
    assert page.status_code == 200, page.text
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())


# -- the page


async def test_the_front_door_leads_to_the_newest_month_with_drafts(desk: Office, browser: httpx.AsyncClient) -> None:
    await desk.ledger.record(month(), AT)
    await desk.ledger.record(month("bolt", period=Period("2026-10")), AT)
    page = await browser.get("/", follow_redirects=True)
    assert page.url.path == "/desk/2026-11"
    picked = await browser.get("/desk", params={"period": "2026-10", "path": "/invoices"})
    assert picked.headers["location"] == "/desk/2026-10/invoices"
    elsewhere = await browser.get("/desk", params={"period": "2026-10", "path": "//evil.example"})
    assert elsewhere.headers["location"] == "/desk/2026-10"


async def test_customers_and_money_are_shown_by_currency_and_stage_the_largest_first(
    desk: Office, browser: httpx.AsyncClient
) -> None:
    for each in (month(), month("bolt", 50), month("coal", 1200, currency="jpy"), halted(month("dune", 100))):
        await desk.ledger.record(each, AT)
    text = text_of(await browser.get("/desk/2026-11"))
    assert "4 customers by stage" in text
    euros, yen = text.index("EUR 3 customers €1,236.00"), text.index("JPY 1 customer ¥1,200")
    assert euros < yen
    assert "Monitoring 2 €1,235.00" in text[euros:yen]
    assert "Halted 1 €1.00" in text[euros:yen]
    assert "Monitoring 1 ¥1,200" in text[yen:]


async def test_the_month_before_is_compared_by_what_is_billed(desk: Office, browser: httpx.AsyncClient) -> None:
    october = Period("2026-10")
    await desk.ledger.record(month("acme", 10_000, october), AT)
    await desk.ledger.record(month("acme", 15_000), AT)
    await desk.ledger.record(month("bolt", 99_000, october).close(Stage.SKIPPED, AT), AT)
    text = text_of(await browser.get("/desk/2026-11"))
    assert "EUR 1 1 €150.00 €100.00 +50% +€50.00" in text


async def test_nothing_is_compared_before_drafts_are_there(desk: Office, browser: httpx.AsyncClient) -> None:
    october = Period("2026-10")
    for each in (month("acme", 10_000, october), month("bolt", 10_000, october), undrafted("acme"), undrafted("bolt")):
        await desk.ledger.record(each, AT)
    text = text_of(await browser.get("/desk/2026-11"))
    assert "No drafts yet in November 2026." in text
    assert "100%" not in text
    await desk.ledger.record(month("acme", 9_000), AT)
    text = text_of(await browser.get("/desk/2026-11"))
    assert "EUR 1 2 €90.00 €200.00 1 without a draft" in text
    assert "%" not in text


async def test_work_comes_first_and_many_for_one_reason_are_one_row_with_one_decision(
    desk: Office, browser: httpx.AsyncClient
) -> None:
    for name in ("acme", "bolt", "coal"):
        await desk.ledger.record(halted(month(name, 100)), AT)
    await desk.ledger.record(halted(month("dune", 100), reason="row 9"), AT)
    page = await browser.get("/desk/2026-11")
    text = text_of(page)
    assert text.index("Needs a person now") < text.index("by stage")
    assert "Halted 3 customers Halted by ann: row 7 €3.00" in text
    assert "Dune €1.00 halted by ann: row 9" in text
    form = fields(page.text, "/desk/2026-11/invoices")
    asked = await browser.post("/desk/2026-11/invoices", data=form | {"action": "resume"})
    assert "3 invoices" in text_of(asked)
    for name, is_asked in (("acme", True), ("dune", False)):
        assert (f"{name} " in asked.text) is is_asked
    listed = await browser.get("/desk/2026-11/invoices", params={"needs": "1", "because": form["because"]})
    assert "Only those of which is said: halted by ann: row 7" in text_of(listed)
    assert "Dune" not in listed.text
    gone = await browser.get("/desk/2026-11/invoices", params={"needs": "1", "because": "another"})
    assert "No invoice matches" in gone.text


async def test_findings_of_coverage_are_work_too_with_a_button_for_the_worst(
    desk: Office, browser: httpx.AsyncClient
) -> None:
    await desk.ledger.record(month(), AT)
    text = text_of(await browser.get("/desk/2026-11"))
    assert "is not checked yet. Check now" in text
    refresh = RemedyAction.REFRESH.of("acme", NOVEMBER)
    tally = Tally()
    for number in (7, 8):
        tally.find(FindingKind.UNCLAIMED, "", f"row {number}, who@elsewhere.org: 7.00 EUR", refresh)
    tally.find(FindingKind.HALTED, "acme", "acme: halted by ann", RemedyAction.RESUME.of("acme", NOVEMBER))
    await desk.ledger.save_coverage(run_of(tally.coverage(NOVEMBER, datetime.now(UTC), {})))
    page = await browser.get("/desk/2026-11")
    text = text_of(page)
    assert "Coverage Unclaimed row: 2 Refresh the draft row 7, who@elsewhere.org" in text
    assert "acme: halted by ann" not in text, "the month itself says that it is halted"
    assert "Check now" not in text


async def test_the_coming_fortnight_and_the_year_are_drawn_with_a_table(
    desk: Office, browser: httpx.AsyncClient
) -> None:
    await desk.ledger.record(month("acme", 10_000, Period("2026-10")).close(Stage.PAID, AT), AT)
    await desk.ledger.record(month("bolt", 500, Period("2026-10")).close(Stage.SKIPPED, AT), AT)
    await desk.ledger.record(month(), AT)
    page = await browser.get("/desk/2026-11")
    text = text_of(page)
    assert f"The coming fortnight 1 notice from {day(SOON)} 1 charge from {day(SOON + timedelta(days=4))}" in text
    assert f"{day(SOON + timedelta(days=4))} 1 €1,234.50" in text
    assert "October 2026 €100.00 €5.00" in text
    assert page.text.count('role="img"') == 3


async def test_a_month_nobody_is_billed_for_says_what_to_do(desk: Office, browser: httpx.AsyncClient) -> None:
    assert "python starter.py start" in text_of(await browser.get("/desk/2026-11"))
    await desk.ledger.record(month(), AT)
    page = await browser.get("/desk/2025-01")
    assert "Nobody is billed for January 2025" in text_of(page)
    assert 'href="/desk/2026-11"' in page.text
    assert 'value="2026-11"' in page.text
    assert (await browser.get("/desk/2025-01/invoices")).status_code == 200


@pytest.mark.parametrize("path", ["/desk/yesterday", "/desk/2026-13/invoices", "/desk/%3Cb%3E"])
async def test_what_is_no_month_is_refused_in_words(browser: httpx.AsyncClient, path: str) -> None:
    page = await browser.get(path)
    assert page.status_code == 404
    assert "There is no such month" in page.text
    assert "<b>" not in page.text


async def test_the_brake_shows_on_every_page_while_it_is_on(desk: Office, browser: httpx.AsyncClient) -> None:
    await desk.ledger.record(month(), AT)
    await pull(desk)
    for path in ("/desk/2026-11", "/desk/2026-11/invoices", "/desk/audit", "/desk/2025-01"):
        text = text_of(await browser.get(path))
        assert "The emergency brake is on: nothing is charged." in text
        assert "Pulled by eve, 1 Dec 2026, 03:00 UTC: wrong sheet" in text
        assert "Release it" not in text
    async with signed_in_at(desk.url, desk.ledger, "root", Role.ADMINISTRATOR) as administrator:
        assert "Release it" in text_of(await administrator.get("/desk/2026-11"))


async def test_nothing_on_a_page_is_inline_or_from_elsewhere(desk: Office, browser: httpx.AsyncClient) -> None:
    await desk.ledger.record(halted(month()), AT)
    for path in ("/desk/2026-11", "/desk/2026-11/invoices", "/desk/audit", "/desk/2025-01"):
        page = (await browser.get(path)).text
        assert not re.search(r"\sstyle=|<style|<script(?! src=\"/)|\son\w+=|(src|href)=\"(https?:)?//", page), path


async def test_a_ledger_that_is_down_is_said_to_reviewers_in_their_words(
    desk: Office, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*_: object) -> str:
        raise LedgerUnavailable("the ledger could not be read: its disk is full")

    monkeypatch.setattr(desk.ledger, "pulse", down)
    page = await browser.get("/desk/2026-11")
    assert page.status_code == 503
    assert "its disk is full" in page.text
    assert "The desk cannot answer right now" in page.text


# -- live


async def test_an_open_page_hears_of_a_change_and_of_nothing_else(desk: Office, browser: httpx.AsyncClient) -> None:
    await desk.ledger.record(month(), AT)
    shown = re.search(r'data-pulse="([^"]+)"', (await browser.get("/desk/2026-11")).text)
    async with heard(browser) as pulses:
        assert shown
        assert await anext(pulses) == shown[1]
        await desk.ledger.record(month(period=Period("2026-12")), AT)
        await desk.ledger.record(halted(month()), AT)
        assert await anext(pulses) == await desk.ledger.pulse(NOVEMBER)


async def test_a_server_that_stops_does_not_wait_for_open_pages(tmp_path: Path) -> None:
    running = office(settings(tmp_path))
    opened = await running.__aenter__()
    async with asyncio.timeout(60), signed_in_at(opened.url, opened.ledger) as browser, heard(browser) as pulses:
        await anext(pulses)
        ending = asyncio.create_task(anext(pulses, "ended"))
        await running.__aexit__(None, None, None)
        assert await ending == "ended"


async def test_an_unknown_month_has_no_stream(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/desk/yesterday/events")).status_code == 204


async def test_one_look_serves_all_who_listen_and_none_follows_when_nobody_does() -> None:
    looks = 0

    async def look(_: Period) -> str:
        nonlocal looks
        looks += 1
        return "first" if looks < 5 else "second"

    live = Live(look, every_seconds=0.001)
    async with asyncio.timeout(60):
        async with aclosing(live.pulses(NOVEMBER)) as one, aclosing(live.pulses(NOVEMBER)) as other:
            assert [await anext(one), await anext(other)] == ["first", "first"]
            assert live.watched == 1
            assert [await anext(one), await anext(other)] == ["second", "second"]
        assert live.watched == 0
    before = looks
    for _ in range(100):
        await asyncio.sleep(0)
    assert looks == before


async def test_a_look_that_fails_is_repeated() -> None:
    outages = [LedgerUnavailable("down"), LedgerUnavailable("down")]

    async def look(_: Period) -> str:
        if outages:
            raise outages.pop()
        return "up"

    async with asyncio.timeout(60), aclosing(Live(look, every_seconds=0.001).pulses(NOVEMBER)) as pulses:
        assert await anext(pulses) == "up"


async def test_a_quiet_stream_is_heard_now_and_then() -> None:
    async def look(_: Period) -> str:
        return "same"

    async with asyncio.timeout(60), aclosing(Live(look).pulses(NOVEMBER, quiet_seconds=0.001)) as pulses:
        while not (first := await anext(pulses)):
            pass  # on a slow machine, even before the first look
        assert [first, await anext(pulses), await anext(pulses)] == ["same", "", ""]


@asynccontextmanager
async def heard(browser: httpx.AsyncClient) -> AsyncIterator[AsyncIterator[str]]:
    """The pulses that a page of November hears."""
    async with browser.stream("GET", "/desk/2026-11/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")

        async def pulses() -> AsyncIterator[str]:
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    yield line.removeprefix("data: ")

        yield pulses()


async def pull(desk: Office) -> None:
    """Eve pulls the brake."""
    await desk.ledger.pull_brake("eve", "wrong sheet", "console", AT)
