"""Turns at a pace: with a clock that only ``sleep`` moves."""

import asyncio

from adapters.sheets.pace import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))

    def pace(self) -> Pace:
        return Pace(20, clock=lambda: self.now, sleep=self.sleep)


async def test_many_at_once_have_their_turns_at_even_distances() -> None:
    clock = Clock()
    pace = clock.pace()
    await asyncio.gather(*(pace.turn() for _ in range(41)))
    assert clock.slept == [round(number / 20, 6) for number in range(1, 41)]


async def test_one_alone_never_waits_and_a_pause_gives_no_credit() -> None:
    clock = Clock()
    pace = clock.pace()
    for _ in range(3):
        await pace.turn()
        clock.now += 60
    assert clock.slept == []
    await asyncio.gather(pace.turn(), pace.turn())
    assert clock.slept == [0.05]
