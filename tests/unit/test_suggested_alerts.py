"""Every alert, and what is in the way of an erasure, says what to type, and the command takes it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from billing.collections.stages import CollectionStage, NewCardTry
from billing.customers.erasure import ErasureObstacles, obstacle
from billing.keys import collection_id, workflow_id
from billing.progress import Braked, Failure
from billing.receivables.doubts import Doubt, DoubtKind
from billing.receivables.journal import NOTHING_OWED, Balance
from billing.reviewers.alerts import (
    Alert,
    of_collection,
    of_draft,
    of_drift,
    of_former_address,
    of_lost_event,
    of_month,
    of_news,
    of_report,
    of_worker,
)
from billing.reviewers.announcement_alerts import of_sent_draft
from billing.reviewers.money_alerts import of_doubt, of_proposal
from tests.debts import only, settled, with_fields
from tests.suggested import commands_in, parsed, todo
from tests.unit import collecting
from tests.unit.covering import PERIOD
from tests.unit.months import accepted, announced, opened
from tests.unit.months import drafted as month_drafted
from tests.unit.suggesting import PROPOSED, UNAPPROVED, UNKNOWN
from wording.remedies import command_line


def alerts() -> Iterator[Alert]:
    month = month_drafted(10000)
    at = month.notice_at
    ann = {"by": "ann", "reason": "look"}
    yield of_draft(month, at)
    yield of_drift(month, "1 row", at)
    yield of_report("acme", PERIOD, 1, "x", at)
    yield of_report("", PERIOD, 1, "x", at)
    yield of_former_address(month, at)
    yield of_lost_event("evt_1", "pi_1", at, "x", at)
    yield of_lost_event("evt_1", "", at, "x", at)
    for kind in DoubtKind:
        yield of_doubt(Doubt(kind=kind, text="x"), UNKNOWN, "key", at)
    yield of_proposal(PROPOSED, at)
    yield of_sent_draft(UNAPPROVED)
    yield of_worker(workflow_id("acme"), at)
    yield of_worker(collection_id("acme"), at)
    yield of_month(accepted(month, "halt", at, **ann), at)
    yield of_month(month_drafted(10000, unreadable=True), at)
    for mode in ("approve", "manual"):
        yield of_month(month_drafted(terms={"review_mode": mode}), at)
    yield of_month(opened(), at)
    yield of_month(announced(10000).evolve(brake=Braked(text="the brake is on")), at)
    owed = collecting.opened()
    for each in (
        owed,
        owed.evolve(brake=Braked(text="the brake is on")),
        owed.evolve(trouble=Failure(text="no answer")),
        with_fields(owed, attempt=NewCardTry()),
        collecting.accepted(owed, "halt", collecting.on(owed, 1)),
    ):
        yield of_collection(each, owed.give_up_at + timedelta(days=1))
    given_up = settled(owed, CollectionStage.WRITTEN_OFF, at)
    yield of_news(given_up, only(given_up), at)


def test_every_alert_says_what_to_type() -> None:
    for alert in alerts():
        (words,) = commands_in(todo(alert))
        parsed(words)


def test_a_collection_that_the_brake_stops_waits_for_its_release() -> None:
    owed = collecting.opened().evolve(brake=Braked(text="the brake is on"))
    assert todo(of_collection(owed, owed.since)) == "python starter.py brake off --by YOU --reason WHY"


@pytest.mark.parametrize(
    "standing",
    [
        ErasureObstacles(True, (), (), (), NOTHING_OWED),
        ErasureObstacles(False, ("2026-10",), (), (), NOTHING_OWED),
        ErasureObstacles(False, (), ("2026-10",), (), NOTHING_OWED),
        ErasureObstacles(False, (), (), (), Balance(owed=(), credits={"eur": -300})),
    ],
)
def test_what_is_in_the_way_of_an_erasure_says_what_to_type(standing: ErasureObstacles) -> None:
    refusal = obstacle("acme", standing)
    assert refusal is not None
    assert refusal[1] is not None
    (words,) = commands_in(command_line(refusal[1]))
    parsed(words)
