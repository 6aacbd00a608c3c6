"""The inbox ends when it is told to, whatever happens in that moment."""

import asyncio
from typing import Any, cast

import pytest

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
