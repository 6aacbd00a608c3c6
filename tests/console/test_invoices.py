"""The list of invoices: found, filtered, sorted, paged."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from billing.period import Period
from billing.users import Role
from console.invoices import read_wanted
from tests.console.months import AT, halted, month, settings
from tests.console.people import Office, office, signed_in_at

LIST = "/desk/2026-11/invoices"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(settings(tmp_path)) as opened:
        yield opened


@pytest.fixture
async def browser(desk: Office) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in_at(desk.url, desk.ledger, "ann", Role.APPROVER) as opened:
        yield opened


async def shown(browser: httpx.AsyncClient, **query: str) -> list[str]:
    """The customers in the list, in its order."""
    page = await browser.get(LIST, params=query)
    assert page.status_code == 200, page.text
    return re.findall(r'<a class="lead" href="/desk/2026-11/invoices/([^"]+)"', page.text)


async def test_the_address_says_what_is_listed_and_how(desk: Office, browser: httpx.AsyncClient) -> None:
    for each in (month("acme", 300), month("bolt", 100), halted(month("coal", 200)), month("dune", 1, currency="usd")):
        await desk.ledger.record(each, AT)
    assert await shown(browser) == ["acme", "bolt", "coal", "dune"]
    assert await shown(browser, order="down") == ["dune", "coal", "bolt", "acme"]
    assert await shown(browser, search="BOLT@") == ["bolt"]
    assert await shown(browser, stage="Halted") == ["coal"]
    assert await shown(browser, currency="usd") == ["dune"]
    assert await shown(browser, sort="amount", order="down") == ["acme", "coal", "bolt", "dune"]
    assert await shown(browser, search="nobody") == []
    nonsense = {"stage": "Nowhere", "sort": "mood", "flag": "x", "page": "-1", "order": "sideways"}
    assert await shown(browser, **nonsense) == ["acme", "bolt", "coal", "dune"]


async def test_a_row_carries_the_version_and_digest_that_were_seen(desk: Office, browser: httpx.AsyncClient) -> None:
    drafted = month()
    await desk.ledger.record(drafted, AT)
    assert drafted.invoice is not None
    assert f'name="row" value="acme 1 {drafted.invoice.digest}"' in (await browser.get(LIST)).text


async def test_the_next_instant_is_told_as_a_distance_and_on_the_customers_clock(
    desk: Office, browser: httpx.AsyncClient
) -> None:
    await desk.ledger.record(month(), datetime.now(UTC))
    page = (await browser.get(LIST)).text
    assert re.search(
        r'<time datetime="[\dT:-]+Z" title="[^"]+ UTC · [^"]+ in Europe/Paris" data-countdown>in 5 h', page
    )


async def test_pages_of_a_hundred_keep_the_query(desk: Office, browser: httpx.AsyncClient) -> None:
    for number in range(101):
        await desk.ledger.record(month(f"c{number:03}", number + 1), AT)
    first = (await browser.get(LIST, params={"search": "c", "sort": "amount"})).text
    assert 'href="?search=c&amp;sort=amount&amp;page=2"' in first
    assert await shown(browser, search="c", sort="amount", page="2") == ["c100"]
    assert "There is no page 9" in (await browser.get(LIST, params={"page": "9"})).text


async def test_what_people_typed_stays_text(desk: Office, browser: httpx.AsyncClient) -> None:
    await desk.ledger.record(halted(month(name="<script>x</script>"), reason='"><img src=x>'), AT)
    page = (await browser.get(LIST, params={"search": '"><script>y</script>'})).text
    assert "<script>y" not in page
    page = (await browser.get(LIST)).text
    assert "<script>x" not in page
    assert "<img" not in page


@pytest.mark.parametrize(
    ("role", "actions"),
    [
        (Role.VIEWER, []),
        (Role.REVIEWER, ["halt", "resume"]),
        (Role.APPROVER, ["halt", "resume", "approve"]),
    ],
)
async def test_only_what_the_role_allows_is_offered(desk: Office, role: Role, actions: list[str]) -> None:
    await desk.ledger.record(month(), AT)
    async with signed_in_at(desk.url, desk.ledger, "viv", role) as browser:
        page = (await browser.get(LIST)).text
        assert re.findall(r'name="action" value="(\w+)"', page) == actions
        assert ('name="row"' in page) is bool(actions)


async def test_a_decision_is_answered_for_every_row_while_temporal_is_down(
    desk: Office, browser: httpx.AsyncClient
) -> None:
    for name in ("acme", "bolt"):
        await desk.ledger.record(month(name), AT)
    form = {"action": "halt", "reason": "too high", "rows": "acme 1 d\nbolt 1 d\nnobody 1 d"}
    page = await browser.post("/desk/2026-11/bulk", data=form)
    assert page.status_code == 200
    assert "Halt: 0 done, 3 refused" in page.text
    assert "the ledger has no 2026-11 of this customer" in page.text


def test_a_query_means_what_it_can() -> None:
    wanted = read_wanted(Period("2026-11"), {"needs": "1", "flag": "changed", "sort": "change", "order": "down"})
    assert (wanted.needs, wanted.flag, wanted.sort, wanted.descending) == (True, "changed", "change", True)
