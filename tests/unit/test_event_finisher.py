"""Deliveries are recorded together, and each is on record before it counts as recorded."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from billing.errors import LedgerUnavailable
from billing.events.event import Destination, OutgoingEvent
from services.events.finisher import EventFinisher


def event(number: int) -> OutgoingEvent:
    values: dict[str, Any] = {"number": number, "destination": Destination.ORDER}
    return OutgoingEvent.model_construct(**values)


class Outbox:
    def __init__(self, failures: int = 0) -> None:
        self.records: list[list[int]] = []
        self.failures = failures

    async def events_are_done(self, events: Sequence[OutgoingEvent], at: datetime) -> None:
        assert at <= datetime.now(UTC)
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise LedgerUnavailable("locked")
        self.records.append([each.number for each in events])


async def test_what_ends_while_others_are_recorded_is_recorded_together() -> None:
    outbox = Outbox()
    finisher = EventFinisher(cast(Any, outbox))
    await asyncio.gather(*(finisher.finish(event(number)) for number in range(5)))
    assert sorted(number for record in outbox.records for number in record) == [0, 1, 2, 3, 4]
    assert len(outbox.records) <= 2


async def test_a_failure_is_of_one_and_the_others_are_recorded() -> None:
    outbox = Outbox(failures=1)
    finisher = EventFinisher(cast(Any, outbox))
    outcomes = await asyncio.gather(*(finisher.finish(event(number)) for number in range(3)), return_exceptions=True)
    assert [isinstance(outcome, LedgerUnavailable) for outcome in outcomes] == [True, False, False]
    assert sorted(number for record in outbox.records for number in record) == [1, 2]
