"""The desk's pages of planned works: previewed before they are written, approved as they were seen, corrected, told."""

from datetime import timedelta

from billing.reviewers.users import Role
from tests.console.months import NOVEMBER
from tests.console.paying import Person, ann, desk, signed_in
from tests.console.people import Office
from tests.console.reviewing import fields
from tests.contract.announcement_fixtures import account, many, settle_in
from tests.unit.command_line import NOW

__all__ = ["ann", "desk"]  # fixtures
LIST, WRITE = "/desk/announcements", "/desk/announcements/-/write"
DAY = f"{NOW + timedelta(days=9):%Y-%m-%d}"
TYPED = {"starts": f"{DAY}T10:00", "ends": f"{DAY}T12:00", "works": "<b>new</b> switch", "nodes": "north-1"}


async def form(ann: Person, path: str, action: str) -> dict[str, str]:
    found = fields((await ann.browser.get(path)).text, action)
    assert "csrf" in found, action
    return found


async def test_works_are_seen_before_they_are_written_and_approved_as_they_were_seen(desk: Office, ann: Person) -> None:
    people = many(3)
    await settle_in(desk.ledger, [*people[:2], people[2]._replace(nodes=("south-1",), phone=None)])
    assert "No works are announced" in await ann.page(LIST)
    given = await form(ann, LIST, WRITE) | TYPED
    assert "This concerns nobody" in await ann.post(WRITE, given | {"nodes": "west-1"}, 409)
    seen = await ann.post(WRITE, given | {"nodes": "north-1 south-1", "everybody": "1", "do": "preview"}, 200)
    assert "2 texts of 1 segment each (GSM-7)" in seen
    assert "1 without a phone number: call them" in seen
    assert not await desk.ledger.announcements()
    for _ in range(2):
        page = await ann.post(WRITE, given | {"do": "create"})
        assert "<b>new</b> switch Draft" in page
        assert "for 2 of 3 accounts of 2 customers" in page
    assert len(await desk.ledger.announcements()) == 1
    approve = f"{LIST}/1/approve"
    approval = await form(ann, f"{LIST}/1", approve) | {"reason": "checked"}
    assert "Say why" in await ann.post(approve, approval | {"reason": ""}, 409)
    assert "takes 2 texts by now, not 1" in await ann.post(approve, approval | {"texts": "1"}, 409)
    for _ in range(2):
        page = await ann.post(approve, approval)
        assert "Approved by Ann" in page or "Approved by ann" in page
        assert "of 2 told" in page
    assert account(1) in page
    assert "No such" not in await ann.page(f"{LIST}/1", state="failed", after="x")
    await ann.page(f"{LIST}/7", 404)


async def test_works_that_wait_for_an_approval_are_among_what_needs_a_person(desk: Office, ann: Person) -> None:
    people = many(2)
    await settle_in(desk.ledger, [people[0], people[1]._replace(nodes=("south-1",))])
    await ann.post(WRITE, await form(ann, LIST, WRITE) | TYPED | {"do": "create"})
    page = await ann.page(f"/desk/{NOVEMBER}")
    assert "Planned works <b>new</b> switch in" in page
    assert "Nobody is told before somebody approves it" in page
    await ann.post(f"{LIST}/1/approve", await form(ann, f"{LIST}/1", f"{LIST}/1/approve") | {"reason": "checked"})
    assert "Planned works" not in await ann.page(f"/desk/{NOVEMBER}")


async def test_a_correction_and_a_cancellation_lead_to_what_replaces_it(desk: Office, ann: Person) -> None:
    people = many(2)
    await settle_in(desk.ledger, [people[0], people[1]._replace(nodes=("south-1",))])
    await ann.post(WRITE, await form(ann, LIST, WRITE) | TYPED | {"do": "create"})
    await ann.post(f"{LIST}/1/approve", await form(ann, f"{LIST}/1", f"{LIST}/1/approve") | {"reason": "checked"})
    given = await form(ann, f"{LIST}/1", f"{LIST}/1/correct") | {"ends": f"{DAY}T14:00", "reason": "the crew is ill"}
    assert "Works end after" in await ann.post(f"{LIST}/1/correct", given | {"ends": f"{DAY}T09:00"}, 409)
    for _ in range(2):
        page = await ann.post(f"{LIST}/1/correct", given)
        assert "10:00 to 14:00" in page
        assert "corrects 1" in page
    assert "replaced by 2" in await ann.page(f"{LIST}/1")
    cancelled = await ann.post(f"{LIST}/2/cancel", await form(ann, f"{LIST}/2", f"{LIST}/2/cancel") | {"reason": "no"})
    assert "cancels 2" in cancelled
    assert "Cancel the works" not in cancelled


async def test_a_viewer_sees_and_changes_nothing(desk: Office, ann: Person) -> None:
    people = many(2)
    await settle_in(desk.ledger, [people[0], people[1]._replace(nodes=("south-1",))])
    await ann.post(WRITE, await form(ann, LIST, WRITE) | TYPED | {"do": "create"})
    async with signed_in(desk, "vic", Role.VIEWER) as vic:
        for path in (LIST, f"{LIST}/1"):
            page = (await vic.browser.get(path)).text
            assert '<form class="body' not in page
            assert "/approve" not in page
        csrf = fields(page, "/logout")
        assert (await vic.browser.post(f"{LIST}/1/approve", data=csrf | {"reason": "x"})).status_code == 403
        assert (await vic.browser.post(WRITE, data=csrf | TYPED)).status_code == 403
