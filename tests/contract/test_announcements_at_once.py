"""Works that are sent at the same moment: one is on record for each number, the last of its versions."""

import asyncio
from datetime import timedelta

import httpx

from adapters.sql.ledger import SqlLedger
from billing.announcements.announcement import AnnouncementState
from billing.errors import InvalidInput
from tests.contract.announcement_fixtures import WORKS
from tests.contract.sent_works import LATER, SENT, Office, approve, rows, states
from tests.contract.sent_works import office as office  # a fixture

TEN = [{"number": f"W-{place}"} for place in range(10)]


async def test_two_that_arrive_together_are_one(office: Office, ledger: SqlLedger) -> None:
    answers = await asyncio.gather(*(office.post(SENT) for _ in range(4)))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len({answer.content for answer in answers}) == 1
    assert len(await states(ledger)) == 1


async def test_of_two_versions_that_arrive_together_the_greater_is_the_draft(office: Office, ledger: SqlLedger) -> None:
    for name in TEN:
        first, second = await asyncio.gather(office.post(SENT | name), office.post(SENT | LATER | name))
        assert second.status_code == 201, second.text
        assert first.status_code in (201, 409), first.text  # replaced, or too late
    drafts = [each for each in await rows(ledger) if each.state is AnnouncementState.DRAFT]
    assert sorted((each.reference, each.version) for each in drafts) == [(name["number"], 2) for name in TEN]


async def test_of_two_corrections_that_arrive_together_the_greater_is_told_last(
    office: Office, ledger: SqlLedger
) -> None:
    latest = {"version": 3, "ends_at": (WORKS.ends_at + timedelta(hours=2)).isoformat()}
    for name in TEN:
        await approve(ledger, (await office.post(SENT | name)).json()["announcement"])
        second, third = await asyncio.gather(*(office.post(SENT | each | name) for each in (LATER, latest)))
        assert third.status_code == 201, third.text
        assert second.status_code in (201, 409), second.text
    going = [each for each in await rows(ledger) if each.state is AnnouncementState.APPROVED]
    assert sorted((each.reference, each.version) for each in going) == [(name["number"], 3) for name in TEN]


async def test_works_that_people_approve_meanwhile_are_corrected_and_cancelled_all_the_same(
    office: Office, ledger: SqlLedger
) -> None:
    for name in TEN:
        number = (await office.post(SENT | name)).json()["announcement"]
        approval, answer = await asyncio.gather(
            approve(ledger, number), office.post(SENT | LATER | name), return_exceptions=True
        )
        assert isinstance(answer, httpx.Response)
        assert (answer.status_code, answer.json()["version"]) == (201, 2), answer.text
        assert answer.json()["kind"] == ("works" if isinstance(approval, InvalidInput) else "correction")
        number = answer.json()["announcement"]
        _, answer = await asyncio.gather(approve(ledger, number), office.cancel(name["number"]), return_exceptions=True)
        assert isinstance(answer, httpx.Response)
        assert answer.status_code == 200, answer.text
    assert not [each for each in await rows(ledger) if each.state is AnnouncementState.DRAFT]
