"""The page of the emergency brake: pulled in two steps, released by an administrator, visible on every page."""

from datetime import UTC, datetime
from typing import Any

import pytest

from billing.collections.collection import Collection
from billing.collections.stages import ScheduledTry
from billing.customers.customer import Terms
from billing.period import Period
from billing.progress import Braked, Failure
from billing.reviewers.users import Role
from tests.bed import OCTOBER
from tests.console.conftest import Desk
from tests.console.reviewing import fields, readable, reviewer
from tests.debts import only, with_fields
from tests.unit.collecting import opened
from tests.unit.months import customer

BRAKE = "/desk/brake"


async def test_a_reviewer_pulls_it_in_two_steps_and_every_page_says_so(desk: Desk) -> None:
    await desk.bed.monitored()
    async with reviewer(desk, role=Role.REVIEWER) as ann:
        asked = await ann.post(f"{BRAKE}/pull", {"reason": "the sheet is wrong"})
        assert "Stop everything?" in asked.text
        assert await desk.bed.ledger.brake() is None, "the first step only asks"
        pulled = await ann.post(f"{BRAKE}/pull", {"reason": "the sheet is wrong", "confirm": "yes"})
        assert pulled.headers["location"] == BRAKE
        text = await ann.page(BRAKE)
        assert "Nothing is announced or charged" in text
        assert "Only an administrator can release it" in text
        assert "The emergency brake is on" in await ann.page(f"/desk/{OCTOBER}/invoices/acme")
    brake = await desk.bed.ledger.brake()
    assert brake is not None
    assert (brake.pulled_by, brake.pulled_why, brake.pulled_via, brake.on) == (
        "ann",
        "the sheet is wrong",
        "console",
        True,
    )


async def test_only_an_administrator_releases_it_and_its_history_stays(desk: Desk) -> None:
    await desk.bed.ledger.pull_brake("ann", "the sheet is wrong", "console", datetime.now(UTC))
    async with reviewer(desk, "bob", Role.APPROVER) as bob:
        assert (await bob.post(f"{BRAKE}/release", {"reason": "right again"})).status_code == 403
        brake = await desk.bed.ledger.brake()
        assert brake is not None
        assert brake.on
    async with reviewer(desk, "carol", Role.ADMINISTRATOR) as carol:
        asked = await carol.post(f"{BRAKE}/release", {"reason": "right again"})
        assert "Let everything go on?" in asked.text
        brake = await desk.bed.ledger.brake()
        assert brake is not None
        assert brake.on, "the first step only asks"
        released = await carol.post(f"{BRAKE}/release", fields(asked.text, f"{BRAKE}/release"))
        assert released.status_code == 303
        text = await carol.page(BRAKE)
    assert "Billing runs" in text
    for shown in ("ann", "the sheet is wrong", "carol", "right again", "via console"):
        assert shown in text


async def test_before_a_release_it_says_how_many_go_on_and_when(desk: Desk) -> None:
    await desk.bed.monitored(terms=Terms(min_window_hours=24))
    held = await desk.bed.ledger.month("acme", Period(OCTOBER))
    assert held is not None
    now = datetime.now(UTC)
    await desk.bed.ledger.pull_brake("ann", "the sheet is wrong", "console", now)
    await desk.bed.handle("acme").terminate()
    await desk.bed.ledger.record(held.braked("the brake is on").evolve(revision=held.revision + 1), now)
    waiting = with_fields(opened(), customer=customer(customer_id="bolt"), brake=Braked(text="ann: the sheet is wrong"))
    await desk.bed.ledger.record_collection(waiting, only(waiting).opened_at)
    async with reviewer(desk, "carol", Role.ADMINISTRATOR) as carol:
        text = readable((await carol.post(f"{BRAKE}/release", {"reason": "right again"})).text)
    assert "1 open month goes on. Its notice or charge came due while the brake was on." in text
    assert "every month has at least 24 hours for review." in text
    assert "1 collection goes on at once, with the try or reminder that was waiting." in text


async def test_a_release_is_of_the_pull_that_was_confirmed(desk: Desk) -> None:
    ledger, now = desk.bed.ledger, datetime.now(UTC)
    await ledger.pull_brake("ann", "the sheet is wrong", "console", now)
    async with reviewer(desk, "carol", Role.ADMINISTRATOR) as carol:
        asked = await carol.post(f"{BRAKE}/release", {"reason": "right again"})
        await ledger.release_brake("bob", "right", "cli", now)
        await ledger.pull_brake("bob", "now it is really wrong", "cli", now)
        again = await carol.post(f"{BRAKE}/release", fields(asked.text, f"{BRAKE}/release"))
    assert "now it is really wrong" in again.text
    assert (await ledger.brakes())[0].on


async def test_a_double_click_pulls_it_once(desk: Desk) -> None:
    async with reviewer(desk) as ann:
        for _ in range(2):
            await ann.post(f"{BRAKE}/pull", {"reason": "the sheet is wrong", "confirm": "yes"})
    assert len(await desk.bed.ledger.brakes()) == 1


async def test_it_takes_a_reason(desk: Desk) -> None:
    async with reviewer(desk) as ann:
        refused = await ann.post(f"{BRAKE}/pull", {"reason": " ", "confirm": "yes"})
    assert refused.status_code == 422
    assert "Say why" in refused.text
    assert await desk.bed.ledger.brake() is None


async def test_a_viewer_sees_it_and_cannot_pull_it(desk: Desk) -> None:
    async with reviewer(desk, "vic", Role.VIEWER) as vic:
        page = (await vic.browser.get(BRAKE)).text
        assert "It has never been pulled" in page
        assert "/desk/brake/pull" not in page
        assert (await vic.post(f"{BRAKE}/pull", {"reason": "mine", "confirm": "yes"})).status_code == 403
    assert await desk.bed.ledger.brake() is None


async def test_it_says_which_charges_are_under_way(desk: Desk) -> None:
    await desk.bed.monitored()
    month = await desk.bed.announced()
    await desk.bed.handle("acme").terminate()
    now = max(datetime.now(UTC), month.charge_at)
    await desk.bed.ledger.record(month.begin_charge(now), now)
    async with reviewer(desk) as ann:
        text = readable((await ann.browser.get(BRAKE)).text)
    assert "Under way at this moment 1" in text
    assert "Acme acme, 2026-10 Charging" in text


async def test_it_says_which_tries_of_what_is_owed_are_under_way(desk: Desk) -> None:
    declined = opened()
    assert declined.customer.customer_id == "acme"

    def of(name: str, **fields: Any) -> Collection:
        return with_fields(declined, customer=customer(customer_id=name), revision=1, **fields)

    tried, waiting = of("bolt", attempt=ScheduledTry(day=3)), of("coal")
    stopped = of("dune", attempt=ScheduledTry(day=3), brake=Braked(text="ann: the sheet is wrong"))
    unknown = of("eden", looking=1, trouble=Failure(text="Stripe does not answer"))
    for each in (tried, waiting, stopped, unknown):
        await desk.bed.ledger.record_collection(each, only(each).opened_at)
    async with reviewer(desk) as ann:
        text = readable((await ann.browser.get(BRAKE)).text)
    assert "Under way at this moment 2" in text
    assert "bolt bolt, 2026-10 still owed Collecting €120.00" in text
    assert "eden eden, 2026-10 still owed Unresolved €120.00" in text


async def test_many_that_are_under_way_are_counted_and_the_first_are_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.reviewers.brake._SHOWN", 2)
    for name in ("acme", "bolt", "coal"):
        trying = with_fields(opened(), customer=customer(customer_id=name), attempt=ScheduledTry(day=3))
        await desk.bed.ledger.record_collection(trying, only(trying).opened_at)
    async with reviewer(desk) as ann:
        text = readable((await ann.browser.get(BRAKE)).text)
    assert "Under way at this moment 3" in text
    assert "bolt" in text
    assert "coal" not in text
    assert "and 1 more" in text


async def test_it_says_truthfully_that_nothing_is_under_way(desk: Desk) -> None:
    async with reviewer(desk) as ann:
        assert "no charge has begun and none has an unknown outcome" in await ann.page(BRAKE)
