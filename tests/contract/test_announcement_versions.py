"""Planned works that are sent again: greater versions, corrections, cancellations, and who is told of each."""

import asyncio
from datetime import datetime, timedelta

import httpx

from adapters.sql.ledger import SqlLedger
from billing.announcements.announcement import AnnouncementState, RecipientState
from billing.errors import InvalidInput
from tests.contract.announcement_fixtures import MORNING, WORKS, desk_of, phone
from tests.contract.announcing_office import (
    LATER,
    SECRETS,
    SENT,
    Office,
    approve,
    office,
    office_of,
    rows,
    states,
    tell,
)
from tests.contract.conftest import Serve

__all__ = ["office"]  # fixture
TEN = [{"number": f"W-{place}"} for place in range(10)]


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


async def test_a_greater_version_of_a_draft_replaces_it_by_a_draft(office: Office, ledger: SqlLedger) -> None:
    await office.post(SENT)
    wider = SENT | LATER | {"audience": {"nodes": ["south-1"]}}
    assert (await office.post(SENT | LATER | {"audience": {"nodes": ["west-1"]}})).status_code == 422
    assert await states(ledger) == [(1, AnnouncementState.DRAFT)], "what is refused withdraws nothing"
    answers = [await office.post(wider) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert await states(ledger) == [(2, AnnouncementState.DRAFT), (1, AnnouncementState.WITHDRAWN)]
    assert (answers[1].json()["version"], answers[1].json()["concerned"]["texts"]) == (2, 1)
    late = await office.post(SENT)
    assert (late.status_code, late.json()["version"]) == (200, 2), "a repeat that comes late changes nothing"


async def test_of_approved_works_those_who_were_told_are_told_the_next_version(
    office: Office, ledger: SqlLedger
) -> None:
    await office.post(SENT)
    await approve(ledger)
    await tell(ledger, but=phone(1))
    nothing = await office.post(SENT | {"version": 2})
    assert (nothing.status_code, "changes nothing" in nothing.json()["error"]) == (422, True)
    other = await office.post(SENT | LATER | {"audience": {"nodes": ["south-1"]}})
    assert (other.status_code, "whom it concerns stays" in other.json()["error"]) == (409, True)
    answers = [await office.post(SENT | LATER) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    status = answers[1].json()
    assert (status["announcement"], status["kind"], status["version"]) == (2, "correction", 2)
    assert {each.recipient: each.again for each in await ledger.recipients(2)} == {phone(0): True, phone(1): False}
    skipped = await office.post(SENT | LATER | {"version": 1})
    assert skipped.status_code == 409


async def test_what_people_correct_and_cancel_is_in_the_status(office: Office, ledger: SqlLedger) -> None:
    await office.post(SENT)
    await approve(ledger)
    moved = WORKS.evolve(ends_at=WORKS.ends_at + timedelta(hours=3))
    await desk_of(ledger).correct(1, "by ann", moved, "ann", "the crew is ill", MORNING)
    status = (await office.get()).json()
    assert (status["announcement"], status["version"]) == (2, 1)
    assert datetime.fromisoformat(status["ends_at"]) == moved.ends_at
    assert (await office.post(SENT | LATER)).json()["announcement"] == 3
    await desk_of(ledger).cancel(3, "cancel 3", "ann", "no works", MORNING)
    assert (await office.get()).json()["kind"] == "cancellation"
    assert (await office.cancel()).json()["announcement"] == 4, "it is cancelled already"


async def test_a_draft_that_is_cancelled_is_withdrawn(office: Office, ledger: SqlLedger) -> None:
    await office.post(SENT)
    answers = [await office.cancel() for _ in range(2)]
    assert [(each.status_code, each.json()["state"]) for each in answers] == [(200, "withdrawn")] * 2
    assert await states(ledger) == [(1, AnnouncementState.WITHDRAWN)]
    assert (await office.post(SENT)).json()["state"] == "withdrawn"


async def test_a_cancellation_goes_to_those_who_know_of_the_works(office: Office, ledger: SqlLedger) -> None:
    await office.post(SENT)
    await approve(ledger)
    await tell(ledger, but=phone(1))
    answers = [await office.cancel() for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert (answers[0].status_code, answers[0].json()["kind"]) == (200, "cancellation")
    assert [each.recipient for each in await ledger.recipients(2, RecipientState.WAITING)] == [phone(0)]
    assert len(await states(ledger)) == 2


async def test_a_draft_that_cannot_be_approved_any_more_says_why(
    office: Office, ledger: SqlLedger, serve: Serve
) -> None:
    await office.post(SENT)
    later = await office_of(serve, ledger, SECRETS, WORKS.ends_at)
    for answer in (await later.get(), await later.post(SENT)):
        assert (answer.status_code, "over already" in answer.json()["hindrance"]) == (200, True)
    await later.http.aclose()
