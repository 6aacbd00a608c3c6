"""Planned works within chaos: announced to nodes, then moved or cancelled, each by two people at once."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial

from billing.announcements.announcement import Works
from billing.announcements.audience import Audience
from billing.errors import InvalidInput
from bootstrap import Adapters
from bootstrap_announcements import connect_announcement_desk
from sandbox.chaos.departments.service_plan import PlannedConnection
from sandbox.chaos.payers import patiently
from sandbox.stand_ins.office import OFFICE, Office
from sandbox.stand_ins.provisioning import switched
from sandbox.stand_ins.subscribers import SUBSCRIBERS, owners
from settings import Settings

_BY = "cleo"


class PlannedWorks:
    """``done`` counts announcements by what became of them."""

    def __init__(self, settings: Settings, adapters: Adapters, newcomers: list[PlannedConnection], zone: str) -> None:
        self.done: Counter[str] = Counter()
        self._folder = settings.data_dir
        self._desk = connect_announcement_desk(settings, adapters.ledger)
        self._office = Office(settings.data_dir / OFFICE)
        self._newcomers = newcomers
        self._zone = zone

    async def announce(self) -> None:
        """Each node that has anybody; the first one's works are moved, the others' are cancelled."""
        for place, node in enumerate(sorted({each.node for each in self._newcomers})):
            if phones := self._phones(node):
                await self._tell(node, phones, is_moved=place == 0)

    def _phones(self, node: str) -> list[str]:
        """Of those whom the network serves there."""
        states, numbers = switched(self._folder / "provisioning.jsonl"), owners(self._folder / SUBSCRIBERS)
        served = {numbers[number].customer_id for number, state in states.items() if state == "active"}
        return [each.phone for each in self._newcomers if each.node == node and each.customer_id in served]

    async def _tell(self, node: str, phones: list[str], is_moved: bool) -> None:
        works, audience, desk = self._works(f"a switch of {node}", 2), Audience(nodes=(node,)), self._desk
        self._office.announces(node, works.reason, phones)
        try:
            draft = await patiently(lambda: desk.create(node, works, audience, _BY, _now()))
        except InvalidInput:  # nobody but them is connected at all
            audience = Audience(everybody=True)
            draft = await patiently(lambda: desk.create(node, works, audience, _BY, _now()))
        approve = partial(desk.approve, draft.number, "dan", "checked", _now())
        await asyncio.gather(*(patiently(approve) for _ in range(2)))
        self.done["works announced"] += 1
        key, later = f"{node}-2", self._works(f"another switch of {node}", 3)
        self._office.announces(key, later.reason if is_moved else "", phones, changes=node)
        if is_moved:
            change = partial(desk.correct, draft.number, key, later, _BY, "the crew is ill", _now())
        else:
            change = partial(desk.cancel, draft.number, key, _BY, "no works at all", _now())
        await asyncio.gather(*(patiently(change) for _ in range(2)))
        self.done["works moved" if is_moved else "works cancelled"] += 1

    def _works(self, reason: str, days: int) -> Works:
        starts_at = _now().replace(minute=0, second=0, microsecond=0) + timedelta(days=days)
        return Works(starts_at=starts_at, ends_at=starts_at + timedelta(hours=2), timezone=self._zone, reason=reason)


def _now() -> datetime:
    return datetime.now(UTC)
