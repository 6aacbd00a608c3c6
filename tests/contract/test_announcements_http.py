"""``POST /announcements``, by a real socket and a real ledger: works are written once, corrected and cancelled."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from billing.announcements.announcement import AnnouncementState, RecipientState
from billing.announcements.audience import Audience
from billing.errors import LedgerUnavailable
from billing.reviewers.alerts import AlertKind
from inbound.signed import MAX_BODY_BYTES
from tests.contract.announcement_fixtures import MORNING, WORKS, desk_of, many, phone, settle_in
from tests.contract.conftest import Serve
from tests.contract.sent_works import LATER, SECRETS, SENT, Office, approve, office_of, states, tell
from tests.contract.sent_works import office as office  # a fixture

DOCUMENT = (Path(__file__).parents[2] / "docs" / "announcements.md").read_text()


async def test_works_are_a_draft_once_that_people_approve(office: Office, ledger: SqlLedger) -> None:
    answers = [await office.post(SENT), await office.post(SENT, SECRETS[1])]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].content == answers[1].content
    status = answers[0].json()
    assert (status["announcement"], status["state"], status["version"]) == (1, "draft", 1)
    assert status["concerned"] == {
        "accounts": 3,
        "customers": 3,
        "without_number": 1,
        "texts": 2,
        "segments": status["concerned"]["segments"],
        "too_late": 0,
        "beyond_limit": 0,
        "cost": f"{status['concerned']['segments'] * 9}.00 KZT",
    }
    assert WORKS.reason in status["text"]
    assert await states(ledger) == [(1, AnnouncementState.DRAFT)]
    assert not [event async for event in ledger.outgoing_events()], "nobody is told before people have approved"
    await approve(ledger)
    await tell(ledger)
    status = (await office.get(status["status_path"])).json()
    assert (status["state"], "concerned" in status) == ("approved", False)
    assert status["told"] == {"accounts": 3, "told": 2, "waiting": 0, "refused": 0, "excluded": 0}
    assert (await office.post(SENT)).json() == status


async def test_people_are_told_of_each_draft_that_waits_for_their_approval(office: Office, ledger: SqlLedger) -> None:
    for _ in range(2):
        await office.post(SENT)
    (alert,) = await ledger.alerts()
    assert (alert.kind, alert.remedies[0].announcement) == (AlertKind.WORKS, 1)
    assert alert.text.startswith("новый коммутатор, from 2026-12-02 10:00 Asia/Almaty on, was sent as W-17, version 1")
    await office.post(SENT | LATER)
    assert [each.remedies[0].announcement for each in await ledger.alerts()] == [1, 2]
    await approve(ledger, 2)
    await office.post(SENT | {"version": 3})
    await desk_of(ledger).create("a1", WORKS, Audience(nodes=("north-1",)), "ann", MORNING)
    assert len(await ledger.alerts()) == 2, "a correction is told at once, and people know what they write"


@pytest.mark.parametrize(
    ("fields", "status", "word"),
    [
        ({"audience": {"nodes": ["west-1"]}}, 422, "concerns nobody"),
        ({"audience": {}}, 422, "who is concerned?"),
        ({"audience": {"nodes": ["north-1", "south-1"]}}, 422, "everybody, all 4 accounts; if that is meant, say"),
        ({"audience": {"accounts": ["1000009"]}}, 422, "not connected: 1000009"),
        ({"audience": {"node": ["north-1"]}}, 422, "audience.node"),
        ({"ends_at": SENT["starts_at"]}, 422, "works end after they begin"),
        ({"starts_at": "2026-11-01T10:00:00Z", "ends_at": "2026-11-01T12:00:00Z"}, 422, "over already"),
        ({"starts_at": "2026-12-03T10:00:00"}, 422, "starts_at"),
        ({"reason": " "}, 422, "reason"),
        ({"reason": "x" * 121}, 422, "reason"),
        ({"reason": "новый коммутатор " * 7}, 422, "segments"),
        ({"number": "W 17"}, 422, "number"),
        ({"version": 0}, 422, "version"),
        ({"colour": "red"}, 422, "colour"),
    ],
)  # fmt: skip
async def test_what_cannot_be_announced_is_refused_and_nothing_is_written(
    office: Office, ledger: SqlLedger, fields: dict[str, Any], status: int, word: str
) -> None:
    refused = await office.post(SENT | fields)
    assert (refused.status_code, word in refused.json()["error"]) == (status, True), refused.text
    assert await states(ledger) == []


async def test_everybody_is_concerned_where_it_is_said(office: Office) -> None:
    taken = await office.post(SENT | {"audience": {"everybody": True}})
    assert (taken.status_code, taken.json()["concerned"]["accounts"]) == (201, 4)


async def test_another_content_under_the_same_number_is_refused(office: Office, ledger: SqlLedger) -> None:
    first = (await office.post(SENT)).json()
    for other in ({"reason": "other"}, {"audience": {"nodes": ["south-1"]}}, {"ends_at": LATER["ends_at"]}):
        refused = await office.post(SENT | other)
        assert (refused.status_code, "another content" in refused.json()["error"]) == (409, True)
    assert (await office.get()).json() == first
    assert len(await states(ledger)) == 1


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


async def test_only_who_signs_is_answered(office: Office, ledger: SqlLedger, serve: Serve) -> None:
    await office.post(SENT)
    assert (await office.post(SENT, "another secret, that has 32 characters")).status_code == 401
    assert (await office.get(signed_path="/announcements/W-18")).status_code == 401
    assert (await office.http.post("/announcements", json=SENT)).status_code == 401
    assert (await office.get("/announcements/W-18")).status_code == 404
    assert (await office.cancel("W-18")).status_code == 404
    assert (await office.post(b"x" * (MAX_BODY_BYTES + 1))).status_code == 413
    closed = await office_of(serve, ledger, [])
    assert (await closed.post(SENT)).status_code == 403
    await closed.http.aclose()


async def test_a_ledger_that_is_away_is_asked_again(
    office: Office, ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise LedgerUnavailable("it is locked")

    with monkeypatch.context() as broken:
        broken.setattr(ledger, "save_announcement", away)
        refused = await office.post(SENT)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert (await office.post(SENT)).status_code == 201


async def test_the_documents_example_is_taken_and_answered_as_it_says(ledger: SqlLedger, serve: Serve) -> None:
    example, shown = (json.loads(text) for text in re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL))
    people = many(2)
    await settle_in(ledger, [people[0]._replace(nodes=("north-3",)), people[1]._replace(address="Satpayev St. 3")])
    office = await office_of(serve, ledger, SECRETS)
    answer = await office.post(example)
    assert answer.status_code == 201, answer.text
    assert answer.json() == shown | {"announcement": 1, "concerned": answer.json()["concerned"]}
    assert answer.json()["concerned"].keys() == shown["concerned"].keys()
    assert (await ledger.announcement(1)).audience == Audience(nodes=("north-3",), addresses=("abay ave",))  # type: ignore[union-attr]
    (cancelling,) = re.findall(r"`(\{\"number\".*?\})`", DOCUMENT)
    assert (await office.post(json.loads(cancelling), path="/announcements/cancel")).json()["state"] == "withdrawn"
    await office.http.aclose()
