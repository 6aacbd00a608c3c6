"""The inbox ends when it is told to, and handles an event once, whatever happens in that moment."""

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from billing.payments.ports import EventRow
from inbound.inbox import Inbox


class _EmptyLedger:
    async def open_events(self, limit: int, failed: list[Any]) -> list[Any]:
        return []


@pytest.mark.parametrize("turns", range(4))
async def test_news_that_come_as_it_ends_do_not_keep_it_up(turns: int) -> None:
    async def come_and_go() -> None:
        inbox = Inbox(cast(Any, _EmptyLedger()), cast(Any, None), cast(Any, None), cast(Any, None))
        async with inbox.open():
            for _ in range(5):
                await asyncio.sleep(0)
            inbox._news.set()
            for _ in range(turns):
                await asyncio.sleep(0)

    ended, _ = await asyncio.wait({asyncio.create_task(come_and_go())}, timeout=10)
    assert ended


_NOW = datetime(2026, 10, 2, tzinfo=UTC)


class _SlowLedger:
    """Has one event; the second look at it takes until that event is closed, and still shows it open."""

    def __init__(self) -> None:
        self.looks = 0
        self._closed = asyncio.Event()

    async def open_events(self, limit: int, failed: list[Any]) -> list[EventRow]:
        self.looks += 1
        if self.looks == 2:
            await self._closed.wait()
        elif self.looks > 2:
            return []
        names = dict.fromkeys(("event_id", "type", "object_id", "payment_id"), "pi_acme")
        return [EventRow(**names, created_at=_NOW, received_at=_NOW)]

    async def close_event(self, event_id: str, result: str) -> None:
        self._closed.set()


async def test_an_event_that_is_closed_while_open_ones_are_read_is_not_handled_again() -> None:
    ledger = _SlowLedger()
    handled = []

    class Books:
        async def take_in(self, payment_id: str) -> str:
            handled.append(payment_id)
            inbox._news.set()
            while ledger.looks < 2:
                await asyncio.sleep(0)
            return "done"

    inbox = Inbox(cast(Any, ledger), cast(Any, Books()), cast(Any, None), cast(Any, None))
    async with inbox.open(), asyncio.timeout(10):
        while ledger.looks < 3:
            await asyncio.sleep(0)
    assert handled == ["pi_acme"]
