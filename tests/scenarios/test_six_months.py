"""Six months of twenty subscribers: any text, mail, call, entry or task that is not expected fails."""

import re
from collections.abc import AsyncIterator
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from billing.customers.contact_hours import ContactHours
from billing.subscribers.service import ServiceState
from billing.texts.text import TextKind
from sandbox.stack.temporal_server import TemporalServer
from sandbox.stand_ins.control import control
from sandbox.stand_ins.provisioning import switched
from tests.bed import Bed, prepared_bed
from tests.scenarios.town.seen import nothing_else, seen
from tests.scenarios.town.subscribers import DEAF, TOWN
from tests.scenarios.town.town import ZONE, Subscriber, Town

HOURS = ContactHours.read("mon-sun 09:00-20:00")
IN_HOURS = (TextKind.REMINDER, TextKind.WARNING, TextKind.SUSPENDED)

pytestmark = [pytest.mark.limit(900), pytest.mark.turns(2)]


@pytest_asyncio.fixture
async def wide_bed(server: TemporalServer, tmp_path: Path) -> AsyncIterator[Bed]:
    """Bills come from tariffs alone, and ladders act on every day."""
    async with prepared_bed(server, tmp_path, sales="none", contact_hours=HOURS) as prepared:
        yield prepared


async def test_six_months_of_twenty_subscribers_are_seen_as_they_were_written_down(wide_bed: Bed) -> None:
    town = Town(wide_bed, TOWN)
    await town.settle()
    phone = (town.subscribers[DEAF].phone or "").removeprefix("+")
    await control(wide_bed.ports.sms, "outcomes", {"to": phone, "state": "failed"})
    await town.live()
    happened, written = [await seen(town, name) for name in town.subscribers], [*map(_written, TOWN)]
    assert {*chain(*happened)} ^ {*chain(*written)} == set(), "what was not written down, or has not happened"
    assert happened == written
    await nothing_else(town)
    await _the_network_agrees(town)
    await _nobody_is_disturbed(town)


def _written(subscriber: Subscriber) -> list[str]:
    """One line for each month, as ``seen``."""
    lines = []
    for line in subscriber.seen.strip().splitlines():
        first, last, words = re.fullmatch(r"\s*(\d)(?:-(\d))?: (.*)", line).groups()  # type: ignore[union-attr]
        lines += [f"{subscriber.name}, {month}: {words}" for month in range(int(first), int(last or first) + 1)]
    return lines


async def _the_network_agrees(town: Town) -> None:
    """Each account is in the state that it should have after six months, also where services are switched."""
    gone = {number: ServiceState.DISCONNECTED for name in ("never", "erased") for number in town.numbers[name]}
    works = {number: ServiceState.ACTIVE for numbers in town.numbers.values() for number in numbers}
    assert switched(town.bed.folder / "provisioning.jsonl") == works | gone


async def _nobody_is_disturbed(town: Town) -> None:
    for name in town.subscribers:
        for row in await town.bed.ledger.texts(name, limit=1000):
            if row.kind in IN_HOURS:
                assert 9 <= row.began_at.astimezone(ZoneInfo(ZONE)).hour < 20, row
