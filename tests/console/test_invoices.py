"""The list of invoices: found, filtered, sorted, paged."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.period import Period
from billing.reviewers.users import Role
from console.reviewers.invoices import DECIDED_AT_ONCE, read_filter
from console.web.security import BODY_MAX_BYTES
from tests.console.months import AT, desk, halted, month
from tests.console.people import Office, signed_in_at
from tests.console.reviewing import readable

__all__ = ["desk"]  # fixture

LIST = "/desk/2026-11/invoices"


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
    assert f'name="row" value="acme 1 {drafted.invoice.digest} runs"' in (await browser.get(LIST)).text


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
        assert "<kbd>j</kbd>" in page
        assert ("<kbd>x</kbd>" in page) is bool(actions)


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
    wanted = read_filter(Period("2026-11"), {"needs": "1", "flag": "changed", "sort": "change", "order": "down"})
    assert (wanted.needs, wanted.flag, wanted.sort, wanted.descending) == (True, "changed", "change", True)


# -- one after the other


async def test_the_next_that_needs_a_person_follows_the_one_that_was_looked_at(
    desk: Office, browser: httpx.AsyncClient
) -> None:
    for each in (halted(month("bolt")), month("coal"), halted(month("dune"))):
        await desk.ledger.record(each, AT)

    async def after(customer_id: str) -> str:
        answer = await browser.get("/desk/2026-11/next", params={"after": customer_id})
        assert answer.status_code == 303
        return answer.headers["location"].removeprefix("/desk/2026-11/")

    found = {await after("bolt"), await after("dune")}
    assert found == {"invoices/bolt", "invoices/dune"}, "round and round, as long as both need somebody"
    assert await after("coal") in found
    await desk.ledger.record(month("dune").evolve(revision=9), AT)
    assert await after("dune") == "invoices/bolt"
    assert await after("bolt") == "invoices?needs=1&sort=next", "there is no other one"
    assert await after('"><script>//evil.example') == "invoices/bolt"


# -- about to be decided


def waiting(customer_id: str, amount_minor: int, **fields: Any) -> Month:
    """A draft that needs an approval."""
    return month(customer_id, amount_minor, terms={"review_mode": "approve"}, **fields)


async def confirmation(browser: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    return await browser.post(LIST, data={"action": "approve", **fields})


def pulse_of(page: httpx.Response) -> str:
    found = re.search(r'name="pulse" value="([^"]+)"', page.text)
    assert found
    return found[1]


async def test_who_is_to_confirm_sees_each_amount_and_the_sums(desk: Office, browser: httpx.AsyncClient) -> None:
    for each in (waiting("acme", 300), waiting("bolt", 123_400), waiting("coal", 1200, currency="jpy")):
        await desk.ledger.record(each, AT)
    page = readable((await confirmation(browser, all="1", pulse=pulse_of(await browser.get(LIST)))).text)
    assert "Together: €1,237.00 and ¥1,200 ." in page
    for row in ("Acme acme 1 €3.00", "Bolt bolt 1 €1,234.00", "Coal coal 1 ¥1,200"):
        assert row in page
    assert "Left out" not in page


async def test_only_what_can_be_done_is_offered_and_what_cannot_is_counted_by_its_reason(
    desk: Office, browser: httpx.AsyncClient
) -> None:
    closed = waiting("coal", 100).close(Stage.SKIPPED, AT)
    for each in (waiting("acme", 300), month("bolt", 100), month("dune", 100), closed):
        await desk.ledger.record(each, AT)
    page = await confirmation(browser, all="1", pulse=pulse_of(await browser.get(LIST)))
    text = readable(page.text)
    assert "1 of 4 can be approved. Left out: 2, this draft needs no approval" in text
    assert "1, 2026-11 is closed already: Skipped" in text
    assert "Approve Acme" in text
    rows = re.search(r'<textarea name="rows" hidden>([^<]*)<', page.text)
    assert rows
    assert rows[1].startswith("acme 1 ")
    assert len(rows[1].splitlines()) == 1


async def test_if_nothing_can_be_done_nothing_is_asked(desk: Office, browser: httpx.AsyncClient) -> None:
    await desk.ledger.record(month("bolt", 100), AT)
    page = await confirmation(browser, all="1")
    assert page.status_code == 409
    assert "It cannot be approved" in page.text
    assert "needs no approval" in page.text
    assert "<textarea" not in page.text


async def test_all_that_match_may_be_others_than_those_that_were_shown(
    desk: Office, browser: httpx.AsyncClient
) -> None:
    acme = waiting("acme", 300)
    assert acme.invoice is not None
    await desk.ledger.record(acme, AT)
    shown = pulse_of(await browser.get(LIST))
    told = "The list has changed since you looked."
    assert told not in (await confirmation(browser, all="1", pulse=shown)).text
    await desk.ledger.record(month("bolt", 100), AT)
    page = await confirmation(browser, all="1", pulse=shown)
    assert told in page.text
    unsaid = {"action": "approve", "rows": f"acme 1 {acme.invoice.digest}", "changed": "1"}
    assert told in (await browser.post("/desk/2026-11/bulk", data=unsaid)).text
    assert told in (await confirmation(browser, all="1")).text, "nobody says what was shown"


async def test_a_ticked_row_that_has_changed_is_left_out(desk: Office, browser: httpx.AsyncClient) -> None:
    drafted = waiting("acme", 300)
    for each in (drafted, waiting("bolt", 100)):
        await desk.ledger.record(each, AT)
    assert drafted.invoice is not None
    page = await confirmation(browser, row=[f"acme 1 {drafted.invoice.digest}", "bolt 1 before"])
    text = readable(page.text)
    assert "Together: €3.00 ." in text
    assert "1 of 2 can be approved. Left out: 1, changed since you looked." in text


async def test_more_than_one_decision_can_carry_are_refused_with_what_to_do(
    desk: Office, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("acme", "bolt", "coal"):
        await desk.ledger.record(waiting(name, 300), AT)
    monkeypatch.setattr("console.reviewers.invoices.DECIDED_AT_ONCE", 2)
    page = await confirmation(browser, all="1")
    assert page.status_code == 400
    assert "3 invoices are too many at once" in page.text
    assert "Filter the list to 2 or fewer" in page.text
    assert (await confirmation(browser, all="1", search="acme")).status_code == 200


def test_as_many_as_may_be_decided_at_once_fit_into_a_form() -> None:
    rows = "\r\n".join(["a" * 64 + " 99999 " + "d" * 16] * DECIDED_AT_ONCE)
    assert len(urlencode({"rows": rows, "reason": "\N{BILLIARDS}" * 1000})) < BODY_MAX_BYTES - 1000


async def test_a_form_that_is_too_large_is_refused_in_the_desks_words(browser: httpx.AsyncClient) -> None:
    page = await browser.post("/desk/2026-11/bulk", data={"rows": "x" * BODY_MAX_BYTES})
    assert page.status_code == 413
    assert "That is too much at once" in page.text


async def test_what_has_changed_has_its_last_totals_beside_it(desk: Office, browser: httpx.AsyncClient) -> None:
    await desk.ledger.record(month("acme", 10_000, Period("2026-10")), AT)
    await desk.ledger.record(month("bolt", 10_000, Period("2026-10")), AT)
    await desk.ledger.record(month("acme", 30_000).evolve(usual_minor=10_000, first=False), AT)
    await desk.ledger.record(month("bolt", 10_000).evolve(usual_minor=10_000, first=False), AT)
    page = (await browser.get(LIST)).text
    assert page.count("<polyline") == 1
    assert '<th scope="row">October 2026</th><td>€100.00</td>' in page


async def test_a_first_invoice_is_flagged_unless_all_are(desk: Office, browser: httpx.AsyncClient) -> None:
    for name in ("acme", "bolt"):
        await desk.ledger.record(month(name), AT)
    assert "flag first" not in (await browser.get(LIST)).text
    await desk.ledger.record(month("acme", period=Period("2026-12")).evolve(first=False), AT)
    await desk.ledger.record(month("coal", period=Period("2026-12")), AT)
    assert (await browser.get("/desk/2026-12/invoices")).text.count("flag first") == 1
