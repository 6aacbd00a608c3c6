"""The story of the small provider: from its first bills to those of the month after.

    async with telecom_story(stack, client, ledger, narrator) as (story, password):
        await story.play()

Real sockets and real processes. People use the console's own forms, or the command line; subscribers the bank's app and
the web shop; all clocks skip together.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Protocol

from temporalio.client import Client

from billing.customers.schedule import Instants, Schedule
from billing.errors import BillingError
from billing.period import Period
from billing.reviewers.ports import UserStore
from billing.subscribers.service import ServiceState
from bootstrap_procedures import connect_procedures
from sandbox.demo.narrator import Narrator
from sandbox.demo.telecom import changes, connections, late_payers
from sandbox.demo.telecom.company import (
    AIGUL,
    DANA,
    ERLAN,
    MARAT,
    RESIDENTS,
    RUSLAN,
    SAULE,
    TIMUR,
    ZONE,
    connect_residents,
    write_roster,
)
from sandbox.demo.telecom.people import people
from sandbox.demo.telecom.scene import Scene, SceneLedger
from sandbox.demo.telecom.story_time import StoryTime, workday
from sandbox.reviewers import alerts_are_sent
from sandbox.stack.people import prepare_people
from sandbox.stack.stack import Stack
from sandbox.stand_ins.office import OFFICE, Office
from sandbox.timeline import until

ENDS = {
    connections.DANAS: "connected",
    connections.ERLANS: "connected",
    changes.TIMURS: "changed",
    changes.AIGULS: "answered",
    late_payers.RUSLANS: "disconnected",
}
"""How each order ends."""
STATES = dict.fromkeys(
    (each.customer_id for each in (AIGUL, TIMUR, SAULE, MARAT, DANA, ERLAN)), ServiceState.ACTIVE
) | {RUSLAN.customer_id: ServiceState.DISCONNECTED}
"""How the account of each customer stands at the end."""
_HOUR = timedelta(hours=1)
_TIMEOUT_SECONDS = 60


class StoryLedger(SceneLedger, UserStore, Protocol):
    """The part of the ledger that is used here."""


class TelecomStory:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    @property
    def periods(self) -> tuple[Period, Period]:
        """The months whose bills are seen."""
        return self.scene.time.before, self.scene.time.month

    async def play(self) -> None:
        await self.begin()
        await self.go_on()

    async def begin(self) -> None:
        """The company as it was, its bills, and two connections."""
        scene = self.scene
        await self._open()
        await self._bill()
        asked_at = workday(self._instants(self.periods[0]).notice_at + timedelta(days=1))
        visit_at = workday(asked_at + timedelta(days=1))
        await scene.time.pass_to(asked_at)
        await connections.ask_to_be_connected(scene, visit_at)
        await scene.time.pass_to(visit_at)
        await connections.connect(scene)

    async def go_on(self) -> None:
        """The rest of the month, and its bills."""
        scene = self.scene
        await late_payers.remind(scene)
        await changes.change_tariff(scene)
        await changes.answer_request(scene)
        await changes.announce_works(scene)
        await late_payers.warn(scene)
        await late_payers.suspend(scene)
        await late_payers.pay_at_the_last_step(scene)
        await late_payers.disconnect(scene)
        await self._bill_again()
        await self._close()

    async def _open(self) -> None:
        scene = self.scene
        scene.chapter(f"a provider with {len(RESIDENTS)} subscribers, without a sheet and without cards")
        roster = write_roster(scene.folder)
        await scene.type("start", "--from", roster.name, "--period", self.periods[0], lines=slice(-1, None))
        scene.time.customers += [each.customer_id for each in RESIDENTS]
        await connect_residents(scene.folder, scene.ledger, self.periods[0].first_day, scene.time.now)
        await scene.time.rest()

    async def _bill(self) -> None:
        await self.scene.time.pass_to(self._instants(self.periods[0]).notice_at + _HOUR)
        self.scene.chapter("bills go out by text; aigul and timur pay at once")
        await self.scene.phones_ring()
        for customer_id in (AIGUL.customer_id, TIMUR.customer_id):
            await self.scene.pays_in_app(customer_id)

    async def _bill_again(self) -> None:
        await self.scene.time.pass_to(self._instants(self.periods[1]).notice_at + _HOUR)
        self.scene.chapter("the month's bills: days of two tariffs, of new accounts, and a router; all but ruslan pay")
        await self.scene.phones_ring()
        for customer_id in STATES:
            if customer_id != RUSLAN.customer_id:
                await self.scene.pays_in_app(customer_id)
        await self.scene.phones_ring()

    async def _close(self) -> None:
        scene = self.scene
        scene.chapter("where everything stands")
        await asyncio.gather(
            scene.type("orders", "list"), scene.type("reconcile", "--period", self.periods[1], lines=slice(-1, None))
        )
        try:
            await until(lambda: alerts_are_sent(scene.ledger), _TIMEOUT_SECONDS)
        except TimeoutError:
            raise BillingError("the demo gave up waiting for the last digest to the reviewers") from None

    def _instants(self, period: Period) -> Instants:
        return Schedule().instants(period, ZONE)


@asynccontextmanager
async def telecom_story(
    stack: Stack, client: Client, ledger: StoryLedger, show: Narrator
) -> AsyncIterator[tuple[TelecomStory, str]]:
    """The story, and the password of all people in it."""
    password = await prepare_people(stack.settings.data_dir, ledger)
    office, time = Office(stack.settings.data_dir / OFFICE), StoryTime(stack, client, ledger)
    async with people(stack, ledger, office, show, password) as signed_in:
        scene = Scene(stack, ledger, show, time, signed_in, office, connect_procedures(stack.settings))
        yield TelecomStory(scene), password
