"""Stories of service orders and planned works, for the judge to look at, through the procedures that are shipped."""

from contextlib import suppress
from datetime import timedelta

from billing.announcements.announcement import Announcement, Works
from billing.announcements.audience import Audience
from billing.errors import InvalidInput
from billing.subscribers.newcomer import NewSubscriber
from bootstrap_announcements import connect_announcement_desk
from orders.changes import Cancel, Reopen
from orders.order import Buyer
from tests.bed import Bed, now
from tests.contract.announcement_fixtures import Person, settle_in
from tests.office import (
    ZONE,
    asks,
    connected,
    does,
    everybody_is_told,
    installed,
    member,
    ordered,
    papers,
    passes,
    pays,
    returns,
    standing,
    taken_down,
    task_at,
)
from tests.scenarios import subscriber_steps
from tests.scenarios.money_stories import collections_are_told

_NORTH = (Person("nina", "+77010000001", ("north-1", "north-1")), Person("nils", "+77010000002", ("north-1",)))
_SOUTH = Person("sam", "+77010000003", ("south-1",))


# -- connections


async def a_subscriber_is_connected(bed: Bed) -> None:
    """Through four departments; the crew tries its hand at an operator's task, and the warehouse returns one."""
    await ordered(bed)
    with suppress(InvalidInput):
        await does(bed, "feasibility", by="kim", possible="yes", equipment="yes")
        return
    await does(bed, "feasibility", possible="yes", equipment="yes")
    await returns(bed, "equipment", "feasibility")
    await does(bed, "feasibility", possible="yes", equipment="yes", area="north")
    await does(bed, "equipment", to_be_bought="yes", what="a router")
    await does(bed, "purchase")
    await pays(bed)
    await installed(bed)
    await everybody_is_told(bed)


async def a_task_is_completed_twice(bed: Bed) -> None:
    await ordered(bed)
    for _ in range(2):
        await does(bed, "feasibility", possible="yes", equipment="no")
    await pays(bed)
    await everybody_is_told(bed)


async def an_address_cannot_be_connected(bed: Bed) -> None:
    await ordered(bed)
    await does(bed, "feasibility", possible="no", equipment="no", reason="no cable")
    await everybody_is_told(bed)


async def somebody_without_a_phone_cannot_be_connected(bed: Bed) -> None:
    """So they are told by mail."""
    buyer = Buyer(customer_id="dana", name="Dana A.", email="dana@example.com")
    await ordered(bed, buyer=buyer, subscriber=NewSubscriber(address="Abay Ave. 1"))
    await does(bed, "feasibility", possible="no", equipment="no", reason="no cable")
    await everybody_is_told(bed)


async def a_fee_is_not_paid(bed: Bed) -> None:
    """All of it."""
    await ordered(bed)
    await does(bed, "feasibility", possible="yes", equipment="no")
    await pays(bed, "4")
    ends_at = (await standing(bed)).ends_at
    assert ends_at is not None
    await passes(bed, ends_at, lambda seen: seen.outcome == "cancelled")
    await everybody_is_told(bed)


async def an_order_is_cancelled_after_its_fee_was_paid(bed: Bed) -> None:
    """And then too late, by somebody else."""
    await ordered(bed)
    await does(bed, "feasibility", possible="yes", equipment="yes")
    await does(bed, "equipment", to_be_bought="no", what="a router")
    await pays(bed)
    await asks(bed, Cancel(change_id="c1", by="ann", reason="moves away", via="cli"))
    await does(bed, "give_back")
    await everybody_is_told(bed)


async def a_task_is_late(bed: Bed) -> None:
    """It goes to another department, somebody there claims it, and is reminded."""
    await ordered(bed)
    due_at = (await standing(bed)).due_at
    assert due_at is not None
    await passes(bed, due_at, lambda seen: seen.next_at != due_at)
    claimed = await task_at(bed, "feasibility")
    assert claimed is not None
    await bed.ledger.claim_task(claimed.number, member("anton"), due_at + timedelta(hours=1))
    again_at = (await standing(bed)).next_at
    assert again_at is not None
    await passes(bed, again_at, lambda seen: seen.next_at != again_at)
    await does(
        bed,
        "feasibility",
        by="anton",
        at=again_at + timedelta(hours=1),
        possible="no",
        equipment="no",
        reason="no cable",
    )
    await everybody_is_told(bed)


# -- what follows


async def a_subscriber_leaves_without_the_router(bed: Bed) -> None:
    account = await connected(bed)
    await ordered(bed, "78", "disconnect", account=account)
    await taken_down(bed, "78", all_back="no", price="150")
    await everybody_is_told(bed)


async def a_debtor_leaves(bed: Bed) -> None:
    """A person lets them, if anybody is asked."""
    period = await subscriber_steps.billed(bed)
    at = now() + timedelta(days=90)
    await ordered(bed, "78", "disconnect", at=at, account=subscriber_steps.NUMBER)
    if await task_at(bed, "debt", "78"):
        await does(bed, "debt", number="78", at=at, allow="yes", why="moves abroad")
    await taken_down(bed, "78", at=at, all_back="yes", price="0")
    await subscriber_steps.pays(bed, "1", subscriber_steps.minor(period), period)
    await collections_are_told(bed)
    await everybody_is_told(bed)


async def a_tariff_is_changed(bed: Bed) -> None:
    account = await connected(bed)
    first = now().date() + timedelta(days=3)
    await ordered(bed, "78", "change_tariff", account=account, values={"tariff": "fast"})
    await does(bed, "look", number="78", visit="no", first_day=f"{first}")
    begins = (await standing(bed, "78")).next_at
    assert begins is not None
    await passes(bed, begins, lambda seen: seen.step == "switch", "78")
    await does(bed, "switch", number="78", at=begins + timedelta(hours=2))
    await everybody_is_told(bed)


async def a_request_is_answered_and_opened_again(bed: Bed) -> None:
    account = await connected(bed)
    wanted = {"category": "Bill or payment", "text": "Why?"}
    await ordered(bed, "78", "request", account=account, values=wanted)
    await does(bed, "money", number="78", answer="by the tariff")
    await asks(bed, Reopen(change_id="r1", by="ann", reason="not content", via="cli"), "78")
    await does(bed, "office", number="78", answer="we explain it once more")
    await everybody_is_told(bed)


# -- planned works


async def works_are_announced_moved_and_cancelled(bed: Bed) -> None:
    """Of three who live there, two are on the node; one of them has two accounts there."""
    await settle_in(bed.ledger, [*_NORTH, _SOUTH], now())
    desk, works = connect_announcement_desk(bed.settings, bed.ledger), _works("new switch")
    phones = [str(person.phone) for person in _NORTH]
    papers(bed).announces("w1", works.reason, phones)
    draft = await desk.create("w1", works, Audience(nodes=("north-1",)), "ann", now())
    first = await desk.approve(draft.number, "ann", "checked", now())
    await everybody_is_told(bed)
    papers(bed).announces("w2", "newer switch", phones, changes="w1")
    moved = await desk.correct(first.number, "w2", _works("newer switch", 3), "ann", "the crew is ill", now())
    await everybody_is_told(bed)
    papers(bed).announces("w3", "", phones, changes="w2")
    last: Announcement = await desk.cancel(moved.number, "w3", "ann", "no works at all", now())
    assert last.approved_at is not None
    await everybody_is_told(bed)


def _works(reason: str, days: int = 2) -> Works:
    starts_at = now().replace(minute=0, second=0, microsecond=0) + timedelta(days=days)
    return Works(starts_at=starts_at, ends_at=starts_at + timedelta(hours=2), timezone=ZONE, reason=reason)
