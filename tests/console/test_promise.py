"""A promise to pay, by reviewers on the page of a month and by customers on theirs; the ladder then stands."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from billing.collections.collection import Collection
from billing.customers.customer import Terms
from billing.customers.ladder import parse_ladder
from billing.period import Period
from billing.reviewers.users import Role
from tests.console.conftest import Desk
from tests.console.reviewing import readable, reviewer

LADDER = Terms(ladder=parse_ladder("1 remind, 7 warn, 14 suspend"))


async def owes(desk: Desk, terms: Terms = LADDER) -> Collection:
    await desk.overdue(terms=terms)
    return await desk.bed.collects(lambda found: True)


def day(collection: Collection, days: int) -> str:
    return f"{collection.since + timedelta(days=days):%Y-%m-%d}"


async def test_reviewer_notes_a_promise_and_the_page_shows_the_ladder(desk: Desk) -> None:
    collection = await owes(desk)
    async with reviewer(desk, role=Role.REVIEWER) as ann:
        page = await ann.page()
        assert "1 remind, 7 warn, 14 suspend; 0 of 3 begun" in page
        assert "after a warning: suspend" in page
        page = await ann.result(await ann.send("promise", "a wire is on its way", until=day(collection, 20)))
        promised = await desk.bed.collects(lambda found: found.promise is not None)
        assert promised.entries[-1].reason == "a wire is on its way"
        assert f"Ann promised payment by {day(collection, 20)}" in await ann.page()


@pytest.mark.parametrize(
    ("until", "why"), [("2020-01-01", "is in the past"), ("2999-01-01", "is too late"), ("soon", "until")]
)
async def test_day_that_cannot_be_promised_is_refused_with_a_page(desk: Desk, until: str, why: str) -> None:
    await owes(desk)
    async with reviewer(desk, role=Role.REVIEWER) as ann:
        answer = await ann.send("promise", until=until)
        assert answer.status_code in (409, 422)
        assert why in readable(answer.text)
    assert (await desk.bed.collection()).promise is None


async def test_viewer_is_not_offered_a_promise(desk: Desk) -> None:
    collection = await owes(desk)
    async with reviewer(desk, role=Role.VIEWER) as eve:
        assert "Note a promise" not in await eve.page()
        answer = await eve.send("promise", until=day(collection, 2))
        assert answer.status_code == 403


async def test_customer_promises_once_a_month_on_their_page(desk: Desk) -> None:
    collection = await owes(desk)
    page = (await desk.browser.get(desk.page())).text
    (last,) = re.findall(r'name="until" max="([0-9-]+)"', page)
    assert last == day(collection, 5)
    answer = await desk.browser.post(f"{desk.page()}/promise", data={"until": last})
    assert answer.status_code == 303, answer.text
    text = (await desk.browser.get(desk.page())).text
    assert "Until then your service stays as it is" in text
    assert "Promise it" not in text
    again = await desk.browser.post(f"{desk.page()}/promise", data={"until": last})
    assert again.status_code == 422
    assert "promised already" in again.text
    promised = await desk.bed.collection()
    assert promised.promise is not None
    this_month = Period.at(datetime.now(UTC), "Europe/Paris")
    assert (promised.promise.by, promised.promised_in) == ("the customer", this_month)


async def test_customer_who_is_threatened_with_nothing_is_offered_no_promise(desk: Desk) -> None:
    await owes(desk, Terms())
    assert "Do you need a few days" not in (await desk.browser.get(desk.page())).text
    answer = await desk.browser.post(f"{desk.page()}/promise", data={"until": "2026-12-04"})
    assert answer.status_code == 422
    assert "No promise is needed here" in answer.text
