"""``POST /announcements``, by a real socket and a real ledger: works are written once, and the wrong ones refused."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from billing.announcements.announcement import AnnouncementState
from billing.announcements.audience import Audience
from billing.errors import LedgerUnavailable
from inbound.signed import MAX_BODY_BYTES
from tests.contract.announcement_fixtures import WORKS, many, settle_in
from tests.contract.announcing_office import LATER, SECRETS, SENT, Office, approve, office, office_of, states, tell
from tests.contract.conftest import Serve

__all__ = ["office"]  # fixture
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


async def test_two_that_arrive_together_are_one(office: Office, ledger: SqlLedger) -> None:
    answers = await asyncio.gather(*(office.post(SENT) for _ in range(4)))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len({answer.content for answer in answers}) == 1
    assert len(await states(ledger)) == 1


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
