"""Announcements in the ledger: who is concerned is written down once, and corrections go to those who were told."""

from datetime import timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from billing.announcements.announcement import AnnouncementState, RecipientState
from billing.announcements.audience import Audience
from billing.announcements.events import PageName
from billing.announcements.ports import PageOutcome
from billing.completeness.announcement_check import announcement_findings
from billing.completeness.report import FindingKind
from billing.errors import InvalidInput, NotFound
from billing.subscribers.service import ServiceCause, ServiceState
from tests.contract.announcement_fixtures import (
    DAY,
    MORNING,
    NORTH,
    WORKS,
    ZONE,
    Person,
    account,
    approved,
    counts,
    desk_of,
    many,
    phone,
    settle_in,
)
from tests.contract.event_fixtures import listed
from tests.contract.service_fixtures import by_person

PEOPLE = [
    Person("anna", phone(1), ("north-1", "north-1", "south-1")),
    Person("boris", phone(2), ("south-1",), address="Abay Ave. 12"),
    Person("clara", None),
    Person("dora", phone(1), timezone="Europe/Paris"),  # the number of anna, whose time zone it has
    Person("emil", phone(5), ("east-1",), address="Satpayev St. 3"),
]
FIRST, SECOND = PageName(number=1, timezone=ZONE, page=0), PageName(number=1, timezone=ZONE, page=1)


async def told(ledger: SqlLedger, page: PageName = FIRST, **ends: str) -> list[str]:
    """Sends a page; ``ends`` says of a number how it ended, if it was not told."""
    taken = await ledger.take_page(page, MORNING)
    phones = [each.phone for each in taken.recipients]
    ended = {number: f"t{number}" for number in phones if number not in ends.values()}
    failed = {number: "22" for how, number in ends.items() if how == "failed"}
    untried = {number: "none" for how, number in ends.items() if how == "untried"}
    await ledger.close_page(page, PageOutcome(ended, failed, untried), MORNING)
    return phones


@pytest.mark.parametrize(
    ("audience", "accounts", "customers", "texts", "without"),
    [
        (NORTH, 4, 3, {ZONE: 1}, 1),
        (Audience(nodes=("south-1",)), 2, 2, {ZONE: 2}, 0),
        (Audience(tags=("fiber",)), 1, 1, {ZONE: 1}, 0),
        (Audience(tags=("fiber",), nodes=("south-1",)), 3, 3, {ZONE: 3}, 0),
        (Audience(addresses=("abay ave 12",)), 1, 1, {ZONE: 1}, 0),
        (Audience(addresses=("ABAY ave",)), 6, 4, {ZONE: 2}, 1),
        (Audience(accounts=(account(4), account(6))), 2, 2, {ZONE: 1}, 1),
        (Audience(everybody=True), 7, 5, {ZONE: 3}, 1),
    ],
)
async def test_an_audience_has_whoever_matches_any_of_it(
    ledger: SqlLedger, audience: Audience, accounts: int, customers: int, texts: dict[str, int], without: int
) -> None:
    await settle_in(ledger, PEOPLE)
    await ledger.place_service(account(6), None, ("fiber", "vip"))
    reach = await ledger.reach(audience, "UTC")
    assert (reach.accounts, reach.customers, reach.texts, reach.without_number) == (accounts, customers, texts, without)
    assert reach.all_accounts == 7


async def test_nobody_and_everybody_are_asked_about_and_unknown_accounts_named(ledger: SqlLedger) -> None:
    await settle_in(ledger, PEOPLE)
    desk = desk_of(ledger)
    for audience, words in (
        (Audience(), "who is concerned"),
        (Audience(addresses=("--",)), "has no words"),
        (Audience(nodes=("west-1",)), "concerns nobody"),
        (
            Audience(nodes=("north-1", "south-1", "east-1")),
            "everybody, all 7 accounts; if that is meant, say everybody",
        ),
        (Audience(accounts=("99999",)), "not connected: 99999"),
    ):
        with pytest.raises(InvalidInput, match=words):
            await desk.create("a1", WORKS, audience, "ann", MORNING)
    assert not await ledger.announcements()
    await ledger.change_service(account(6), by_person(ServiceState.DISCONNECTED, ServiceCause.TERMINATED, "left"))
    with pytest.raises(InvalidInput, match=f"not connected: {account(6)}"):
        await desk.create("a1", WORKS, Audience(accounts=(account(6),)), "ann", MORNING)


async def test_an_approval_writes_down_once_who_is_concerned(ledger: SqlLedger) -> None:
    await settle_in(ledger, PEOPLE)
    for _ in range(2):
        announcement = await approved(ledger)
        assert (announcement.number, announcement.state) == (1, AnnouncementState.APPROVED)
        assert announcement.approved_why == "checked with the crew"
    assert await counts(ledger, 1) == {"waiting": 3, "no_number": 1}
    pages = [event.payload["data"] for event in await listed(ledger)]
    assert pages == [{"number": 1, "timezone": ZONE, "page": 0}]
    assert len(await ledger.recipients(1)) == 4


async def test_a_page_has_a_hundred_numbers_and_every_account_of_each(ledger: SqlLedger) -> None:
    people = many(150)
    await settle_in(ledger, [people[0]._replace(nodes=("north-1",) * 3), *people[1:]])
    await approved(ledger, Audience(everybody=True))
    assert [event.payload["data"]["page"] for event in await listed(ledger)] == [0, 1]  # type: ignore[index]
    first, second = await told(ledger), await told(ledger, SECOND)
    assert (len(first), len(second)) == (100, 50)
    assert sorted(first + second) == [person.phone for person in people]
    assert await counts(ledger, 1) == {"told": 152}
    assert await told(ledger) == []


async def test_an_approval_is_of_what_was_seen(ledger: SqlLedger) -> None:
    await settle_in(ledger, PEOPLE)
    desk = desk_of(ledger)
    draft = await desk.create("a1", WORKS, NORTH, "ann", MORNING)
    with pytest.raises(InvalidInput, match="takes 1 texts by now, not 7"):
        await desk.approve(draft.number, "bob", "checked", MORNING, texts=7)
    with pytest.raises(InvalidInput, match="are over"):
        await desk.approve(draft.number, "bob", "checked", MORNING + 9 * DAY)
    assert (await desk.approve(draft.number, "bob", "checked", MORNING, texts=1)).state is AnnouncementState.APPROVED
    with pytest.raises(NotFound, match="announcements list"):
        await desk.approve(7, "bob", "checked", MORNING)


async def test_a_draft_that_is_cancelled_is_told_to_nobody(ledger: SqlLedger) -> None:
    await settle_in(ledger, PEOPLE)
    desk = desk_of(ledger)
    draft = await desk.create("a1", WORKS, NORTH, "ann", MORNING)
    for _ in range(2):
        withdrawn = await desk.cancel(draft.number, "c1", "ann", "not in December", MORNING)
        assert withdrawn.state is AnnouncementState.WITHDRAWN
    with pytest.raises(InvalidInput, match="is withdrawn: create another one"):
        await desk.approve(draft.number, "bob", "checked", MORNING)
    assert not await listed(ledger)


# -- corrections and cancellations


LATER = WORKS.evolve(starts_at=WORKS.starts_at + DAY, ends_at=WORKS.ends_at + DAY)


async def correct(ledger: SqlLedger, number: int = 1, key: str = "k2") -> int:
    return (await desk_of(ledger).correct(number, key, LATER, "ann", "the crew is ill", MORNING)).number


async def cancel(ledger: SqlLedger, number: int, key: str = "k3") -> int:
    return (await desk_of(ledger).cancel(number, key, "ann", "no works at all", MORNING)).number


async def knowing(ledger: SqlLedger, number: int) -> dict[str | None, bool]:
    """Who gets it, and whether they knew of the works."""
    found = await ledger.recipients(number, RecipientState.WAITING)
    return {each.recipient: each.again for each in found}


async def test_a_correction_goes_to_those_who_were_told_and_replaces_what_still_waits(ledger: SqlLedger) -> None:
    await settle_in(ledger, many(4))
    await approved(ledger, Audience(everybody=True))
    await told(ledger, untried=phone(2), failed=phone(3))
    assert await counts(ledger, 1) == {"told": 2, "waiting": 1, "failed": 1}
    for _ in range(2):
        assert await correct(ledger) == 2
    assert await knowing(ledger, 2) == {phone(0): True, phone(1): True, phone(2): False}
    assert await counts(ledger, 1) == {"told": 2, "replaced": 1, "failed": 1}
    before, after = await ledger.announcement(1), await ledger.announcement(2)
    assert before is not None
    assert after is not None
    assert (before.state, before.replaced_by, after.corrects) == (AnnouncementState.REPLACED, 2, 1)
    assert before.text == after.text.replace("3 Dec", "2 Dec") if after.text else False
    assert after.news is not None
    assert after.news.startswith("Changed: planned works now 3 Dec 10:00-12:00")
    with pytest.raises(InvalidInput, match="is replaced: correct 2 instead"):
        await correct(ledger, 1, "another key")
    lanes = {event.payload["data"]["number"] for event in await listed(ledger)}  # type: ignore[index]
    assert lanes == {1, 2}


async def test_a_cancellation_is_for_those_who_know_even_of_an_earlier_date(ledger: SqlLedger) -> None:
    await settle_in(ledger, many(3))
    await approved(ledger, Audience(everybody=True))
    await told(ledger, untried=phone(2))
    await correct(ledger)
    for _ in range(2):
        assert await cancel(ledger, 2) == 3
    assert await knowing(ledger, 3) == {phone(0): True, phone(1): True}
    assert await counts(ledger, 2) == {"replaced": 3}
    with pytest.raises(InvalidInput, match="nobody is to be told of it"):
        await cancel(ledger, 3, "again")


async def test_what_was_begun_counts_as_told(ledger: SqlLedger) -> None:
    await settle_in(ledger, many(2))
    await approved(ledger, Audience(everybody=True))
    await ledger.take_page(FIRST, MORNING)  # and the process is killed
    await correct(ledger)
    assert await knowing(ledger, 2) == {phone(0): True, phone(1): True}
    assert [each.phone for each in (await ledger.take_page(FIRST, MORNING)).recipients] == [phone(0), phone(1)]


# -- who is not told


async def test_whoever_is_disconnected_meanwhile_is_not_told(ledger: SqlLedger) -> None:
    await settle_in(ledger, many(2))
    await approved(ledger, Audience(everybody=True))
    await ledger.change_service(account(0), by_person(ServiceState.DISCONNECTED, ServiceCause.TERMINATED, "left"))
    assert await told(ledger) == [phone(1)]
    assert await counts(ledger, 1) == {"told": 1, "disconnected": 1}


async def test_nobody_is_told_of_works_that_are_over_and_coverage_says_so(ledger: SqlLedger) -> None:
    await settle_in(ledger, many(2))
    await approved(ledger, Audience(everybody=True))
    during, after = WORKS.starts_at + timedelta(minutes=1), WORKS.ends_at
    assert not await ledger.untold(MORNING - DAY, MORNING)
    (finding,) = announcement_findings(await ledger.untold(during - 7 * DAY, during), (), during)
    assert finding.kind is FindingKind.UNTOLD_WORKS
    assert "announcement 1 began at 2026-12-02 05:00 UTC; phone numbers that were not told of them: 2" in finding.text
    assert not (await ledger.take_page(FIRST, after)).recipients
    assert await counts(ledger, 1) == {"too_late": 2}
    assert len(await ledger.untold(after - 7 * DAY, after)) == 1
    assert not await ledger.untold(after + DAY, after + 8 * DAY)


async def test_drafts_wait_until_they_are_approved_or_over_and_coverage_finds_them_when_works_begin_soon(
    ledger: SqlLedger,
) -> None:
    await settle_in(ledger, many(2))
    desk, later = desk_of(ledger), WORKS.evolve(starts_at=WORKS.starts_at + DAY, ends_at=WORKS.ends_at + DAY)
    for key, works in (("a1", later), ("a2", WORKS), ("a3", WORKS)):
        await desk.create(key, works, Audience(everybody=True), "ann", MORNING)
    await desk.cancel(3, "cancel 3", "ann", "no works", MORNING)
    drafts = await ledger.announcement_drafts(MORNING)
    assert [draft.number for draft in drafts] == [2, 1]
    (finding,) = announcement_findings((), drafts, MORNING)
    assert finding.kind is FindingKind.UNTOLD_WORKS
    assert finding.text.startswith("nobody has approved announcement 2, so nobody is told of the works that begin at ")
    await desk.approve(2, "bob", "checked", MORNING)
    assert [draft.number for draft in await ledger.announcement_drafts(MORNING)] == [1]
    assert not await ledger.announcement_drafts(later.ends_at)
