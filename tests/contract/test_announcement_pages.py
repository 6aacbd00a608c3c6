"""Everybody concerned is told of planned works once, within contact hours, whatever fails; corrections come after."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from starlette.types import ASGIApp

from adapters.sms.smsc import Smsc
from adapters.sql.ledger import SqlLedger
from billing.announcements.announcement import RecipientState
from billing.announcements.audience import Audience
from billing.errors import InvalidInput
from billing.events.event import OutgoingEvent
from billing.texts.text import Delivery, TextReport, TextStatus
from bootstrap_texts import SANDBOX_SMSC
from process.settings.texts import TextTerms
from sandbox.sms.api import sms_app
from sandbox.stand_ins.control import control
from sandbox.stand_ins.faults import Faults
from sandbox.timeline import until
from services.messages.customer_texts import CustomerTexts
from tests.contract.announcement_fixtures import (
    DAY,
    MORNING,
    SECONDS,
    TERMS,
    WORKS,
    Clock,
    Person,
    alerts_of,
    all_pages_sent,
    approved,
    counts,
    desk_of,
    many,
    phone,
    sending,
    settle_in,
)
from tests.forks import Fork

Serve = Callable[[ASGIApp], Awaitable[str]]
EVERYBODY = Audience(everybody=True)
KILLED = "import asyncio, sys; from tests.announcing import main; asyncio.run(main(*sys.argv[1:]))"


class World:
    """A ledger, a vendor of texts on a real socket, and a clock."""

    def __init__(self, ledger: SqlLedger, port: int) -> None:
        self.ledger, self.port, self.clock = ledger, port, Clock()
        password = SANDBOX_SMSC.password.get_secret_value()
        secret = SANDBOX_SMSC.secret.get_secret_value()
        self.vendor = Smsc(SANDBOX_SMSC.login, password, "ACME", secret, f"http://127.0.0.1:{port}/rest/")

    def texts(self, terms: TextTerms = TERMS) -> CustomerTexts:
        return CustomerTexts(self.vendor, self.ledger, terms, terms, alerts_of(self.ledger), self.clock.now)

    async def stand(self, path: str, body: object = None, method: str = "POST") -> Any:
        return await control(self.port, path, body, method)

    async def received(self) -> list[tuple[str, str]]:
        """Number and text of each, in their order."""
        return [(f"+{text['to'].lstrip('+')}", text["body"]) for text in await self.stand("texts", method="GET")]

    async def send(self, terms: TextTerms = TERMS) -> None:
        async with sending(self.ledger, self.texts(terms), self.clock):
            await all_pages_sent(self.ledger)


@pytest.fixture
async def world(ledger: SqlLedger, serve: Serve) -> AsyncIterator[World]:
    url = await serve(Faults(sms_app()))
    world = World(ledger, int(url.rpartition(":")[2]))
    yield world
    await world.vendor.close()


async def waiting(world: World) -> list[OutgoingEvent]:
    return [event async for page in world.ledger.outgoing_events(undelivered_only=True) for event in page]


async def release(world: World) -> None:
    """A page that waits for a minute, or for another day, is looked at now."""
    for event in await waiting(world):
        await world.ledger.resend_event(event.event_id)


async def test_everybody_is_told_once_though_they_have_three_accounts_or_share_a_number(world: World) -> None:
    people = [
        Person("anna", phone(1), ("north-1",) * 3),
        Person("boris", phone(1), timezone="Asia/Qyzylorda"),
        Person("clara", None),
        Person("dora", phone(4)),
    ]
    await settle_in(world.ledger, people)
    await approved(world.ledger, EVERYBODY)
    await world.send()
    text = "Planned works 2 Dec 10:00-12:00: новый коммутатор. Your service may be interrupted."
    assert sorted(await world.received()) == [(phone(1), text), (phone(4), text)]
    assert await counts(world.ledger, 1) == {"told": 5, "no_number": 1}
    row = (await world.ledger.texts("dora"))[0]
    await world.ledger.take_report(
        row.message_id, TextReport(vendor_id="7", delivery=Delivery.DELIVERED), MORNING + DAY
    )
    (proof,) = [each for each in await world.ledger.recipients(1) if each.customer_id == "dora"]
    assert (proof.state, proof.delivery, proof.at) == (RecipientState.TOLD, TextStatus.DELIVERED, MORNING)
    assert proof.delivered_at == MORNING + DAY


async def test_in_the_night_nobody_is_told_and_in_the_morning_everybody_by_their_own_clocks(world: World) -> None:
    west = Person("boris", phone(2), timezone="Europe/Paris")
    await settle_in(world.ledger, [Person("anna", phone(1)), west])
    await approved(world.ledger, EVERYBODY)
    async with sending(world.ledger, world.texts(), world.clock):

        async def east_is_told() -> bool:
            return len(await waiting(world)) == 1 and await counts(world.ledger, 1) == {"told": 1, "waiting": 1}

        await until(east_is_told, SECONDS)
        (event,) = await waiting(world)

        async def west_waits() -> bool:
            return "waits for contact hours, until 2026-12-01 08:00 UTC" in ((await waiting(world))[0].fault or "")

        await until(west_waits, SECONDS)
        assert event.payload["data"]["timezone"] == "Europe/Paris"  # type: ignore[index]
        assert [to for to, _ in await world.received()] == [phone(1)]
        world.clock.at = MORNING + timedelta(hours=3)
        await all_pages_sent(world.ledger)
    assert [to for to, _ in await world.received()] == [phone(1), phone(2)]


async def test_beyond_the_days_limit_the_rest_waits_for_the_next_day(world: World) -> None:
    await settle_in(world.ledger, many(5))
    await approved(world.ledger, EVERYBODY)
    terms = TERMS.evolve(per_day=3)
    desk = desk_of(world.ledger, terms)
    seen = await desk.preview(WORKS, EVERYBODY, MORNING)
    assert (seen.reach.text_count, seen.beyond_limit) == (5, 2)
    async with sending(world.ledger, world.texts(terms), world.clock):

        async def held() -> bool:
            return (await counts(world.ledger, 1)) == {"told": 3, "waiting": 2}

        await until(held, SECONDS)
    assert len(await world.received()) == 3


async def test_a_number_that_is_refused_keeps_nobody_else_waiting(world: World) -> None:
    await settle_in(world.ledger, many(3))
    await world.stand("answers", {"smsc_code": 8, "times": 1})
    await approved(world.ledger, EVERYBODY)
    await world.send()
    assert await counts(world.ledger, 1) == {"told": 2, "failed": 1}
    assert len(await world.received()) == 2


@pytest.mark.parametrize("fault", [{"kind": "drop_after", "times": 3}, {"kind": "status", "times": 3}])
async def test_after_lost_answers_and_outages_everybody_is_told_once(world: World, fault: dict[str, object]) -> None:
    await settle_in(world.ledger, many(20))
    await world.stand("faults", {**fault, "path": "send"})
    await approved(world.ledger, EVERYBODY)
    async with sending(world.ledger, world.texts(), world.clock):

        async def some_told() -> bool:
            return (await counts(world.ledger, 1)).get("told", 0) > 0

        await until(some_told, SECONDS)

        async def noted() -> bool:
            pages = await waiting(world)
            return bool(pages) and pages[0].fault is not None

        await until(noted, SECONDS)
        world.clock.at += timedelta(minutes=2)  # by then a text that was begun is looked up
        await release(world)
        await all_pages_sent(world.ledger)
    assert await counts(world.ledger, 1) == {"told": 20}
    assert Counter(to for to, _ in await world.received()) == Counter(phone(place) for place in range(20))


async def test_a_correction_comes_after_what_it_corrects_and_to_who_waits_alone(world: World) -> None:
    await settle_in(world.ledger, many(3))
    await approved(world.ledger, EVERYBODY)
    terms = TERMS.evolve(per_day=2)
    async with sending(world.ledger, world.texts(terms), world.clock):

        async def held() -> bool:
            return (await counts(world.ledger, 1)) == {"told": 2, "waiting": 1}

        await until(held, SECONDS)
    later = WORKS.evolve(starts_at=WORKS.starts_at + DAY, ends_at=WORKS.ends_at + DAY)
    desk = desk_of(world.ledger)
    await desk.correct(1, "k2", later, "ann", "the crew is ill", MORNING)
    await release(world)
    await world.send()
    bodies: dict[str, list[str]] = {}
    for to, body in await world.received():
        bodies.setdefault(to, []).append(body[:14])
    assert Counter(map(tuple, bodies.values())) == {("Planned works ", "Changed: plann"): 2, ("Planned works ",): 1}
    await desk.cancel(2, "k3", "ann", "no works at all", MORNING)
    await world.send()
    cancelled = [to for to, body in await world.received() if body.startswith("Cancelled: the planned works 3 Dec")]
    assert sorted(cancelled) == [phone(0), phone(1), phone(2)]


async def test_a_person_who_is_erased_before_their_page_is_not_told(world: World) -> None:
    await settle_in(world.ledger, many(2))
    await approved(world.ledger, EVERYBODY)
    with world.ledger._writing("close an account") as connection:
        connection.exec_driver_sql("UPDATE customers SET closed_at = created_at WHERE customer_id = 'c00000'")
    await world.ledger.erase("c00000", "ann", "asked", MORNING)
    await world.send()
    assert [to for to, _ in await world.received()] == [phone(1)]
    assert await counts(world.ledger, 1) == {"told": 1, "erased": 1}
    assert {each.recipient for each in await world.ledger.recipients(1)} == {"erased", phone(1)}


async def test_without_a_vendor_nothing_is_approved(world: World) -> None:
    await settle_in(world.ledger, many(1))
    desk = desk_of(world.ledger)
    desk._can_send = False
    draft = await desk.create("a1", WORKS, EVERYBODY, "ann", MORNING)
    with pytest.raises(InvalidInput, match="set BILLING_SMS"):
        await desk.approve(draft.number, "bob", "checked", MORNING)


async def test_killed_in_the_middle_everybody_is_told_once(world: World, url: str) -> None:
    await settle_in(world.ledger, many(250))
    await approved(world.ledger, EVERYBODY)
    for at_least in (30, 130):
        process = Fork(KILLED, url, str(world.port), world.clock.at.isoformat())

        async def begun(at_least: int = at_least) -> bool:
            return len(await world.received()) >= at_least

        await until(begun, 2 * SECONDS)
        process.kill()
        await asyncio.to_thread(process.wait)
        world.clock.at += timedelta(minutes=2)

    async def all_told() -> bool:
        """A page that a slow answer has stopped is looked at again, when its text may be looked up."""
        if any(event.fault for event in await waiting(world)):
            world.clock.at += timedelta(minutes=2)
            await release(world)
        return not await waiting(world)

    async with sending(world.ledger, world.texts(), world.clock, claim=timedelta(seconds=1)):
        await until(all_told, 2 * SECONDS)
    assert await counts(world.ledger, 1) == {"told": 250}
    assert Counter(to for to, _ in await world.received()) == Counter(phone(place) for place in range(250))
