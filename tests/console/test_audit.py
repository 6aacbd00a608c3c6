"""The audit trail as a page and as a file."""

import csv
import io
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from billing.period import Period
from billing.reviewers.users import Role
from console.reviewers.audit import PAGE
from tests.console.months import AT, desk, halted, month
from tests.console.people import Office, signed_in_at
from tests.ordering import amend, cancel, request

__all__ = ["desk"]  # fixture


@pytest.fixture
async def browser(desk: Office) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in_at(desk.url, desk.ledger, "viv", Role.VIEWER) as opened:
        yield opened


def told(page: httpx.Response) -> list[str]:
    """The customers of the decisions on the page."""
    assert page.status_code == 200, page.text
    return re.findall(r'<a href="/desk/[\d-]+/invoices/([^"]+)">', page.text)


async def test_decisions_are_filtered_by_what_the_address_says(desk: Office, browser: httpx.AsyncClient) -> None:
    october = halted(month("acme", period=Period("2026-10")), reason="sheet of September")
    for each in (october, halted(month("acme"), by="Bob"), halted(month("bolt"))):
        await desk.ledger.record(each, AT)
    assert sorted(told(await browser.get("/desk/audit"))) == ["acme", "acme", "bolt"]
    assert told(await browser.get("/desk/audit", params={"by": "bob"})) == ["acme"]
    assert told(await browser.get("/desk/audit", params={"customer": "bolt"})) == ["bolt"]
    assert told(await browser.get("/desk/audit", params={"period": "2026-10"})) == ["acme"]
    assert told(await browser.get("/desk/audit", params={"text": "september"})) == ["acme"]
    assert told(await browser.get("/desk/audit", params={"text": "nowhere"})) == []
    assert len(told(await browser.get("/desk/audit", params={"period": "soon", "after": "x"}))) == 3


async def test_what_people_did_with_orders_is_filtered_as_other_decisions(
    desk: Office, browser: httpx.AsyncClient
) -> None:
    await desk.ledger.open_order(request("A-7"), AT)
    await desk.ledger.open_order(request("A-8"), AT, "ann", "cli")
    await desk.ledger.change_order("A-7", amend(9000), AT)
    await desk.ledger.change_order("A-7", cancel("change-2"), AT)

    async def shown(**query: str) -> list[str]:
        page = await browser.get("/desk/audit", params=query)
        return re.findall(r'<span class="lead">order ([^<]+)</span>', page.text)

    assert sorted(await shown()) == ["A-7 amended", "A-7 cancelled", "A-8 opened"], "the shop is no person"
    assert await shown(text="A-8") == ["A-8 opened"]
    assert await shown(text="order A-7 CANC") == ["A-7 cancelled"]
    assert sorted(await shown(text="the buyer asked")) == ["A-7 amended", "A-7 cancelled"]
    assert await shown(customer="nobody") == []
    page = (await browser.get("/desk/audit", params={"by": "ann", "text": "cancelled"})).text
    assert '<a href="/desk/orders/A-7">buyer</a>' in page
    assert len((await browser.get("/desk/audit.csv", params={"customer": "buyer"})).text.splitlines()) == 4


async def test_sign_ins_can_be_left_out_or_looked_at_alone(desk: Office, browser: httpx.AsyncClient) -> None:
    await desk.ledger.record(halted(month("acme")), AT)

    async def commands(**query: str) -> set[str]:
        page = await browser.get("/desk/audit", params=query)
        return set(re.findall(r'<span class="lead">(sign in|halt)</span>', page.text))

    assert await commands() == {"halt", "sign in"}
    assert await commands(what="decisions") == {"halt"}
    assert await commands(what="sign-ins") == {"sign in"}
    assert await commands(what="neither") == {"halt", "sign in"}
    exported = await browser.get("/desk/audit.csv", params={"what": "decisions"})
    assert "sign in" not in exported.text
    assert "halt" in exported.text


async def test_older_decisions_are_a_link_away(desk: Office, browser: httpx.AsyncClient) -> None:
    for number in range(PAGE + 3):
        await desk.ledger.record(halted(month(f"c{number:03}")), AT)
    first = await browser.get("/desk/audit", params={"by": "ann"})
    older = re.search(r'rel="next" href="([^"]+)"', first.text)
    assert older
    second = await browser.get(older[1].replace("&amp;", "&"))
    names = told(first) + told(second)
    assert len(told(first)) == PAGE
    assert sorted(names) == [f"c{number:03}" for number in range(PAGE + 3)]
    assert 'rel="next"' not in second.text


async def test_the_file_has_all_that_matches_and_no_formula(
    desk: Office, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.reviewers.audit._CSV_PAGE", 2)
    reasons = ['=HYPERLINK("http://evil")', "+1", "-1", "@x", "Grüße, 茶\nzwei", 'said "no"', "plain"]
    for number, reason in enumerate(reasons):
        await desk.ledger.record(halted(month(f"c{number}"), reason=reason), AT)
    await desk.ledger.record(halted(month("other"), by="bob"), AT)
    answer = await browser.get("/desk/audit.csv", params={"by": "ann"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    head, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    assert head[:4] == ["at", "kind", "by", "customer_id"]
    found = {row[3]: row[6] for row in rows}
    expected = [f"'{reason}" if reason[0] in "=+-@" else reason for reason in reasons]
    assert [found[f"c{number}"] for number in range(len(reasons))] == expected
    assert len(rows) == len(reasons)
    assert rows[0][0] == "2026-12-01T03:00:00Z"
